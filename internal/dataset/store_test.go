package dataset

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestStore saves a set and reads it again, and finds what the key depends on.
func TestStore(t *testing.T) {
	ctx := context.Background()
	dir := writeFiles(t, map[string]string{"a.jsonl": "{\"text\": \"one\"}\n{\"text\": \"two\"}\nbad\n{\"text\": \"three\"}\n{\"text\": \"four\"}"})
	paths := []string{dir}
	key := func(tokens string, o Options) string {
		k, err := Key(ctx, paths, tokens, o, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	s, err := Load(ctx, paths, newEncoder(t, "", usual()), 0.5)
	if err != nil {
		t.Fatal(err)
	}
	first := key("m", usual())
	path := filepath.Join(dir, "set.safetensors")
	if _, err := Stored(path, first); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v, want ErrNotExist", err)
	}
	s.Key = first
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Stored(path, first)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, want %+v", got, s)
	}
	o := usual()
	o.Turns = TurnsLast
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte("{\"text\": \"two\"}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]string{"model": key("n", usual()), "setting": key("m", o), "file": key("m", usual())} {
		if _, err := Stored(path, k); !errors.Is(err, ErrOtherKey) {
			t.Errorf("another %s: error %v, want ErrOtherKey", name, err)
		}
	}
}
