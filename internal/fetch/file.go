package fetch

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// File is a file to fetch. While it is not whole it lies beside its path with
// the ending ".part", and its journal with ".part.json". One fetch of a path
// runs at a time.
type File struct {
	URL     string
	Address func(context.Context) (string, error) // asked before each try, where addresses expire; nil: URL
	Header  http.Header                           // goes with redirects too: no credentials
	Path    string                                // where the file goes
	Size    int64                                 // bytes; 0 if not known
	Hint    int64                                 // bytes that an earlier answer spoke of, of a file that it also gave an identity to; 0: none did
	SHA256  [sha256.Size]byte                     // zero if not known
	GitSHA1 [sha1.Size]byte                       // of the file as a git blob; zero if not known
	Begins  string                                // what the file has to begin with, so that a page is told from it early

	Room    func(dir string, n int64) error                         // reports why n more bytes find no place; nil: not asked
	WriteAt func(f *os.File, p []byte, at int64) (n int, err error) // nil: that of the file
}

// trusted reports whether the bytes will be compared with a digest in the end:
// then it does not matter whose they say they are.
func (f *File) trusted() bool {
	return f.SHA256 != [sha256.Size]byte{} || f.GitSHA1 != [sha1.Size]byte{}
}

// key says which file it is, for the journal.
func (f *File) key() string {
	switch {
	case f.SHA256 != [sha256.Size]byte{}:
		return "sha256:" + hex.EncodeToString(f.SHA256[:])
	case f.GitSHA1 != [sha1.Size]byte{}:
		return "sha1:" + hex.EncodeToString(f.GitSHA1[:])
	}
	return f.URL
}

// File fetches a file and returns its SHA-256 and size. What an earlier fetch
// left at its path is gone on with, at the byte: within one fetch, after it
// failed, and after its process was killed. Bytes that no digest vouches for
// are gone on with only if the server says by If-Range that the file is the
// same. Large files are asked for in several ranges at once. report gets the
// bytes that are there and those of the whole, 0 if that is not known; it is
// called by one goroutine at a time, and may be nil.
//
// When it fails, what has come stays for the next try; only bytes with a wrong
// digest are dropped.
//
// Errors: those of Get; ErrDigest, also for a wrong size; those of Room and
// WriteAt; and the end of ctx.
func (c *Client) File(ctx context.Context, f File, report func(done, total int64)) ([sha256.Size]byte, int64, error) {
	t := &transfer{Client: c, File: f, report: report}
	if t.report == nil {
		t.report = func(int64, int64) {}
	}
	if t.WriteAt == nil {
		t.WriteAt = (*os.File).WriteAt
	}
	sum, n, err := t.run(ctx)
	if t.stale && ctx.Err() == nil {
		t.stale = false
		sum, n, err = t.run(ctx)
	}
	if err != nil {
		return [sha256.Size]byte{}, 0, err
	}
	return sum, n, nil
}

// run fetches the file once.
func (t *transfer) run(ctx context.Context) (sum [sha256.Size]byte, size int64, err error) {
	if err := t.open(); err != nil {
		return sum, 0, err
	}
	defer t.file.Close()
	t.hasher = newHasher(t)
	defer t.hasher.stop()
	if err := t.fetchAll(ctx); err != nil {
		if t.size() > 0 && !errors.Is(err, errBegins) && !errors.Is(err, errSurplus) {
			_ = t.save(true) // the error to tell is the first
		} else {
			t.drop()
		}
		return sum, 0, err
	}
	if sum, err = t.hasher.sum(ctx, t.total); err != nil {
		return sum, 0, err
	}
	return sum, t.total, t.finish(sum)
}

func (t *transfer) partPath() string    { return t.Path + ".part" }
func (t *transfer) journalPath() string { return t.Path + ".part.json" }

// open opens what an earlier run left, as far as it can be trusted: with a
// digest to compare with in the end, all of it; else what the journal says was
// synced, and only if there is a way to ask whether the file is the same.
func (t *transfer) open() error {
	file, err := os.OpenFile(t.partPath(), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	t.file, t.total, t.have, t.claimed, t.single, t.begun = file, -1, nil, nil, false, false
	j := readJournal(t.journalPath(), t.key())
	t.mark = j.identity
	switch {
	case t.trusted() && !j.Sparse:
		t.have = spans{}.add(0, st.Size())
	case t.trusted() || j.known():
		t.have = j.Spans
	}
	if t.Size > 0 {
		t.total = t.Size
	}
	if !t.have.valid(st.Size()) {
		t.have = t.have.remove(st.Size(), 1<<62)
	}
	if t.Size > 0 && t.have.end() > t.Size {
		t.have = nil
	}
	if len(t.have) == 0 {
		t.mark = identity{}
	}
	if err := file.Truncate(t.have.end()); err != nil {
		file.Close()
		return err
	}
	t.sparse = len(t.have) > 1 || t.have.front() != t.have.end()
	t.resumed, t.saved = len(t.have) > 0, t.have.size()
	return nil
}

// drop removes a file of which nothing is kept.
func (t *transfer) drop() {
	t.file.Close()
	_ = os.Remove(t.partPath())
	_ = os.Remove(t.journalPath())
}

// finish compares the digest and gives the file its name.
func (t *transfer) finish(sum [sha256.Size]byte) error {
	if err := t.compare(sum); err != nil {
		if errors.Is(err, ErrDigest) {
			t.stale = t.resumed
			t.drop()
		}
		return err
	}
	// A range of a file that then shrank may have written behind its end.
	err := t.file.Truncate(t.total)
	err = errors.Join(err, t.file.Sync())
	err = errors.Join(err, t.file.Close())
	if err == nil {
		err = os.Rename(t.partPath(), t.Path)
	}
	if err != nil {
		return err
	}
	_ = os.Remove(t.journalPath()) // one that stays is for a file that is not there, and ignored
	if dir, err := os.Open(filepath.Dir(t.Path)); err == nil {
		_ = dir.Sync() // not every system can
		dir.Close()
	}
	return nil
}

// compare holds the bytes to what was promised.
func (t *transfer) compare(sum [sha256.Size]byte) error {
	if t.SHA256 != [sha256.Size]byte{} && sum != t.SHA256 {
		return fmt.Errorf("%s: %d bytes with sha256:%x came, want sha256:%x: %w", t.shown(), t.total, sum, t.SHA256, ErrDigest)
	}
	if t.GitSHA1 == [sha1.Size]byte{} {
		return nil
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", t.total)
	if _, err := io.Copy(h, io.NewSectionReader(t.file, 0, t.total)); err != nil {
		return err
	}
	if got := [sha1.Size]byte(h.Sum(nil)); got != t.GitSHA1 {
		return fmt.Errorf("%s: %d bytes with the git sha1 %x came, want %x: %w", t.shown(), t.total, got, t.GitSHA1, ErrDigest)
	}
	return nil
}

// shown names the file in errors.
func (t *transfer) shown() string {
	if t.URL != "" {
		return Shown(t.URL)
	}
	return printable(filepath.Base(t.Path))
}
