package mcp

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestAllowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings", AllowedFile)
	a := NewAllowed(path)
	if list, err := a.List(Owner); err != nil || len(list) != 0 {
		t.Fatalf("without a file: %q, %v", list, err)
	}
	for _, e := range []string{"s/b", "s/a", "s/b"} {
		if err := a.Add(Owner, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Set("key_1", []string{"t/x"}); err != nil {
		t.Fatal(err)
	}
	b := NewAllowed(path) // another program
	for who, want := range map[string][]string{Owner: {"s/a", "s/b"}, "key_1": {"t/x"}, "key_2": nil} {
		if got, err := b.List(who); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", who, got, err, want)
		}
	}
	if stat, err := os.Stat(path); err != nil || stat.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the file: %v, %v", stat, err)
	}
	if err := b.Set(Owner, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := a.List(Owner); err != nil || len(got) != 0 {
		t.Errorf("taken back: %q, %v", got, err)
	}
}

func TestAllowedRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), AllowedFile)
	a := NewAllowed(path)
	for _, e := range []string{"", "s", "s/", "/t", "s/a b", "s__x/t", "s/t/u", "s/" + strings.Repeat("a", 65), "\x1b/t"} {
		if err := a.Add(Owner, e); !errors.Is(err, ErrAllowed) {
			t.Errorf("%q: got %v", e, err)
		}
	}
	if err := a.Set(Owner, slices.Repeat([]string{"s/t"}, MaxAllowed+1)); !errors.Is(err, ErrAllowed) {
		t.Errorf("too many: got %v", err)
	}
	for _, text := range []string{"", "{", "[]", `{"version":2}`, `{"version":1,"allowed":{"owner":["x"]}}`, `{"version":1,"more":1}`, `{"version":1,"allowed":` + strings.Repeat(" ", maxAllowedFile) + `{}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := a.List(Owner); err == nil || len(list) > 0 {
			t.Errorf("%.40q: got %q, %v", text, list, err)
		}
		if err := a.Add(Owner, "s/t"); err == nil {
			t.Errorf("%.40q: was written over", text)
		}
	}
}
