package golden

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// npy builds a .npy file.
func npy(version byte, header string, data ...byte) []byte {
	b := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), data...)
}

// member is one file of an archive.
type member struct {
	name string
	raw  []byte
}

func npz(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (map[string]Array, error) { return ReadNPZ(bytes.NewReader(b), int64(len(b))) }

// testdata/types.npz and stored.npz were written by numpy: deflated arrays of
// every element type, and one that is stored.
func TestLoadNPZ(t *testing.T) {
	arrays, err := LoadNPZ("testdata/types.npz")
	if err != nil {
		t.Fatal(err)
	}
	get := func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, c := range map[string]struct{ got, want any }{
		"f2":     {get(arrays["f2"].Float16s()), []uint16{0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x5640}},
		"f4":     {get(arrays["f4"].Float32s()), []float32{0, 1, 2, 3, 4, 100}},
		"f8":     {get(arrays["f8"].Float64s()), []float64{0, 1, 2, 3, 4, 100}},
		"i1":     {get(arrays["i1"].Int8s()), []int8{0, 1, 2, 3, 4, 100}},
		"i2":     {get(arrays["i2"].Int16s()), []int16{0, 1, 2, 3, 4, 100}},
		"i4":     {get(arrays["i4"].Int32s()), []int32{0, 1, 2, 3, 4, 100}},
		"i8":     {get(arrays["i8"].Int64s()), []int64{0, 1, 2, 3, 4, 100}},
		"u1":     {get(arrays["u1"].Uint8s()), []uint8{0, 1, 2, 3, 4, 100}},
		"u2":     {get(arrays["u2"].Uint16s()), []uint16{0, 1, 2, 3, 4, 100}},
		"u4":     {get(arrays["u4"].Uint32s()), []uint32{0, 1, 2, 3, 4, 100}},
		"u8":     {get(arrays["u8"].Uint64s()), []uint64{0, 1, 2, 3, 4, 100}},
		"bool":   {get(arrays["bool"].Bools()), []bool{true, false, true}},
		"scalar": {get(arrays["scalar"].Float32s()), []float32{1.5}},
		"empty":  {get(arrays["empty"].Int32s()), []int32{}},
		"one":    {get(arrays["one"].Int64s()), []int64{-7}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("array %s: got %v, want %v", name, c.got, c.want)
		}
		if a := arrays[name]; a.Name != name || a.Len() != reflect.ValueOf(c.want).Len() {
			t.Errorf("array %s: got name %q and length %d", name, a.Name, a.Len())
		}
	}
	for name, want := range map[string][]int{"f4": {2, 3}, "scalar": {}, "empty": {3, 0, 2}, "one": {1}} {
		if got := arrays[name].Shape; !reflect.DeepEqual(got, want) {
			t.Errorf("shape of %s: got %v, want %v", name, got, want)
		}
	}
	if len(arrays) != 15 {
		t.Errorf("types.npz: got %d arrays, want 15", len(arrays))
	}
	arrays, err = LoadNPZ("testdata/stored.npz")
	if err != nil {
		t.Fatal(err)
	}
	if got := get(arrays["x"].Float32s()); !reflect.DeepEqual(got, []float32{0, 1, 2, 3, 4}) {
		t.Errorf("stored.npz: got %v", got)
	}
}

func TestArrayTypes(t *testing.T) {
	a := Array{Name: "x", DType: "f4", Shape: []int{1}, Data: make([]byte, 4)}
	if _, err := a.Int32s(); !errors.Is(err, ErrType) || !strings.Contains(err.Error(), `"x": wrong type f4, want i4`) {
		t.Errorf("f4 as i4: got %v", err)
	}
	if _, err := (Array{}).Float32s(); !errors.Is(err, ErrType) {
		t.Errorf("no array as f4: got %v, want %v", err, ErrType)
	}
	if n := (Array{}).Len(); n != 0 {
		t.Errorf("length of no array: got %d, want 0", n)
	}
}

const plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n"

func TestNPYHeaders(t *testing.T) {
	for header, want := range map[string]Array{
		plain: {DType: "f4", Shape: []int{2, 3}},
		`{"shape":(6,),"descr":"<f4","fortran_order":False}`:                {DType: "f4", Shape: []int{6}},
		"{'descr': '|u1', 'fortran_order': False, 'shape': (24 , ) , }":     {DType: "u1", Shape: []int{24}},
		"{'descr': '<u1', 'fortran_order': False, 'shape': (2, 3, 4,), }":   {DType: "u1", Shape: []int{2, 3, 4}},
		"{'descr': '|b1', 'fortran_order': False, 'shape': (4, 6), }":       {DType: "bool", Shape: []int{4, 6}},
		"{ 'fortran_order' : False,\n'shape': ( 3, ), 'descr' : '<f8', }\n": {DType: "f8", Shape: []int{3}},
	} {
		for version := byte(1); version <= 3; version++ {
			arrays, err := read(npz(t, member{"x.npy", npy(version, header, make([]byte, 24)...)}))
			if err != nil {
				t.Errorf("header %q: %v", header, err)
				continue
			}
			if got := arrays["x"]; got.DType != want.DType || !reflect.DeepEqual(got.Shape, want.Shape) || len(got.Data) != 24 {
				t.Errorf("header %q: got %s %v of %d bytes, want %s %v of 24", header, got.DType, got.Shape, len(got.Data), want.DType, want.Shape)
			}
		}
	}
}

func TestNPYRefuses(t *testing.T) {
	head := func(descr, order, shape string) []byte {
		return npy(1, "{'descr': "+descr+", 'fortran_order': "+order+", 'shape': "+shape+"}", make([]byte, 24)...)
	}
	text := func(h string) []byte { return npy(1, h, make([]byte, 24)...) }
	for name, c := range map[string]struct {
		raw  []byte
		want error
		says string
	}{
		"nothing":             {nil, ErrFormat, "magic"},
		"other magic":         {[]byte("\x93NUMPZ\x01\x00\x00\x00"), ErrFormat, "magic"},
		"version 4":           {npy(4, plain), ErrUnsupported, "version 4.0"},
		"cut header":          {npy(1, plain)[:40], ErrFormat, "cut"},
		"cut length":          {npy(2, plain)[:11], ErrFormat, "cut"},
		"great header":        {npy(2, strings.Repeat(" ", maxHeader+1)), ErrTooLarge, "header"},
		"greatest header":     {append([]byte("\x93NUMPY\x02\x00"), 255, 255, 255, 255), ErrTooLarge, "header"},
		"big-endian":          {head("'>f4'", "False", "(6,)"), ErrUnsupported, ">f4"},
		"byte order of f4":    {head("'|f4'", "False", "(6,)"), ErrUnsupported, "|f4"},
		"complex":             {head("'<c8'", "False", "(3,)"), ErrUnsupported, "<c8"},
		"string":              {head("'<U1'", "False", "(6,)"), ErrUnsupported, "<U1"},
		"object":              {head("'|O'", "False", "(3,)"), ErrUnsupported, "|O"},
		"structured":          {head("[('a', '<f4')]", "False", "(6,)"), ErrUnsupported, "structured"},
		"column-major":        {head("'<f4'", "True", "(2, 3)"), ErrUnsupported, "column-major"},
		"order no bool":       {head("'<f4'", "0", "(2, 3)"), ErrFormat, "True or False"},
		"too few bytes":       {head("'<f4'", "False", "(7,)"), ErrFormat, "24 bytes of elements, want 28 for f4 [7]"},
		"too many bytes":      {head("'<f4'", "False", "(5,)"), ErrFormat, "24 bytes of elements, want 20"},
		"bytes for none":      {head("'<f4'", "False", "(6, 0)"), ErrFormat, "want 0"},
		"overflow":            {head("'<f4'", "False", "(4294967296, 4294967296)"), ErrTooLarge, "shape"},
		"overflow beside 0":   {head("'<f4'", "False", "(0, 4294967296, 4294967296)"), ErrTooLarge, "shape"},
		"size beyond int":     {head("'<f4'", "False", "(99999999999999999999,)"), ErrFormat, "want a size"},
		"negative size":       {head("'<f4'", "False", "(-6,)"), ErrFormat, "want a size"},
		"shape no tuple":      {head("'<f4'", "False", "(6)"), ErrFormat, "tuple"},
		"shape a list":        {head("'<f4'", "False", "[6]"), ErrFormat, `want "("`},
		"shape open":          {head("'<f4'", "False", "(2, 3"), ErrFormat, `want ")"`},
		"many axes":           {head("'<f4'", "False", "("+strings.Repeat("1,", maxAxes+1)+")"), ErrTooLarge, "axes"},
		"no dictionary":       {text("('descr', '<f4')"), ErrFormat, `want "{"`},
		"empty dictionary":    {text("{}"), ErrFormat, "lacks"},
		"no shape":            {text("{'descr': '<f4', 'fortran_order': False}"), ErrFormat, "lacks"},
		"unknown key":         {text("{'descr': '<f4', 'colour': 1}"), ErrFormat, "colour"},
		"key twice":           {text("{'descr': '<f4', 'descr': '<f4'}"), ErrFormat, "twice"},
		"no colon":            {text("{'descr' '<f4'}"), ErrFormat, `want ":"`},
		"open string":         {text("{'descr"), ErrFormat, "want a string"},
		"open dictionary":     {text("{'descr': '<f4'"), ErrFormat, `want "}"`},
		"text after the dict": {head("'<f4'", "False", "(6,)} {"), ErrFormat, "after"},
	} {
		_, err := read(npz(t, member{"good.npy", npy(1, plain, make([]byte, 24)...)}, member{"bad.npy", c.raw}))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `"bad.npy"`) {
			t.Errorf("%s: got %v, want %v with %q and the member's name", name, err, c.want, c.says)
		}
	}
}

func TestNPZRefuses(t *testing.T) {
	good := npz(t, member{"x.npy", npy(1, plain, make([]byte, 24)...)})
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"no archive":   {[]byte("PK"), ErrFormat},
		"other member": {npz(t, member{"x.txt", nil}), ErrFormat},
		"name twice":   {npz(t, member{"x.npy", npy(1, plain, make([]byte, 24)...)}, member{"x.npy", npy(1, plain, make([]byte, 24)...)}), ErrFormat},
	} {
		if _, err := read(c.raw); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for n := range good {
		if _, err := read(good[:n]); err == nil {
			t.Errorf("archive cut at %d: no error", n)
		}
	}
	// A damaged element is found by the checksum.
	stored, err := os.ReadFile("testdata/stored.npz")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(stored, binary.LittleEndian.AppendUint32(nil, math.Float32bits(3)))
	stored[at] ^= 1
	if _, err := read(stored); !errors.Is(err, zip.ErrChecksum) || !errors.Is(err, ErrFormat) {
		t.Errorf("damaged element: got %v, want %v", err, zip.ErrChecksum)
	}
}

// Deflate shrinks zeros a thousandfold: what unpacks beyond the limits is
// refused, whatever the archive states.
func TestNPZLimits(t *testing.T) {
	zeros := npz(t, member{"x.npy", npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2000000,)}", make([]byte, 2e6)...)})
	z, err := zip.NewReader(bytes.NewReader(zeros), int64(len(zeros)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := readMember(z.File[0], 1e6); !errors.Is(err, ErrTooLarge) {
		t.Errorf("member of 2 MB, limit 1 MB: got %v, want %v", err, ErrTooLarge)
	}
	z.File[0].UncompressedSize64 = 10
	if _, _, err := readMember(z.File[0], 1e6); err == nil {
		t.Error("member that states 10 bytes and has 2 MB: no error")
	}
	z.File[0].UncompressedSize64 = maxMember + 1
	if _, _, err := readMember(z.File[0], maxTotal); !errors.Is(err, ErrTooLarge) {
		t.Errorf("member that states %d bytes: got %v, want %v", maxMember+1, err, ErrTooLarge)
	}
	many := make([]member, maxMembers+1)
	for i := range many {
		many[i].name = "x.npy"
	}
	if _, err := read(npz(t, many...)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d members: got %v, want %v", len(many), err, ErrTooLarge)
	}
}

func TestLoadNPZNames(t *testing.T) {
	if _, err := LoadNPZ(filepath.Join(t.TempDir(), "none.npz")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v, want %v", err, os.ErrNotExist)
	}
	path := filepath.Join(t.TempDir(), "bad.npz")
	if err := os.WriteFile(path, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadNPZ(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("bad file: got %v, want %v with the path", err, ErrFormat)
	}
}

func FuzzReadNPZ(f *testing.F) {
	for _, name := range []string{"testdata/types.npz", "testdata/stored.npz"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		arrays, err := read(b)
		if err != nil {
			return
		}
		for name, a := range arrays {
			checkArray(t, name, a)
		}
	})
}

func FuzzParseNPY(f *testing.F) {
	f.Add(npy(1, plain, make([]byte, 24)...))
	f.Add(npy(2, "{'shape': (), 'descr': '|b1', 'fortran_order': False}", 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseNPY(b); err == nil {
			checkArray(t, "", a)
		}
	})
}

// checkArray holds what every array that was read promises.
func checkArray(t *testing.T, name string, a Array) {
	t.Helper()
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	if a.Name != name || n != a.Len() || n*itemSizes[a.DType] != len(a.Data) || itemSizes[a.DType] == 0 {
		t.Fatalf("array %q: %s %v with %d bytes", name, a.DType, a.Shape, len(a.Data))
	}
}
