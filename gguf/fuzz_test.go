package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse reads anything. What is accepted is read whole, written again and read
// again: the same must come out.
func FuzzParse(f *testing.F) {
	f.Add(small())
	f.Add(vocabulary(3))
	f.Add(start(0, 0).Bytes())
	files, err := filepath.Glob("testdata/*.gguf")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Parse("fuzz.gguf", b)
		if err != nil {
			if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "gguf: fuzz.gguf: ") {
				t.Fatalf("error %q", err)
			}
			return
		}
		touch(got)
		if v, ok := got.Value(keyAlignment); ok && (v.Kind() != Uint32 || got.Alignment() > 1<<12) {
			return // the Writer wants the kind that GGML demands; large ones take long
		}
		var out bytes.Buffer
		rewrite(t, NewWriter(&out), got)
		same(t, parse(t, out.Bytes()), got)
	})
}
