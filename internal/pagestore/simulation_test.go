package pagestore

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A process that ends while it writes, at any byte, leaves the page whole or not at all.
func TestKilledAtEachByte(t *testing.T) {
	type killed struct{}
	p := chain("text", 1)[0]
	for n := range int(pageSize) + 2 {
		folder := t.TempDir()
		s := open(t, folder, 1<<20)
		left := n
		s.write = func(f *os.File, b []byte) (int, error) {
			if left <= len(b) {
				if _, err := f.Write(b[:left]); err != nil {
					t.Fatal(err)
				}
				f.Close()
				panic(killed{}) // nothing is cleaned up
			}
			left -= len(b)
			return f.Write(b)
		}
		done := false
		func() {
			defer func() {
				if r := recover(); r != nil && r != (killed{}) {
					panic(r)
				}
			}()
			write(t, s.Shelf(testMake), p)
			done = true
		}()
		if done != (n > int(pageSize)) {
			t.Fatalf("killed at byte %d: the page was written: %v", n, done)
		}
		s = open(t, folder, 1<<20)
		h := s.Shelf(testMake)
		if read(t, h, p.Sum) != done || h.Has(p.Sum) != done {
			t.Fatalf("killed at byte %d: the page is there: %v", n, !done)
		}
		write(t, h, p)
		if !read(t, h, p.Sum) {
			t.Fatalf("killed at byte %d: the page is not there after all", n)
		}
	}
}

// check checks the index: its order, its sums, its limit.
func (s *Store) check(t *testing.T, seed uint64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, bytes := map[Sum]uint32{}, int64(0)
	for e := s.index.order.Front(); e != nil; e = e.Next() {
		p := e.Value.(*entry)
		if s.index.pages[p.name] != e {
			t.Fatalf("seed %d: a page is not where it is said to be", seed)
		}
		seen[p.name] = p.split
		bytes += p.bytes
		if p.split == 0 {
			continue
		}
		if _, there := s.index.pages[p.parent]; there {
			if _, before := seen[p.parent]; !before {
				t.Fatalf("seed %d: a page would be evicted before one that continues it", seed)
			}
		}
	}
	if len(seen) != len(s.index.pages) || bytes != s.index.bytes || bytes > s.limit {
		t.Fatalf("seed %d: %d pages of %d bytes in order, %d of %d known, limit %d", seed, len(seen), bytes, len(s.index.pages), s.index.bytes, s.limit)
	}
}

// TestSimulation does random things to a folder, by several stores that are closed and
// opened again, with crashes, damage and files that go: whatever is read is what was
// written.
func TestSimulation(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		simulate(t, seed)
	}
}

func simulate(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	folder := t.TempDir()
	at := clock{time.Now()}
	limit := pageSize * int64(1+r.IntN(40))
	var pages []*Page
	for _, text := range []string{"a", "b", "c", "d"} {
		pages = append(pages, chain(text, 1+r.IntN(12))...)
	}
	makes := []Make{testMake, testMake}
	makes[1].Model = "other"
	reopen := func() *Store {
		s := open(t, folder, limit)
		s.now, s.counted = at.now, at.at
		return s
	}
	stores := []*Store{reopen(), reopen()}
	for range 150 {
		i := r.IntN(len(stores))
		s := stores[i]
		h := s.Shelf(makes[r.IntN(5)/4])
		p := pages[r.IntN(len(pages))]
		switch r.IntN(12) {
		case 0:
			stores[i] = reopen()
		case 1:
			at.at = at.at.Add(time.Duration(r.IntN(100)) * time.Minute)
		case 2:
			damage(t, r, folder)
		case 3:
			crash(t, r, h, p)
			stores[i] = reopen()
		case 4, 5, 6:
			_ = h.Write(p)
		case 7:
			h.Touch(p.Sum)
		case 8:
			s.disk.Lock()
			s.look()
			s.evict(0, 0)
			s.disk.Unlock()
		default:
			if read(t, h, p.Sum) && !h.Has(p.Sum) {
				t.Fatalf("seed %d: a page was read that is not there", seed)
			}
			s.disk.Lock()
			s.evict(0, 0) // another store's page may have come in
			s.disk.Unlock()
		}
		for _, s := range stores {
			s.check(t, seed)
		}
	}
}

// damage does something to one of the files.
func damage(t *testing.T, r *rand.Rand, folder string) {
	t.Helper()
	names := files(t, folder)
	if len(names) == 0 {
		return
	}
	path := filepath.Join(folder, names[r.IntN(len(names))])
	other := filepath.Join(folder, names[r.IntN(len(names))])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch r.IntN(4) {
	case 0:
		err = os.Remove(path)
	case 1:
		err = os.Rename(path, other)
	case 2:
		err = os.WriteFile(path, text[:r.IntN(len(text)+1)], 0o600)
	case 3:
		if len(text) > 0 {
			text[r.IntN(len(text))] ^= 1 << r.IntN(8)
		}
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// crash writes a page and ends at some byte of it.
func crash(t *testing.T, r *rand.Rand, h *Shelf, p *Page) {
	t.Helper()
	type killed struct{}
	left := r.IntN(int(pageSize))
	h.store.write = func(f *os.File, b []byte) (int, error) {
		if left <= len(b) {
			_, _ = f.Write(b[:left])
			f.Close()
			panic(killed{})
		}
		left -= len(b)
		return f.Write(b)
	}
	defer func() {
		if r := recover(); r != nil && r != (killed{}) {
			panic(r)
		}
	}()
	_ = h.Write(p)
}
