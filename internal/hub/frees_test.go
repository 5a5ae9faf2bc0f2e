package hub

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What Frees says is what Remove does, with names that share files and without.
func TestFrees(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "one", 1)
	importTiny(t, s, "three", 1)
	// The files are the store's own, and no links to those of a user.
	_ = os.Remove(s.blobPath(m.Files[0].Digest) + linkSuffix)
	if _, err := s.Copy(t.Context(), "one", "two"); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"one", "two", "three"} {
		want := [][]string{{"three", "two"}, {"three"}, nil}[i]
		bytes, shared, err := s.Frees(name)
		if err != nil || !slices.Equal(shared, want) {
			t.Fatalf("%s: %d bytes, shared with %q, %v, want %q", name, bytes, shared, err, want)
		}
		freed, err := s.Remove(t.Context(), name)
		if err != nil || freed != bytes {
			t.Errorf("%s: %d bytes are freed, %d were said: %v", name, freed, bytes, err)
		}
		if want == nil && bytes != m.Size() {
			t.Errorf("the last name frees %d bytes, want %d", bytes, m.Size())
		}
	}
}

// What an unfinished pull left goes, and with it its parts; a pull that runs keeps it.
func TestDiscard(t *testing.T) {
	s := newStore(t)
	src := Source{Kind: KindOllama, Name: "some", Tag: "latest"}
	name, err := stagedName(src)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.stagingPath(name), "model", "part"), make([]byte, 1000))
	held, err := acquire(t.Context(), s.lockPath(name), nil)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Discard(ended, src); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.stagingPath(name)); err != nil {
		t.Errorf("what a pull has that runs is gone: %v", err)
	}
	held.release()
	for range 2 { // the second time there is nothing
		if err := s.Discard(t.Context(), src); err != nil {
			t.Error(err)
		}
	}
	if left := files(t, s.stagingPath(name)); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	if err := s.Discard(t.Context(), Source{Kind: KindPath, Name: "/x"}); err == nil {
		t.Error("a path is discarded")
	}
}
