package safetensors

import (
	"encoding/binary"
	"strings"
	"testing"
)

// file puts a length before a header and n bytes of data behind it.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

// small is a right file with something of everything.
func small() []byte {
	return file(`{"__metadata__":{"format":"pt","n\u00f6te":"a\nb"},`+
		`"norm":{"dtype":"F32","shape":[5],"data_offsets":[0,20]},`+
		`"q":{"shape":[2,3],"data_offsets":[22,34],"dtype":"BF16"},`+
		`"sc\"alar":{"dtype":"F8_E4M3","shape":[],"data_offsets":[20,21], "x": [1, {"y": null}]},`+
		`"odd":{"dtype":"F4","shape":[1,2],"data_offsets":[21,22]}}  `, 34)
}

func parse(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Parse("test.safetensors", b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// wants checks that err is there and says each of parts.
func wants(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want it to contain %q", err, p)
		}
	}
}
