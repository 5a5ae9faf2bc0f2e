package pagestore

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What was written is read, by the next process too, and by who has the same make.
func TestShelf(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "prefixes")
	s := open(t, folder, 1<<20)
	h := s.Shelf(testMake)
	pages := chain("text", 3)
	if h.Has(pages[0].Sum) || read(t, h, pages[0].Sum) {
		t.Error("a page is there before it is written")
	}
	write(t, h, pages...)
	write(t, h, pages...) // again: nothing
	for _, s := range []*Store{s, open(t, folder, 1<<20)} {
		h := s.Shelf(testMake)
		for i, p := range pages {
			if !h.Has(p.Sum) || !read(t, h, p.Sum) {
				t.Errorf("page %d is not there", i)
			}
		}
		if got := s.Stats(); got.Pages != 3 || got.Bytes != 3*pageSize || got.ReadPages != 3 || got.ReadBytes != 3*pageSize || got.RefusedPages+got.Failures+got.SkippedPages != 0 {
			t.Errorf("counts: %+v", got)
		}
	}
	if got := s.Stats(); got.WrittenPages != 3 || got.WrittenBytes != 3*pageSize {
		t.Errorf("counts: %+v", got)
	}
	if st, err := os.Stat(folder); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", st.Mode(), err)
	}
	for _, name := range files(t, folder) {
		if st, err := os.Stat(filepath.Join(folder, name)); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
			t.Errorf("a file: %v, %v", st.Mode(), err)
		}
	}
}

// A page of another make is never found.
func TestOtherMake(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	p := chain("text", 1)[0]
	write(t, s.Shelf(testMake), p)
	for what, change := range map[string]func(m *Make){
		"model":   func(m *Make) { m.Model = "other" },
		"profile": func(m *Make) { m.Profile = "canon-2" },
		"cache":   func(m *Make) { m.Cache = "f16" },
		"form":    func(m *Make) { m.Form = "absorbed" },
		"layout":  func(m *Make) { m.Layout = 2 },
		"layers":  func(m *Make) { m.Layers = m.Layers[:1] },
		"window":  func(m *Make) { m.Layers = []Layer{{64, 0}, {128, 301}} },
	} {
		m := testMake
		change(&m)
		if h := s.Shelf(m); h.Has(p.Sum) || read(t, h, p.Sum) {
			t.Errorf("a page of another %s is found", what)
		}
	}
	if !read(t, s.Shelf(testMake), p.Sum) || s.Stats().RefusedPages != 0 {
		t.Errorf("the page is lost: %+v", s.Stats())
	}
}

// A page is never used, and gone, where any bit of it is another, where it is cut short
// at any byte, or where something follows.
func TestDamaged(t *testing.T) {
	folder := t.TempDir()
	p := chain("text", 1)[0]
	write(t, open(t, folder, 1<<20).Shelf(testMake), p)
	path := onlyFile(t, folder)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := int64(0)
	s := open(t, folder, 1<<20)
	h := s.Shelf(testMake)
	check := func(what string, at int, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		refused++
		if read(t, h, p.Sum) {
			t.Fatalf("%s %d: the page is used", what, at)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) || h.Has(p.Sum) || s.Stats().RefusedPages != refused {
			t.Fatalf("%s %d: the page is left: %v, %+v", what, at, err, s.Stats())
		}
	}
	for i := range whole {
		text := append([]byte(nil), whole...)
		text[i] ^= 1 << (i % 8)
		check("bit of byte", i, text)
		check("cut at byte", i, whole[:i])
	}
	check("more behind", len(whole), append(whole[:len(whole):len(whole)], 0))
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if !read(t, h, p.Sum) {
		t.Error("the whole page is not used")
	}
}

// What cannot be the page by its header or length is removed as the folder is looked at;
// what is no page is left alone.
func TestLook(t *testing.T) {
	folder := t.TempDir()
	h := open(t, folder, 1<<20).Shelf(testMake)
	pages := chain("text", 4)
	write(t, h, pages...)
	paths := make([]string, len(pages))
	for i, p := range pages {
		paths[i] = h.store.path(pageName(h.make, p.Sum))
	}
	if err := os.Truncate(paths[1], 100); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(paths[2])
	if err != nil {
		t.Fatal(err)
	}
	swapped, err := os.ReadFile(paths[3])
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{"README", "abc.kv1", strings.Repeat("z", 64) + ".kv1", strings.Repeat("A", 64) + ".kv1", strings.Repeat("0", 64) + ".kv2", "x.kv1.partial"}
	for _, err := range []error{
		os.WriteFile(paths[2], swapped, 0o600), os.WriteFile(paths[3], text, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, fileName(Sum{})), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, 1<<20)
	if got := s.Stats(); got.Pages != 1 || got.RefusedPages != 3 {
		t.Errorf("counts: %+v, want one page, three refused", got)
	}
	h = s.Shelf(testMake)
	for i, p := range pages {
		if got := read(t, h, p.Sum); got != (i == 0) {
			t.Errorf("page %d: used: %v", i, got)
		}
	}
	if got := files(t, folder); len(got) != 1+len(foreign)+1 {
		t.Errorf("files %v, want the page and what is no page", got)
	}
}

// Files under another's name are never used, though nobody has looked since.
func TestSwapped(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	h := s.Shelf(testMake)
	pages := chain("text", 2)
	write(t, h, pages...)
	a, b := s.path(pageName(h.make, pages[0].Sum)), s.path(pageName(h.make, pages[1].Sum))
	for _, m := range [][2]string{{a, a + "x"}, {b, a}, {a + "x", b}} {
		if err := os.Rename(m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range pages {
		if read(t, h, p.Sum) {
			t.Errorf("page %d is used", i)
		}
	}
	if got := files(t, s.folder); len(got) != 0 || s.Stats().RefusedPages != 2 {
		t.Errorf("files %v are left, %+v", got, s.Stats())
	}
}

// What is no plain file is not read.
func TestNoFile(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	h := s.Shelf(testMake)
	pages := chain("text", 2)
	write(t, h, pages...)
	path := s.path(pageName(h.make, pages[1].Sum))
	if err := os.Rename(path, path+"x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+"x", path); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	if read(t, h, pages[1].Sum) {
		t.Error("a link is read")
	}
	if _, err := os.Stat(path + "x"); err != nil {
		t.Errorf("what the link leads to: %v", err)
	}
}

// Deleted under the feet of the store, pages are missing, and written again.
func TestDeleted(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	h := s.Shelf(testMake)
	pages := chain("text", 3)
	write(t, h, pages...)
	if err := os.RemoveAll(s.folder); err != nil {
		t.Fatal(err)
	}
	for i, p := range pages {
		if read(t, h, p.Sum) || h.Has(p.Sum) {
			t.Errorf("page %d is there", i)
		}
	}
	if err := h.Write(pages[0]); err == nil {
		t.Error("written to a folder that is gone")
	}
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s.stopped = s.stopped.Add(-pause)
	write(t, h, pages...)
	for i, p := range pages {
		if !read(t, h, p.Sum) {
			t.Errorf("page %d is not there", i)
		}
	}
	if got := s.Stats(); got.Bytes != 3*pageSize || got.RefusedPages != 0 {
		t.Errorf("counts: %+v", got)
	}
}
