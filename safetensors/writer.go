package safetensors

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Writer writes a safetensors file: first metadata with Put and all tensors with
// Declare, then the bytes of each tensor in the order declared, then Close.
// Nothing but the header is held in memory, and the same calls give the same
// bytes. After an error every call returns that error.
//
// Bytes stand in the order declared, without padding: declare the wider types
// first if every tensor is to be aligned to its type.
type Writer struct {
	file     string // base name, for messages
	metadata []pair
	tensors  []entry
	names    map[string]struct{} // of tensors

	to     io.Writer
	output *newfile.File // that to is, if the Writer made it
	out    *bufio.Writer
	next   int // tensor to be written
	err    error
}

// NewWriter returns a Writer to w, which Close does not close.
func NewWriter(w io.Writer) *Writer {
	return &Writer{file: "model", names: map[string]struct{}{}, to: w}
}

// Create returns a Writer of the file at path. The file appears there, replacing
// what was there, when Close succeeds.
func Create(path string) (*Writer, error) {
	o, err := newfile.Create(path)
	if err != nil {
		return nil, opening(err)
	}
	w := NewWriter(o)
	w.file, w.output = filepath.Base(path), o
	return w, nil
}

// fail makes err the Writer's error.
func (w *Writer) fail(subject, format string, args ...any) error {
	w.err = fmt.Errorf("safetensors: %s: %s: %w", w.file, subject, fmt.Errorf(format, args...))
	return w.err
}

// Put adds a pair to the metadata. The key must be new; both are UTF-8.
func (w *Writer) Put(key, value string) error {
	if w.err != nil {
		return w.err
	}
	subject := "metadata " + message.Clean(key)
	switch {
	case w.out != nil:
		return w.fail(subject, "put after the first tensor's bytes: %w", errState)
	case slices.ContainsFunc(w.metadata, func(p pair) bool { return p.key == key }):
		return w.fail(subject, "put twice")
	case !utf8.ValidString(key) || !utf8.ValidString(value):
		return w.fail(subject, "is not UTF-8")
	}
	w.metadata = append(w.metadata, pair{key, value})
	return nil
}

// Declare adds a tensor. shape is row-major, the last axis fastest.
func (w *Writer) Declare(name string, t DType, shape ...int) error {
	if w.err != nil {
		return w.err
	}
	subject := "tensor " + message.Clean(name)
	_, twice := w.names[name]
	switch {
	case w.out != nil:
		return w.fail(subject, "declared after the first tensor's bytes: %w", errState)
	case twice:
		return w.fail(subject, "declared twice")
	case name == metadataKey || !utf8.ValidString(name):
		return w.fail(subject, "is no name for a tensor")
	case !t.Known():
		return w.fail(subject, "type %s is not supported", message.Clean(string(t)))
	case len(shape) > maxDims || len(w.tensors) == maxTensors:
		return w.fail(subject, "%d dimensions and %d tensors, want at most %d and %d", len(shape), len(w.tensors)+1, maxDims, maxTensors)
	}
	e := entry{name: name, dtype: t, shape: make([]uint64, len(shape))}
	for i, d := range shape {
		if d < 0 {
			return w.fail(subject, "dimension %d is %d", i, d)
		}
		e.shape[i] = uint64(d)
	}
	if len(w.tensors) > 0 {
		e.begin = w.tensors[len(w.tensors)-1].end
	}
	size, ok := e.measure()
	if !ok || size > maxSize-e.begin {
		return w.fail(subject, "shape %v is too large", shape)
	}
	e.end = e.begin + size
	w.names[name] = struct{}{}
	w.tensors = append(w.tensors, e)
	return nil
}

// WriteTensor writes the bytes of the next tensor, which is called name.
func (w *Writer) WriteTensor(name string, b []byte) error {
	e, err := w.begin(name)
	if err != nil {
		return err
	}
	if uint64(len(b)) != e.end-e.begin {
		return w.fail("tensor "+message.Clean(name), "%d bytes, want %d", len(b), e.end-e.begin)
	}
	_, err = w.out.Write(b)
	return w.end(name, err)
}

// CopyTensor writes the bytes of the next tensor, which is called name, from r:
// exactly as many as its type and shape need.
func (w *Writer) CopyTensor(name string, r io.Reader) error {
	e, err := w.begin(name)
	if err != nil {
		return err
	}
	size := int64(e.end - e.begin)
	n, err := io.CopyN(w.out, r, size)
	if err == io.EOF {
		err = fmt.Errorf("%d bytes, want %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return w.end(name, err)
}

// begin checks that name is the next tensor and writes the header before the first.
func (w *Writer) begin(name string) (entry, error) {
	if w.err != nil {
		return entry{}, w.err
	}
	subject := "tensor " + message.Clean(name)
	if w.next == len(w.tensors) {
		return entry{}, w.fail(subject, "all declared tensors are written: %w", errState)
	}
	e := w.tensors[w.next]
	if e.name != name {
		return e, w.fail(subject, "the next tensor is %s: %w", message.Clean(e.name), errState)
	}
	if w.out == nil {
		return e, w.start()
	}
	return e, nil
}

func (w *Writer) end(name string, err error) error {
	if err != nil {
		return w.fail("tensor "+message.Clean(name), "%w", err)
	}
	w.next++
	return nil
}

// start writes the header, padded so that the first tensor stands at a multiple
// of 8 bytes.
func (w *Writer) start() error {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, once it is known
	quoted := json.NewEncoder(&b)
	quoted.SetEscapeHTML(false)
	text := func(s string) {
		_ = quoted.Encode(s)    // a string cannot fail
		b.Truncate(b.Len() - 1) // the encoder's newline
	}
	b.WriteByte('{')
	if len(w.metadata) > 0 {
		text(metadataKey)
		for i, p := range w.metadata {
			b.WriteString([]string{":{", ","}[min(i, 1)])
			text(p.key)
			b.WriteByte(':')
			text(p.value)
		}
		b.WriteByte('}')
	}
	for _, e := range w.tensors {
		if b.Len() > len("12345678{") {
			b.WriteByte(',')
		}
		text(e.name)
		fmt.Fprintf(&b, `:{"dtype":"%s","shape":[`, e.dtype)
		for i, d := range e.shape {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, d)
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, e.begin, e.end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > maxHeader {
		return w.fail("header", "%d bytes, want at most %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	w.out = bufio.NewWriterSize(w.to, 256<<10)
	if _, err := w.out.Write(b.Bytes()); err != nil {
		return w.fail("header", "%w", err)
	}
	return nil
}

// Close ends the file. It fails if a declared tensor was not written; then, as
// after any error, no file appears.
func (w *Writer) Close() error {
	defer w.Abort()
	if w.err != nil {
		return w.err
	}
	if w.next < len(w.tensors) {
		return w.fail("tensor "+message.Clean(w.tensors[w.next].name), "was not written: %w", errState)
	}
	if w.out == nil { // no tensors
		if err := w.start(); err != nil {
			return err
		}
	}
	err := w.out.Flush()
	if err == nil && w.output != nil {
		if err = w.output.Finish(); err == nil {
			err = w.output.Place()
		}
	}
	if err != nil {
		return w.fail("file", "%w", err)
	}
	w.output = nil
	return nil
}

// Abort removes what Close has not put in its place, and makes later calls fail:
// what to defer.
func (w *Writer) Abort() {
	if w.output != nil {
		w.output.Discard()
		w.output = nil
	}
	if w.err == nil {
		w.err = fmt.Errorf("safetensors: %s: %w: the writer is closed", w.file, errState)
	}
}
