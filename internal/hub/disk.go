package hub

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// spare is what a disk keeps free beside what is about to be written: room
// for manifests and links, and for the rest of the system to go on.
const spare = 64 << 20 // bytes

// disk is how the store writes bytes. Tests put a full one in its place.
type disk struct {
	free    func(dir string) (int64, error)                   // bytes free to the user
	write   func(f *os.File, p []byte) (int, error)           // as (*os.File).Write
	writeAt func(f *os.File, p []byte, at int64) (int, error) // as (*os.File).WriteAt
	clone   func(path string, src *os.File) error             // reflink src as path
	link    func(from, path string) error                     // hard link
}

var realDisk = disk{free: freeSpace, write: (*os.File).Write, writeAt: (*os.File).WriteAt, clone: reflink, link: os.Link}

// diskError adds ErrNoSpace to an error of a full disk or a used-up quota.
func diskError(err error) error {
	if err != nil && isNoSpace(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// need checks that n more bytes fit on the disk of dir. A disk that does not
// say how much is free is given the benefit of the doubt: a full one still
// fails as it is written to.
func (d disk) need(dir string, n int64) error {
	free, err := d.free(dir)
	if err != nil || n <= free-spare {
		return nil
	}
	return fmt.Errorf("%s: %s needed and %s to spare, %s free: %w",
		dir, FormatBytes(n), FormatBytes(spare), FormatBytes(free), ErrNoSpace)
}

// diskWriter writes to a file of the store.
type diskWriter struct {
	disk disk
	file *os.File
}

func (w diskWriter) Write(p []byte) (int, error) {
	n, err := w.disk.write(w.file, p)
	if err != nil {
		err = fmt.Errorf("store: %w", diskError(err))
	}
	return n, err
}

// writeFile puts text at path so that a crash leaves the old file or the new
// one, whole.
func (d disk) writeFile(path string, text []byte) (err error) {
	temporary := filepath.Join(filepath.Dir(path), temporaryName())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	_, err = io.Copy(diskWriter{d, f}, bytes.NewReader(text))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = newfile.SyncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, diskError(err))
	}
	return nil
}

// temporaryPrefix begins the names of files that are being written. Outside a
// lock they are rests of a crash.
const temporaryPrefix = ".new-"

func temporaryName() string {
	var b [8]byte
	rand.Read(b[:]) // does not fail
	return temporaryPrefix + hex.EncodeToString(b[:])
}

// readFile reads a small file, and refuses one that is longer than most.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: more than %d bytes: %w", filepath.Base(path), most, ErrFormat)
	}
	return text, nil
}

// exists tells a missing file from one that cannot be looked at.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// FormatBytes writes a count of bytes for people: "94.1 MB", in powers of 1000
// as disks and networks are measured.
func FormatBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.95 {
		x /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", x, "kMGTPE"[unit])
}

// writeAtOf writes bytes at their place in a file of the store.
func (d disk) writeAtOf(f *os.File, p []byte, at int64) (int, error) {
	n, err := d.writeAt(f, p, at)
	if err != nil {
		err = fmt.Errorf("store: %w", diskError(err))
	}
	return n, err
}
