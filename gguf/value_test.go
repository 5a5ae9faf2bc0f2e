package gguf

import (
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/message"
)

// looks is what the accessors of one value give; nil stands for false.
type looks struct{ uint, int, float, bool, text, strings, ints, floats, bools, bytes any }

func accessors(v Value) looks {
	some := func(x any, ok bool) any {
		if !ok {
			return nil
		}
		return x
	}
	var l looks
	u, ok := v.Uint()
	l.uint = some(u, ok)
	i, ok := v.Int()
	l.int = some(i, ok)
	f, ok := v.Float()
	l.float = some(f, ok)
	b, ok := v.Bool()
	l.bool = some(b, ok)
	s, ok := v.Text()
	l.text = some(s, ok)
	ss, ok := v.Strings()
	l.strings = some(ss, ok)
	is, ok := v.Ints()
	l.ints = some(is, ok)
	fs, ok := v.Floats()
	l.floats = some(fs, ok)
	bs, ok := v.Bools()
	l.bools = some(bs, ok)
	by, ok := v.Bytes()
	l.bytes = some(by, ok)
	return l
}

func TestValueAccessors(t *testing.T) {
	type u = uint64
	type i = int64
	type f = float64
	none := looks{strings: []string{}, ints: []i{}, floats: []f{}, bools: []bool{}, bytes: []byte{}}
	for _, c := range []struct {
		v    Value
		show string
		want looks
	}{
		{ValueOf(uint8(200)), "200", looks{uint: u(200), int: i(200), float: f(200)}},
		{ValueOf(int8(-3)), "-3", looks{int: i(-3), float: f(-3)}},
		{ValueOf(int8(3)), "3", looks{uint: u(3), int: i(3), float: f(3)}},
		{ValueOf(uint16(math.MaxUint16)), "65535", looks{uint: u(65535), int: i(65535), float: f(65535)}},
		{ValueOf(int16(math.MinInt16)), "-32768", looks{int: i(-32768), float: f(-32768)}},
		{ValueOf(uint32(math.MaxUint32)), "4294967295", looks{uint: u(math.MaxUint32), int: i(math.MaxUint32), float: f(math.MaxUint32)}},
		{ValueOf(int32(-1)), "-1", looks{int: i(-1), float: f(-1)}},
		{ValueOf(uint64(math.MaxUint64)), "18446744073709551615", looks{uint: u(math.MaxUint64), float: f(math.MaxUint64)}},
		{ValueOf(int64(math.MinInt64)), "-9223372036854775808", looks{int: i(math.MinInt64), float: f(math.MinInt64)}},
		{ValueOf(float32(0.1)), "0.1", looks{float: f(float32(0.1))}},
		{ValueOf(math.Pi), "3.141592653589793", looks{float: math.Pi}},
		{ValueOf(true), "true", looks{bool: true}},
		{ValueOf(false), "false", looks{bool: false}},
		{ValueOf("a\xff\x00"), "a\xff\x00", looks{text: "a\xff\x00"}},
		{ValueOf(""), "", looks{text: ""}},
		{ArrayOf([]string{"a", "", "\xff"}), `["a", "", "\xff"]`, looks{strings: []string{"a", "", "\xff"}}},
		{ArrayOf([]uint8{1, 255}), "[1, 255]", looks{ints: []i{1, 255}, floats: []f{1, 255}, bytes: []byte{1, 255}}},
		{ArrayOf([]int8{1, -1}), "[1, -1]", looks{ints: []i{1, -1}, floats: []f{1, -1}, bytes: []byte{1, 255}}},
		{ArrayOf([]int32{-7}), "[-7]", looks{ints: []i{-7}, floats: []f{-7}}},
		{ArrayOf([]uint64{1, math.MaxUint64}), "[1, 18446744073709551615]", looks{floats: []f{1, math.MaxUint64}}},
		{ArrayOf([]float32{1.5}), "[1.5]", looks{floats: []f{1.5}}},
		{ArrayOf([]float64{1e300}), "[1e+300]", looks{floats: []f{1e300}}},
		{ArrayOf([]bool{true, false}), "[true, false]", looks{bools: []bool{true, false}}},
		{ArrayOf([]string{}), "[]", none},
		{ArrayOf([]float32(nil)), "[]", none},
		{Value{kind: Array, elem: Array}, "[]", none},
	} {
		if got := accessors(c.v); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %s:\n got %#v\nwant %#v", c.v.describe(), c.v, got, c.want)
		}
		if got := c.v.String(); got != c.show {
			t.Errorf("%s: String %q, want %q", c.v.describe(), got, c.show)
		}
	}
}

func TestValueElements(t *testing.T) {
	a, err := Arrays(ArrayOf([]string{"a", "b"}), ArrayOf([]int16{}), ArrayOf([]int16{-5}))
	if err != nil {
		t.Fatal(err)
	}
	if a.Kind() != Array || a.Elem() != Array || a.Len() != 3 || a.String() != `[["a", "b"], [], [-5]]` {
		t.Errorf("got %s of %s with %d: %s", a.Kind(), a.Elem(), a.Len(), a)
	}
	got := slices.Collect(a.Elements())
	want := []Value{ArrayOf([]string{"a", "b"}), ArrayOf([]int16{}), ArrayOf([]int16{-5})}
	if !slices.Equal(got, want) {
		t.Errorf("elements %v, want %v", got, want)
	}
	for range a.Elements() { // may be left early
		break
	}
	if n := len(slices.Collect(ValueOf("abc").Elements())); n != 0 {
		t.Errorf("a string has %d elements, want none", n)
	}
	if v := ValueOf(int16(4)); v.Elem() != Int16 || v.Len() != 1 {
		t.Errorf("int16: element %s, length %d", v.Elem(), v.Len())
	}

	if _, err := Arrays(a, ValueOf(true)); err == nil {
		t.Error("an array of arrays took a bool")
	}
	for depth := 2; depth < maxDepth; depth++ {
		if a, err = Arrays(a); err != nil {
			t.Fatalf("depth %d: %v", depth+1, err)
		}
	}
	_, err = Arrays(a)
	wants(t, err, "deeper than 4")
}

func TestValueStringIsShort(t *testing.T) {
	v := ArrayOf([]string{strings.Repeat("ж", 1000), "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	want := `["` + strings.Repeat("ж", message.Shown/2) + `"…, "1", "2", "3", "4", "5", "6", "7", … 10 in all]`
	if got := v.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKindString(t *testing.T) {
	for k, want := range []string{
		"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64", "kind 13",
	} {
		if got := Kind(k).String(); got != want {
			t.Errorf("kind %d: %s, want %s", k, got, want)
		}
	}
}

// A vocabulary is an array of many strings: it takes memory once, not once a string.
func TestArrayOfStringsMemory(t *testing.T) {
	const n = 1 << 12
	words := make([]string, n)
	for i := range words {
		words[i] = strings.Repeat("x", 24)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v := ArrayOf(words)
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(4*len(v.raw)); got > most {
		t.Errorf("array of %d strings, %d bytes: took %d bytes of memory, want at most %d", n, len(v.raw), got, most)
	}
}
