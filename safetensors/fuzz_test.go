package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzParse reads anything. What is accepted must be JSON by the standard library
// too, and, if all its types are known, come out the same when written and read
// again.
func FuzzParse(f *testing.F) {
	f.Add(small())
	f.Add(checkpoint(3, 100))
	f.Add(file("{}", 0))
	files, err := filepath.Glob("testdata/*.safetensors")
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
		got, err := Parse("fuzz.safetensors", b)
		if err != nil {
			if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "safetensors: fuzz.safetensors: ") {
				t.Fatalf("error %q", err)
			}
			return
		}
		touch(got)
		if !json.Valid(b[8:headerEnd(b)]) {
			t.Fatalf("accepted %q, which is no JSON", b[8:headerEnd(b)])
		}
		if slices.ContainsFunc(got.Tensors(), func(x Tensor) bool { return !x.DType.Known() }) {
			return
		}
		var out bytes.Buffer
		rewrite(t, NewWriter(&out), got)
		same(t, parse(t, out.Bytes()), got)
	})
}

func headerEnd(b []byte) int {
	n := 0
	for i := range 8 {
		n |= int(b[i]) << (8 * i)
	}
	return 8 + n
}

// FuzzIndex reads any index. What is accepted must mean the same to the standard
// library.
func FuzzIndex(f *testing.F) {
	f.Add(`{"metadata":{"total_size":3},"weight_map":{"a":"x","b\n":"y"}}`)
	f.Add(`{"weight_map":{"a":"../x"}}`)
	f.Add(`{"weight_map":{"a":"x","\u0061":"y"}}`)
	f.Add(`{"weight_map":{"a":"./x","b":"././y"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		places, err := parseIndex("fuzz.json", text)
		if err != nil {
			if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "safetensors: fuzz.json: ") {
				t.Fatalf("error %q", err)
			}
			return
		}
		var members map[string]json.RawMessage // exact keys, where a struct's fields match any case
		var want map[string]string
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		if err := json.Unmarshal(members["weight_map"], &want); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		if len(places) != len(want) {
			t.Fatalf("%q: %d tensors, want %d", text, len(places), len(want))
		}
		for _, p := range places {
			shard := want[p.tensor]
			for strings.HasPrefix(shard, "./") {
				shard = shard[2:]
			}
			if shard != p.shard || !plain(p.shard) {
				t.Fatalf("%q: tensor %q in %q, want %q", text, p.tensor, p.shard, want[p.tensor])
			}
		}
	})
}
