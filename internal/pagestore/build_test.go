package pagestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var testMake = Make{Model: "root", Profile: "canon-1", Cache: "q8", Form: "none", Layout: 1, Layers: []Layer{{64, 0}, {128, 300}}}

// sizes is the bytes of the groups of test pages.
var sizes = []int{64, 128}

// bytesOf returns what the groups of a page hold: something else for each sum.
func bytesOf(sum Sum) (groups [][]byte) {
	r := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), 0))
	for _, n := range sizes {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		groups = append(groups, b)
	}
	return groups
}

// chain returns the pages of a text.
func chain(text string, n int) (pages []*Page) {
	var parent Sum
	for i := range n {
		sum := sha256.Sum256(fmt.Append(nil, text, i))
		pages = append(pages, &Page{Sum: sum, Parent: parent, Split: i, Groups: bytesOf(sum)})
		parent = sum
	}
	return pages
}

// pageSize is what a test page takes on disk.
var pageSize = int64(headerBytes(len(sizes)) + sizes[0] + sizes[1])

// open opens a store and waits until it knows its folder.
func open(t testing.TB, folder string, limit int64) *Store {
	t.Helper()
	s, err := Open(Options{Folder: folder, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	<-s.ready
	return s
}

// read reads a page, and wants it right where it is there.
func read(t testing.TB, h *Shelf, sum Sum) bool {
	t.Helper()
	groups := [][]byte{make([]byte, sizes[0]), make([]byte, sizes[1])}
	if err := h.Read(sum, groups); err != nil {
		return false
	}
	for i, want := range bytesOf(sum) {
		if !bytes.Equal(groups[i], want) {
			t.Fatalf("page %x: group %d is not what was written", sum[:4], i)
		}
	}
	return true
}

func write(t testing.TB, h *Shelf, pages ...*Page) {
	t.Helper()
	for _, p := range pages {
		if err := h.Write(p); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns the names of the files in a folder.
func files(t testing.TB, folder string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

// onlyFile returns the path of the only file in a folder.
func onlyFile(t testing.TB, folder string) string {
	t.Helper()
	names := files(t, folder)
	if len(names) != 1 {
		t.Fatalf("files %v, want one", names)
	}
	return filepath.Join(folder, names[0])
}

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }
