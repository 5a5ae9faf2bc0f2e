package safetensors

import (
	"io"

	"github.com/blitz-r1/blitz/internal/message"
)

// section is the place of a tensor whose bytes come in any order.
type section struct {
	w    *Writer
	name string
	at   int64 // of its first byte in the file
	size int64
}

// Section begins the next tensor, which is called name, and returns where its bytes
// go, in any order and until Close: for rows that several tensors get in turn. Bytes
// that are not written are 0. Only a file that Create made has sections.
func (w *Writer) Section(name string) (io.WriterAt, error) {
	if w.err == nil && w.output == nil {
		return nil, w.fail("tensor "+message.Clean(name), "sections need a file: %w", errState)
	}
	e, err := w.begin(name)
	if err != nil {
		return nil, err
	}
	at, err := w.skip(int64(e.end - e.begin))
	if err := w.end(name, err); err != nil {
		return nil, err
	}
	return &section{w: w, name: name, at: at, size: int64(e.end - e.begin)}, nil
}

// skip moves the file n bytes on, which makes it longer, and returns where it was.
func (w *Writer) skip(n int64) (at int64, err error) {
	if err := w.out.Flush(); err != nil {
		return 0, err
	}
	if at, err = w.output.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	}
	if _, err = w.output.Seek(n, io.SeekCurrent); err != nil || w.output.InPlace() {
		return at, err
	}
	return at, w.output.Truncate(at + n)
}

// WriteAt writes b from byte off of the tensor on.
func (s *section) WriteAt(b []byte, off int64) (int, error) {
	if s.w.err != nil {
		return 0, s.w.err
	}
	if off < 0 || off > s.size || int64(len(b)) > s.size-off {
		return 0, s.w.fail("tensor "+message.Clean(s.name), "%d bytes at %d, want at most %d in all", len(b), off, s.size)
	}
	n, err := s.w.output.WriteAt(b, s.at+off)
	if err != nil {
		return n, s.w.fail("tensor "+message.Clean(s.name), "%w", err)
	}
	return n, nil
}
