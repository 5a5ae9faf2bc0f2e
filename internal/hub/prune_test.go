package hub

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Prune takes what no model needs, and nothing that one does, that runs, or that somebody
// else put there.
func TestPrune(t *testing.T) {
	s := newStore(t)
	if p, err := s.Prune(t.Context()); err != nil || p.Total() != 0 {
		t.Fatalf("an empty store: %v, %v", p, err)
	}
	s.disk = fullDisk(1<<30, syscall.ENOSPC) // copies, so that files are the store's own
	kept := importTiny(t, s, "kept", 1)
	s.Touch(kept)
	lost := importTiny(t, s, "lost", 2)
	if err := os.Remove(s.manifestPath(lost.Name.Key())); err != nil { // as a crash before the sweep leaves it
		t.Fatal(err)
	}
	idle, running := Name{"idle", "latest"}, Name{"running", "latest"}
	write(t, filepath.Join(s.stagingPath(idle), "part"), make([]byte, 1000))
	write(t, filepath.Join(s.stagingPath(running), "part"), make([]byte, 1000))
	held, err := tryAcquire(s.lockPath(running))
	if err != nil {
		t.Fatal(err)
	}
	defer held.release()
	old, fresh := []byte("old"), []byte("fresh")
	for _, b := range [][]byte{old, fresh} {
		if err := s.Upload(t.Context(), digestOf(b), bytes.NewReader(b), -1); err != nil {
			t.Fatal(err)
		}
	}
	hourAgo := time.Now().Add(-2 * uploadPause)
	coming := write(t, filepath.Join(s.dir, "uploads", temporaryPrefix+"x"), make([]byte, 50))
	for _, path := range []string{s.uploadPath(digestOf(old)), coming} {
		if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	foreign := write(t, filepath.Join(s.dir, "blobs", "ab", "mine.txt"), []byte("mine"))
	p, err := s.Prune(t.Context())
	if want := (Pruned{Blobs: lost.Size(), Staging: 1000, Uploads: 3}); err != nil || p != want {
		t.Errorf("pruned %+v, %v, want %+v", p, err, want)
	}
	for path, want := range map[string]bool{
		s.snapshotPath(lost.listing()): false, s.blobPath(lost.Files[0].Digest): false, s.stagingPath(idle): false,
		s.uploadPath(digestOf(old)): false, s.uploadPath(digestOf(fresh)): true, s.stagingPath(running): true,
		coming: true, foreign: true, s.blobPath(kept.Files[0].Digest): true, s.usedPath(kept.Name): true,
	} {
		if there, err := exists(path); err != nil || there != want {
			t.Errorf("%s is there: %v, want %v", path, there, want)
		}
	}
	if err := s.Verify(t.Context(), kept, nil); err != nil {
		t.Error(err)
	}
	if p, err := s.Prune(t.Context()); err != nil || p.Total() != 0 {
		t.Errorf("again: %v, %v", p, err)
	}
}

// While a manifest cannot be read, no blob goes, and the rest does.
func TestPruneDamaged(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "a", 1)
	write(t, s.manifestPath(m.Name.Key()), []byte("{"))
	write(t, filepath.Join(s.stagingPath(Name{"idle", "latest"}), "part"), make([]byte, 10))
	p, err := s.Prune(t.Context())
	if err == nil || p.Staging != 10 || p.Blobs != 0 {
		t.Errorf("pruned %+v, %v", p, err)
	}
	if there, _ := exists(s.blobPath(m.Files[0].Digest)); !there {
		t.Error("the blob is gone")
	}
}

// The last use is noted under each name, and forgotten with it.
func TestLastUse(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "a", 1)
	if at := s.LastUse(m); !at.IsZero() {
		t.Errorf("used at %v before it was", at)
	}
	s.Touch(m)
	first := s.LastUse(m)
	if first.Before(m.PulledAt.Add(-2 * time.Second)) { // which some file systems count by
		t.Errorf("used at %v", first)
	}
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(s.usedPath(m.Name), old, old); err != nil {
		t.Fatal(err)
	}
	s.Touch(m)
	if at := s.LastUse(m); at.Before(first) {
		t.Errorf("used again at %v, before the first time at %v", at, first)
	}
	if _, err := s.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	s.Touch(m) // by a process that has it open
	if there, _ := exists(s.usedPath(m.Name)); there {
		t.Error("a removed model is noted")
	}
}
