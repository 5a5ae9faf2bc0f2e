package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestWrongHeaders has one file for each thing that a header is refused for.
func TestWrongHeaders(t *testing.T) {
	// one is a header with a tensor t.x of those fields; data is 16 bytes.
	one := func(fields string) []byte { return file(`{"t.x":{`+fields+`}}`, 16) }
	shape := func(s string) []byte { return one(`"dtype":"F32","shape":` + s + `,"data_offsets":[0,16]`) }
	offsets := func(s string) []byte { return one(`"dtype":"F32","shape":[4],"data_offsets":` + s) }
	two := func(a, b string) []byte {
		const e = `{"dtype":"I8","shape":[8],"data_offsets":`
		return file(`{"t.x":`+e+a+`},"t.y":`+e+b+`}}`, 16)
	}
	length := func(n uint64, rest string) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), rest...) }
	deep := strings.Repeat("[", 100_000)
	for _, c := range []struct {
		name  string
		b     []byte
		wants string
	}{
		{"empty", nil, "0 bytes are no safetensors file"},
		{"seven bytes", make([]byte, 7), "7 bytes are no safetensors file"},
		{"pointer", []byte("version https://git-lfs.example/spec/v1\noid sha256:"), "Git LFS pointer"},
		{"no header", length(0, "{}"), "the header does not begin with {"},
		{"long", length(1<<62, "{}"), "header of 4611686018427387904 bytes, the file has 10"},
		{"longer than the file", length(3, "{}"), "header of 3 bytes, the file has 10"},
		{"text", file("[1]", 0), "the header does not begin with {"},
		{"space first", file(" {}", 0), "the header does not begin with {"},
		{"no JSON", file("{nope", 0), `"nope" at byte 1 of the JSON, want a name in quotes`},
		{"cut", file(`{"t.x":`, 0), "tensor t.x: the JSON ends at byte 7, want an object"},
		{"two values", file(`{}{}`, 0), `"{" at byte 2 of the JSON, want the end`},
		{"zero behind", file("{}\x00", 0), `want the end`},
		{"comma at the end", file(`{"__metadata__":{},}`, 0), "want a name in quotes"},
		{"no colon", file(`{"t.x" 1}`, 0), "want a colon"},
		{"number for an object", file(`{"t.x":1}`, 0), `tensor t.x: "1" at byte 7 of the JSON, want an object`},
		{"no comma", one(`"dtype":"F32" "shape":[4]`), "tensor t.x: "},
		{"no dtype", one(`"shape":[4],"data_offsets":[0,16]`), "tensor t.x: has no dtype"},
		{"no shape", one(`"dtype":"F32","data_offsets":[0,16]`), "tensor t.x: has no shape"},
		{"no offsets", one(`"dtype":"F32","shape":[4]`), "tensor t.x: has no data_offsets"},
		{"dtype twice", one(`"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]`), "tensor t.x: dtype is there twice"},
		{"shape twice", one(`"dtype":"F32","shape":[4],"shape":[4],"data_offsets":[0,16]`), "tensor t.x: shape is there twice"},
		{"offsets twice", one(`"dtype":"F32","shape":[4],"data_offsets":[0,16],"data_offsets":[0,16]`), "tensor t.x: data_offsets is there twice"},
		{"dtype number", one(`"dtype":4,"shape":[4],"data_offsets":[0,16]`), "tensor t.x: \"4\" at byte 16 of the JSON, want dtype in quotes"},
		{"negative", shape("[-4]"), `tensor t.x: "-4" at byte`},
		{"fraction", shape("[4.0]"), `tensor t.x: "4.0" at byte`},
		{"exponent", shape("[4e0]"), `tensor t.x: "4e0" at byte`},
		{"leading zero", shape("[04]"), `tensor t.x: "04" at byte`},
		{"not a number", shape("[null]"), `tensor t.x: "null" at byte`},
		{"text for a shape", shape(`"4"`), "want an array"},
		{"over 64 bits", shape("[18446744073709551616]"), `tensor t.x: "1844674407370955161`},
		{"huge", shape("[1099511627776,1099511627776]"), "tensor t.x: shape [1099511627776 1099511627776] is too large"},
		{"huge dimension", shape("[9223372036854775808,0]"), "tensor t.x: shape [9223372036854775808 0] is too large"},
		{"huge in bytes", shape("[2305843009213693952]"), "tensor t.x: shape [2305843009213693952] is too large"},
		{"many dimensions", shape("[" + strings.Repeat("1,", maxDims) + "4]"), "tensor t.x: more than 64 dimensions"},
		{"other size", shape("[3]"), "tensor t.x: 16 bytes, want 12 for F32 [3]"},
		{"backwards", offsets("[16,0]"), "tensor t.x: data_offsets [16 0] run backwards"},
		{"beyond", offsets("[0,1099511627776]"), "tensor t.x: data_offsets [0 1099511627776], the file has 16 bytes"},
		{"far beyond", offsets("[18446744073709551599,18446744073709551615]"), "tensor t.x: data_offsets"},
		{"one offset", offsets("[0]"), "want an array of two offsets"},
		{"three offsets", offsets("[0,16,16]"), "want an array of two offsets"},
		{"negative offset", offsets("[-16,0]"), `tensor t.x: "-16" at byte`},
		{"overlap", two("[0,8]", "[4,12]"), "tensor t.y: begins at byte 4, the tensor before it ends at 8: they overlap"},
		{"same bytes", two("[0,8]", "[0,8]"), "they overlap"},
		{"hole", file(`{"t.x":{"dtype":"I8","shape":[7],"data_offsets":[0,7]},"t.y":{"dtype":"I8","shape":[8],"data_offsets":[8,16]}}`, 16), "tensor t.y: begins at byte 8, the tensor before it ends at 7: a hole"},
		{"hole in front", file(`{"t.x":{"dtype":"I8","shape":[7],"data_offsets":[9,16]}}`, 16), "tensor t.x: begins at byte 9, the tensor before it ends at 0: a hole"},
		{"bytes behind", file(`{"t.x":{"dtype":"I8","shape":[7],"data_offsets":[0,7]}}`, 16), "the tensors end at byte 7 behind the header, the file at 16"},
		{"bytes and no tensors", file(`{}`, 1), "the tensors end at byte 0 behind the header, the file at 1"},
		{"tensor twice", two("[0,8]", "[8,16]"), ""},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "__metadata__ is there twice"},
		{"metadata key twice", file(`{"__metadata__":{"a":"1","b":"2","a":"3"}}`, 0), "__metadata__: a is there twice"},
		{"metadata number", file(`{"__metadata__":{"a":1}}`, 0), "want a value of __metadata__ in quotes"},
		{"metadata list", file(`{"__metadata__":[]}`, 0), "want an object"},
		{"metadata nil", file(`{"__metadata__":nil}`, 0), "want a value"},
		{"deep", one(`"x":` + deep), "tensor t.x: values nested deeper than 32"},
		{"deep at the front", file("{\"t.x\":"+deep, 0), "tensor t.x: "},
		{"bad literal", one(`"x":tru`), "want a value"},
		{"bad number", one(`"x":-`), "want a number"},
		{"number with zeros", one(`"x":-01`), "want a number"},
		{"bare point", one(`"x":1.`), "want a number"},
		{"bare exponent", one(`"x":1e+`), "want a number"},
		{"string without end", file(`{"t.x`, 0), "string at byte 1 of the JSON has no end"},
		{"escape at the end", file(`{"t.x\`, 0), "string at byte 1 of the JSON has no end"},
		{"control character", file("{\"t.\n\":", 0), "control character 0x0a in a string"},
		{"not UTF-8", file("{\"t.\xff\":1}", 0), "string at byte 1 of the JSON is not UTF-8"},
		{"bad escape", file(`{"t.\x":1}`, 0), "wrong escape at byte 4 of the JSON"},
		{"short escape", file(`{"t.\u00g0":1}`, 0), "wrong escape at byte 4 of the JSON"},
		{"signed escape", file(`{"t.\u+123":1}`, 0), "wrong escape at byte 4 of the JSON"},
		{"lone surrogate", file(`{"t.\ud83d":1}`, 0), "wrong escape at byte 4 of the JSON"},
		{"surrogates in the wrong order", file(`{"t.\ude00\ud83d":1}`, 0), "wrong escape at byte 4 of the JSON"},
		{"unprintable name", file(`{"t\n\u001b":1}`, 0), `tensor "t\n\x1b": `},
		{"long name", file(`{"`+strings.Repeat("é", 200)+`":1}`, 0), "tensor " + strings.Repeat("é", 40) + "…: "},
	} {
		if c.name == "tensor twice" {
			c.b = file(strings.ReplaceAll(string(c.b[8:len(c.b)-16]), "t.y", `t\u002ex`), 16)
			c.wants = "tensor t.x: is there twice"
		}
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("wrong.safetensors", c.b)
			wants(t, err, c.wants, "safetensors: wrong.safetensors: ")
			var e *Error
			if !errors.Is(err, ErrFormat) || !errors.As(err, &e) || e.File != "wrong.safetensors" {
				t.Errorf("%#v: want an *Error that wraps ErrFormat", err)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q is not one clean line", err)
			}
		})
	}
}

// TestHeaderLimit is a header of spaces that is longer than allowed.
func TestHeaderLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 100 MB; run without -short")
	}
	b := make([]byte, 8+maxHeader+1)
	for i := range b {
		b[i] = ' '
	}
	b[8], b[9] = '{', '}'
	binary.LittleEndian.PutUint64(b, maxHeader+1)
	_, err := Parse("long.safetensors", b)
	wants(t, err, "header of 100000001 bytes, want at most 100000000")
	binary.LittleEndian.PutUint64(b, maxHeader)
	if f, got, err := cost(t, "100 MB of spaces", b[:8+maxHeader]); err != nil || len(f.Tensors()) != 0 || got > 2*maxHeader {
		t.Errorf("the longest header: %v, allocated %d bytes", err, got)
	}
}

// TestTensorLimit has as many tensors as are accepted, then one more.
func TestTensorLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 14 MB; run without -short")
	}
	var b strings.Builder
	b.WriteByte('{')
	for i := range maxTensors {
		fmt.Fprintf(&b, `"%d":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},`, i)
	}
	all := b.String()
	f, err := Parse("all", file(all[:len(all)-1]+"}", 0))
	if err != nil || len(f.Tensors()) != maxTensors {
		t.Errorf("%d tensors: %v", maxTensors, err)
	}
	_, err = Parse("more", file(all+`"x":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}`, 0))
	wants(t, err, "more than 262144 tensors")
}
