package pagestore

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// left returns which of the pages are on disk, as the store knows it.
func left(h *Shelf, pages []*Page) (splits []int) {
	for _, p := range pages {
		if h.Has(p.Sum) {
			splits = append(splits, p.Split)
		}
	}
	return splits
}

// The limit holds; what was used longest ago goes first, its end before its beginning;
// and a restart changes nothing of that.
func TestEvict(t *testing.T) {
	folder := t.TempDir()
	limit := 8*pageSize + pageSize/2
	at := clock{time.Now().Add(-time.Hour)}
	texts := [][]*Page{chain("a", 3), chain("b", 3), chain("c", 2)}
	reopen := func() *Shelf {
		s := open(t, folder, limit)
		s.now, s.counted = at.now, at.at
		return s.Shelf(testMake)
	}
	h := reopen()
	tick := func() { at.at = at.at.Add(time.Minute) }
	for _, text := range texts {
		for _, p := range text {
			write(t, h, p)
			h.store.stamp(pageName(h.make, p.Sum), at.at)
			tick()
		}
	}
	h.Touch(texts[0][1].Sum) // a, but for its last page
	tick()
	for _, step := range []struct {
		a, b, c []int
		reopen  bool
	}{
		{[]int{0, 1}, []int{0, 1, 2}, []int{0, 1}, false}, // a's last page was used first
		{[]int{0, 1}, []int{0, 1}, []int{0, 1}, true},
		{[]int{0, 1}, []int{0}, []int{0, 1}, true},
		{[]int{0, 1}, nil, []int{0, 1}, false},
		{[]int{0, 1}, nil, []int{0}, true},
	} {
		if step.reopen {
			h = reopen()
		}
		p := chain("other"+at.at.String(), 1)[0]
		write(t, h, p)
		h.store.stamp(pageName(h.make, p.Sum), at.at)
		tick()
		for i, want := range [][]int{step.a, step.b, step.c} {
			if got := left(h, texts[i]); !slices.Equal(got, want) {
				t.Fatalf("text %d: pages %v are left, want %v", i, got, want)
			}
		}
		if got := h.store.Stats(); got.Bytes > limit || got.Pages != 8 || int(got.Pages) != len(files(t, folder)) {
			t.Fatalf("counts: %+v, %d files", got, len(files(t, folder)))
		}
	}
	// A smaller limit holds from the start.
	limit = 3 * pageSize
	h = reopen()
	if got := h.store.Stats(); got.Pages != 3 || len(files(t, folder)) != 3 {
		t.Errorf("counts: %+v, want three pages", got)
	}
	if err := h.Write(&Page{Groups: [][]byte{make([]byte, limit)}}); !errors.Is(err, ErrFull) || h.store.Stats().Pages != 3 {
		t.Errorf("a page larger than the limit: got %v", err)
	}
}

// However small pages are, there are not more than so many.
func TestMostPages(t *testing.T) {
	s := open(t, t.TempDir(), 1<<40)
	s.most = 3
	h := s.Shelf(testMake)
	for i, text := range []string{"a", "b", "c", "d", "e"} {
		write(t, h, chain(text, 1)...)
		if got := len(files(t, s.folder)); got != min(i+1, 3) {
			t.Errorf("after %d pages: %d files", i+1, got)
		}
	}
}

// Two stores of one folder keep the limit, each after a share of it.
func TestTogether(t *testing.T) {
	folder := t.TempDir()
	limit := 64 * pageSize
	var shelves []*Shelf
	for range 2 {
		s := open(t, folder, limit)
		s.allowed = 1 << 40
		shelves = append(shelves, s.Shelf(testMake))
	}
	for i := range 300 {
		h := shelves[i%2]
		h.store.allowed = 1 << 40
		write(t, h, chain(string(rune('a'+i)), 1)...)
		if got := int64(len(files(t, folder))) * pageSize; got > limit+limit/share+pageSize {
			t.Fatalf("after %d pages there are %d bytes, the limit is %d", i, got, limit)
		}
	}
	// What one wrote the other finds.
	last := chain(string(rune('a'+299)), 1)[0]
	if !read(t, shelves[0], last.Sum) || !read(t, shelves[1], last.Sum) {
		t.Error("the page of the other is not there")
	}
}

// A full disk ends nothing: pages are skipped for a while, and nothing is left of them.
func TestFull(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	at := clock{time.Now()}
	s.now = at.now
	h := s.Shelf(testMake)
	pages := chain("text", 2)
	write(t, h, pages[0])
	s.write = func(f *os.File, b []byte) (int, error) {
		n, _ := f.Write(b[:len(b)/2])
		return n, syscall.ENOSPC
	}
	if err := h.Write(pages[1]); !errors.Is(err, syscall.ENOSPC) || len(files(t, s.folder)) != 1 {
		t.Errorf("got %v, files %v", err, files(t, s.folder))
	}
	s.write = (*os.File).Write
	if err := h.Write(pages[1]); !errors.Is(err, ErrFull) {
		t.Errorf("a moment later: got %v, want %v", err, ErrFull)
	}
	at.at = at.at.Add(pause)
	s.free = func(string) (int64, error) { return spare + pageSize - 1, nil }
	if err := h.Write(pages[1]); !errors.Is(err, ErrFull) {
		t.Errorf("with little left: got %v, want %v", err, ErrFull)
	}
	at.at = at.at.Add(pause)
	s.free = func(string) (int64, error) { return spare + pageSize, nil }
	write(t, h, pages[1])
	if got := s.Stats(); got.Pages != 2 || got.SkippedPages != 2 || got.Failures != 1 {
		t.Errorf("counts: %+v", got)
	}
}

// In an hour no more is written than the folder holds.
func TestAllowance(t *testing.T) {
	s := open(t, t.TempDir(), 4*pageSize)
	at := clock{time.Now()}
	s.now, s.counted = at.now, at.at
	h := s.Shelf(testMake)
	written := func(text string) (n int) {
		for _, p := range chain(text, 8) {
			if h.Write(p) == nil {
				n++
			}
		}
		return n
	}
	for i, step := range []struct {
		later time.Duration
		want  int
	}{{0, 4}, {0, 0}, {30 * time.Minute, 2}, {-time.Hour, 0}, {time.Hour, 0}, {31 * time.Minute, 2}, {9 * time.Hour, 4}} {
		at.at = at.at.Add(step.later)
		if got := written(string(rune('a' + i))); got != step.want {
			t.Errorf("after %v: %d pages written, want %d", step.later, got, step.want)
		}
	}
}

// A page without the one before it is of no use.
func TestNoParent(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	h := s.Shelf(testMake)
	pages := chain("text", 3)
	write(t, h, pages[0])
	if err := h.Write(pages[2]); !errors.Is(err, ErrMissing) || s.Stats().SkippedPages != 1 {
		t.Errorf("got %v, %+v", err, s.Stats())
	}
	write(t, h, pages[1:]...)
}

// Half-written files of processes that ended are removed once they are old.
func TestSweep(t *testing.T) {
	folder := t.TempDir()
	for name, age := range map[string]time.Duration{"old": 2 * abandoned, "new": 0} {
		path := filepath.Join(folder, name+extension+partial)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	open(t, folder, 1)
	if got := files(t, folder); !slices.Equal(got, []string{"new" + extension + partial}) {
		t.Errorf("files %v are left, want the new one", got)
	}
}

// Others are kept out of the folder, and a folder of others is refused.
func TestFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, folder, 1)
	if st, err := os.Stat(folder); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", st.Mode(), err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Folder: file, Limit: 1}); !errors.Is(err, ErrFolder) {
		t.Errorf("a file: got %v, want %v", err, ErrFolder)
	}
	if _, err := Open(Options{Folder: folder}); err == nil {
		t.Error("no limit is taken")
	}
}
