package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func openHistory(t *testing.T, path string) *History {
	t.Helper()
	h, err := OpenHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func add(t *testing.T, h *History, entries ...string) {
	t.Helper()
	for _, e := range entries {
		if err := h.Add(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistoryIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chats", "history.jsonl")
	add(t, openHistory(t, path), "one", "two\nrows", "two\nrows", "", "  ", "日本", strings.Repeat("x", maxEntryBytes+1))
	want := []string{"one", "two\nrows", "日本"}
	if got := openHistory(t, path).Entries(); !slices.Equal(got, want) {
		t.Fatalf("entries are %q, want %q", got, want)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", p, got, want)
		}
	}
}

func TestHistoryOfDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(path, []byte("\"good\"\nnot JSON\n12\n\"\"\n\xff\n\"also good\"\n\"cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := openHistory(t, path).Entries(), []string{"good", "also good"}; !slices.Equal(got, want) {
		t.Fatalf("entries are %q, want %q", got, want)
	}
}

func TestHistoryIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var b strings.Builder
	for i := range 2*maxEntries + 1 {
		fmt.Fprintf(&b, "\"entry %d\"\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHistory(t, path)
	add(t, h, "new")
	if got := h.Entries(); len(got) != maxEntries || got[maxEntries-1] != "new" {
		t.Fatalf("%d entries, the last %q; want %d", len(got), got[len(got)-1], maxEntries)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "\n"); got != maxEntries+1 {
		t.Errorf("the file has %d lines, want %d", got, maxEntries+1)
	}
	if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; want 600", st.Mode(), err)
	}
}

func TestHistoryWithoutFile(t *testing.T) {
	h := openHistory(t, "")
	add(t, h, "one")
	if got := h.Entries(); !slices.Equal(got, []string{"one"}) {
		t.Fatalf("entries are %q", got)
	}
}

func TestHistoryErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenHistory(dir); err == nil || !strings.Contains(err.Error(), "history: ") {
		t.Errorf("opening a folder gives %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := &History{path: filepath.Join(file, "history.jsonl")}
	if err := h.Add("x"); err == nil {
		t.Error("adding below a file succeeds")
	}
}
