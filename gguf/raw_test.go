package gguf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRawKeyValues: the pairs as the file has them stand in it behind each other.
func TestRawKeyValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gguf")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, v := range map[string]Value{"general.architecture": ValueOf("llama"), "a.list": ArrayOf([]string{"x", "yz"}), "a.number": ValueOf(uint32(7))} {
		if err := w.Put(key, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw := f.RawKeyValues()
	if at := strings.Index(string(text), strings.Join(raw, "")); at < 0 || len(raw) != len(f.KeyValues()) {
		t.Fatalf("%q are not in the file", raw)
	}
	for i, kv := range f.KeyValues() {
		if !strings.HasPrefix(raw[i][8:], kv.Key) {
			t.Errorf("pair %d is %q, want that of %s", i, raw[i], kv.Key)
		}
	}
}
