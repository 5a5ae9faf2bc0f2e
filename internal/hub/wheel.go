package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of what a wheel may be. A wheel is a zip file from a stranger.
const (
	maxMembers   = 20_000
	maxDirectory = 8 << 20  // bytes of the zip's directory that are read
	maxText      = 16 << 20 // bytes of a text member: RECORD lists every file
	maxRatio     = 200      // of a member's size to its compressed size …
	freeRatio    = 64 << 20 // … above this size; zeros shrink by 1000
)

// wheel is an open wheel. Nothing in it is ever run, and none of its names
// becomes a path as it is.
type wheel struct {
	file    string // its own name, for messages
	f       *os.File
	members []*zip.File
	byName  map[string]*zip.File
	record  map[string]recorded
}

// recorded is a line of a wheel's RECORD.
type recorded struct {
	digest Digest
	size   int64 // -1 if not given
}

// openWheel reads the directory of the wheel at path, which messages call file,
// and refuses what a wheel cannot have: names that leave the folder,
// duplicates, links, encryption.
func openWheel(path, file string) (*wheel, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("wheel %s: %w", file, err)
	}
	w := &wheel{file: file, f: f, byName: make(map[string]*zip.File)}
	if err := w.readDirectory(); err != nil {
		f.Close()
		return nil, fmt.Errorf("wheel %s: %w", file, err)
	}
	if err := w.readRecord(); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// readDirectory lists the members and checks what the directory says of them.
func (w *wheel) readDirectory() error {
	st, err := w.f.Stat()
	if err != nil {
		return err
	}
	if err := checkDirectory(w.f, st.Size()); err != nil {
		return err
	}
	limited := &budget{w.f, maxDirectory}
	z, err := zip.NewReader(limited, st.Size())
	limited.left = math.MaxInt64 // from here on members are read
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("%w: %w", err, ErrFormat)
	}
	if len(z.File) > maxMembers {
		return fmt.Errorf("%d members, %d at most: %w", len(z.File), maxMembers, ErrFormat)
	}
	for _, m := range z.File {
		if err := w.admit(m, st.Size()); err != nil {
			return fmt.Errorf("member %q: %w: %w", clip(m.Name), err, ErrFormat)
		}
	}
	return nil
}

func (w *wheel) close() { w.f.Close() }

// admit takes a member of the zip if it can be one of a wheel.
func (w *wheel) admit(m *zip.File, size int64) error {
	name := strings.TrimSuffix(m.Name, "/")
	mode := m.Mode()
	switch {
	case name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, "\\\x00:"):
		return errors.New("the name is not a relative path")
	case path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return errors.New("the name leads out of the wheel")
	case w.byName[name] != nil:
		return errors.New("comes twice")
	case m.Flags&1 != 0:
		return errors.New("is encrypted")
	case mode.IsDir():
		return nil
	case !mode.IsRegular():
		return fmt.Errorf("is a %v, want a file", mode.Type())
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return fmt.Errorf("compression %d, want stored or deflated", m.Method)
	case m.CompressedSize64 > uint64(size) || m.UncompressedSize64 > 1<<50:
		return fmt.Errorf("%d bytes from %d, in a wheel of %d", m.UncompressedSize64, m.CompressedSize64, size)
	case m.Method == zip.Store && m.CompressedSize64 != m.UncompressedSize64:
		return fmt.Errorf("stored, and yet %d bytes from %d", m.UncompressedSize64, m.CompressedSize64)
	case m.UncompressedSize64 > freeRatio && m.UncompressedSize64/maxRatio > m.CompressedSize64:
		return fmt.Errorf("%d bytes from %d: it would unpack to more than %d times its size", m.UncompressedSize64, m.CompressedSize64, maxRatio)
	}
	w.byName[name] = m
	w.members = append(w.members, m)
	return nil
}

// checkDirectory bounds what the zip reader makes room for before it reads. It
// finds the end of the directory as that does: the last mark in the last 65
// KiB, and a zip64 record that is pointed to from before it.
func checkDirectory(r io.ReaderAt, size int64) error {
	const (
		endLength    = 22
		recordLength = 56
		window       = 65 << 10
	)
	tail := make([]byte, min(size, window))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	at := bytes.LastIndex(tail[:max(0, len(tail)-endLength+4)], []byte("PK\x05\x06"))
	if at < 0 {
		return fmt.Errorf("not a zip file: %w", ErrFormat)
	}
	count := uint64(binary.LittleEndian.Uint16(tail[at+10:]))
	if at >= 20 && string(tail[at-20:at-16]) == "PK\x06\x07" {
		offset := int64(binary.LittleEndian.Uint64(tail[at-12:]))
		if offset < 0 || offset > size-recordLength {
			return fmt.Errorf("the zip directory's record lies outside: %w", ErrFormat)
		}
		record := make([]byte, recordLength)
		if _, err := r.ReadAt(record, offset); err != nil {
			return err
		}
		count = binary.LittleEndian.Uint64(record[32:])
	}
	if count > maxMembers {
		return fmt.Errorf("%d members, %d at most: %w", count, maxMembers, ErrFormat)
	}
	return nil
}

// budget reads until its bytes are used up: the zip reader believes the
// headers that it finds, not the directory's stated length.
type budget struct {
	io.ReaderAt
	left int64
}

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("a zip directory of more than %d bytes", maxDirectory)
	}
	return b.ReaderAt.ReadAt(p, at)
}

// readRecord reads the digests that the wheel gives of its own members. A wheel
// without a RECORD has only the digest that the index gave of the whole.
func (w *wheel) readRecord() error {
	w.record = make(map[string]recorded)
	text, name, err := w.distText("RECORD")
	if err != nil || name == "" {
		return err
	}
	lines := csv.NewReader(strings.NewReader(text))
	lines.FieldsPerRecord = -1
	for {
		fields, err := lines.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wheel %s: member %s: %w: %w", w.file, printable(name), err, ErrFormat)
		}
		if len(fields) != 3 || fields[1] == "" {
			continue // RECORD itself and signatures have no digest
		}
		encoded, ok := strings.CutPrefix(fields[1], "sha256=")
		if !ok {
			continue // a digest of another kind says nothing here
		}
		sum, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("wheel %s: member %s: %q: digest %q: %w", w.file, printable(name), clip(fields[0]), clip(fields[1]), ErrFormat)
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			size = -1
		}
		w.record[fields[0]] = recorded{Digest(sum), size}
	}
}

// distText returns a text of the wheel's dist-info folder, and its full name;
// both are empty if there is none.
func (w *wheel) distText(base string) (text, name string, err error) {
	for _, m := range w.members {
		dir, file := path.Split(m.Name)
		if file != base || !strings.HasSuffix(dir, ".dist-info/") || strings.Count(dir, "/") != 1 {
			continue
		}
		text, err := w.text(m)
		return text, m.Name, err
	}
	return "", "", nil
}

// text reads a small member whole.
func (w *wheel) text(m *zip.File) (string, error) {
	if m.UncompressedSize64 > maxText {
		return "", fmt.Errorf("wheel %s: member %s: %d bytes, %d at most: %w", w.file, printable(m.Name), m.UncompressedSize64, maxText, ErrFormat)
	}
	var b strings.Builder
	_, err := w.extract(context.Background(), m, &b, nil)
	return b.String(), err
}

// beginning returns up to n bytes of a member's beginning.
func (w *wheel) beginning(m *zip.File, n int) ([]byte, error) {
	r, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("wheel %s: member %s: %w: %w", w.file, printable(m.Name), err, ErrFormat)
	}
	defer r.Close()
	b := make([]byte, n)
	got, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("wheel %s: member %s: %w: %w", w.file, printable(m.Name), err, ErrFormat)
	}
	return b[:got], nil
}

// extract writes a member to dst and checks its size, its CRC and the digest
// that RECORD has of it. It returns that digest of the bytes.
func (w *wheel) extract(ctx context.Context, m *zip.File, dst io.Writer, report func(done int64)) (Digest, error) {
	fail := func(err, kind error) (Digest, error) {
		return Digest{}, fmt.Errorf("wheel %s: member %s: %w: %w", w.file, printable(m.Name), err, kind)
	}
	r, err := m.Open()
	if err != nil {
		return fail(err, ErrFormat)
	}
	defer r.Close()
	h := sha256.New()
	// The limit is one byte more than the directory says, so that a member
	// that lies about its size is cut there.
	limited := io.LimitReader(r, int64(m.UncompressedSize64)+1)
	out := &writeErrors{w: dst}
	n, err := copyContext(ctx, io.MultiWriter(h, out), limited, report)
	switch {
	case out.err != nil:
		return Digest{}, out.err
	case ctx.Err() != nil:
		return Digest{}, err
	case err != nil:
		return fail(err, ErrFormat)
	case uint64(n) != m.UncompressedSize64:
		return fail(fmt.Errorf("unpacks to more than the %d bytes that the directory says", m.UncompressedSize64), ErrFormat)
	}
	d := Digest(h.Sum(nil))
	if want, ok := w.record[m.Name]; ok && (want.digest != d || want.size >= 0 && want.size != n) {
		return fail(fmt.Errorf("%d bytes with %s, RECORD has %d with %s", n, d, want.size, want.digest), ErrDigest)
	}
	return d, nil
}

// writeErrors keeps the error of a writer apart from those of what is read.
type writeErrors struct {
	w   io.Writer
	err error
}

func (w *writeErrors) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}
