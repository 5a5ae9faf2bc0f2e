package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Writer writes a model as GGUF version 3: first all metadata with Put and all
// tensors with Declare, then the bytes of each tensor in the order declared, then
// Close. Nothing but the header is held in memory. After an error every call
// returns that error.
type Writer struct {
	file      string // base name, for messages
	keyValues []KeyValue
	keys      map[string]struct{}
	tensors   []entry
	names     map[string]struct{}
	align     uint64

	open     func(part, count int) (io.Writer, error)
	maxBytes uint64 // of a part's tensors; 0 for no split

	parts   []int // the first tensor of each part; made by the first byte written
	part    int   // that is being written
	next    int   // tensor to be written
	out     *bufio.Writer
	outputs []*newfile.File
	err     error
}

// NewWriter returns a Writer of one file to w, which Close does not close.
func NewWriter(w io.Writer) *Writer {
	wr := newWriter("model")
	wr.open = func(int, int) (io.Writer, error) { return w, nil }
	return wr
}

// Create returns a Writer of one file at path. The file appears there, replacing
// what was there, when Close succeeds.
func Create(path string) (*Writer, error) {
	w := newWriter(filepath.Base(path))
	o, err := newfile.Create(path)
	if err != nil {
		return nil, opening(err)
	}
	w.outputs = []*newfile.File{o}
	w.open = func(int, int) (io.Writer, error) { return o, nil }
	return w, nil
}

// CreateSplit returns a Writer of the files PREFIX-00001-of-0000N.gguf, each with
// tensors of at most maxBytes bytes, or one larger tensor. All files appear when
// Close succeeds, the first one last.
func CreateSplit(prefix string, maxBytes int64) (*Writer, error) {
	if maxBytes <= 0 {
		return nil, fmt.Errorf("gguf: a split of %d bytes a file: want more than 0", maxBytes)
	}
	w := newWriter(filepath.Base(prefix))
	w.maxBytes = uint64(maxBytes)
	w.open = func(part, count int) (io.Writer, error) {
		o, err := newfile.Create(PartName(prefix, part, count))
		if err == nil {
			w.outputs = append(w.outputs, o)
		}
		return o, err
	}
	return w, nil
}

func newWriter(file string) *Writer {
	return &Writer{file: file, keys: map[string]struct{}{}, names: map[string]struct{}{}, align: defaultAlignment}
}

// fail makes err the Writer's error.
func (w *Writer) fail(subject, format string, args ...any) error {
	w.err = fmt.Errorf("gguf: %s: %s: %w", w.file, subject, fmt.Errorf(format, args...))
	return w.err
}

// Put adds a pair to the metadata. The key must be new. The keys of a split are
// the Writer's own: who copies the metadata of a split model leaves them out.
func (w *Writer) Put(key string, v Value) error {
	if w.err != nil {
		return w.err
	}
	subject := "key " + message.Clean(key)
	_, twice := w.keys[key]
	switch {
	case w.parts != nil:
		return w.fail(subject, "put after the first tensor's bytes: %w", errState)
	case key == "" || len(key) > maxName:
		return w.fail(subject, "name of %d bytes, want 1 to %d", len(key), maxName)
	case twice:
		return w.fail(subject, "put twice")
	case v == Value{}:
		return w.fail(subject, "no value")
	case key == keySplitNo || key == keySplitCount || key == keySplitTensors:
		return w.fail(subject, "is written by CreateSplit alone")
	}
	if key == keyAlignment {
		a, _ := v.Uint()
		if v.kind != Uint32 || !alignable(a) {
			return w.fail(subject, "%s %s, want a uint32 that is a power of two up to %d", v.describe(), v, maxAlignment)
		}
		w.align = a
	}
	w.keys[key] = struct{}{}
	w.keyValues = append(w.keyValues, KeyValue{key, v})
	return nil
}

// Declare adds a tensor to the directory. shape is row-major, the last axis
// fastest; of at most four axes.
func (w *Writer) Declare(name string, t Type, shape ...int) error {
	if w.err != nil {
		return w.err
	}
	subject := "tensor " + message.Clean(name)
	_, twice := w.names[name]
	switch {
	case w.parts != nil:
		return w.fail(subject, "declared after the first tensor's bytes: %w", errState)
	case name == "" || len(name) > maxName:
		return w.fail(subject, "name of %d bytes, want 1 to %d", len(name), maxName)
	case twice:
		return w.fail(subject, "declared twice")
	case len(shape) > maxDims:
		return w.fail(subject, "%d dimensions, want at most %d", len(shape), maxDims)
	}
	e := entry{name: name, typ: t, dims: len(shape)}
	for i, d := range shape {
		if d < 0 {
			return w.fail(subject, "dimension %d is %d", i, d)
		}
		e.ne[len(shape)-1-i] = uint64(d)
	}
	size, problem := e.measure()
	if problem != "" {
		return w.fail(subject, "%s", problem)
	}
	e.size = size
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
	if uint64(len(b)) != e.size {
		return w.fail("tensor "+message.Clean(name), "%d bytes, want %d", len(b), e.size)
	}
	_, err = w.out.Write(b)
	return w.end(e, err)
}

// CopyTensor writes the bytes of the next tensor, which is called name, from r:
// exactly as many as its type and shape need.
func (w *Writer) CopyTensor(name string, r io.Reader) error {
	e, err := w.begin(name)
	if err != nil {
		return err
	}
	n, err := io.CopyN(w.out, r, int64(e.size))
	if err == io.EOF {
		err = fmt.Errorf("%d bytes, want %d: %w", n, e.size, io.ErrUnexpectedEOF)
	}
	return w.end(e, err)
}

// begin checks that name is the next tensor and opens its file.
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
	if w.parts == nil {
		if err := w.layOut(); err != nil {
			return e, err
		}
	}
	if w.part+1 < len(w.parts) && w.parts[w.part+1] == w.next {
		return e, w.openPart(w.part + 1)
	}
	return e, nil
}

// end pads the tensor that was written.
func (w *Writer) end(e entry, err error) error {
	if err == nil {
		_, err = w.out.Write(make([]byte, w.padding(e.size)))
	}
	if err != nil {
		return w.fail("tensor "+message.Clean(e.name), "%w", err)
	}
	w.next++
	return nil
}

// padding returns the bytes that are missing from size to a multiple of the alignment.
func (w *Writer) padding(size uint64) uint64 { return -size & (w.align - 1) }

// layOut gives each tensor its part and its offset there, and opens the first.
func (w *Writer) layOut() error {
	w.parts = []int{0}
	end := uint64(0)
	for i := range w.tensors {
		e := &w.tensors[i]
		size := e.size + w.padding(e.size)
		if w.maxBytes > 0 && end > 0 && size > w.maxBytes-min(end, w.maxBytes) {
			w.parts = append(w.parts, i)
			end = 0
		}
		e.offset = end
		if end += size; end > math.MaxInt64 {
			return w.fail("tensor "+message.Clean(e.name), "does not fit one file: offsets end at 2^63")
		}
	}
	if len(w.parts) > maxParts {
		return w.fail("split", "%d files, want at most %d", len(w.parts), maxParts)
	}
	return w.openPart(0)
}

// openPart ends the part before and writes the header of part n.
func (w *Writer) openPart(n int) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.part = n
	header, err := w.header(n)
	if err != nil {
		return err
	}
	out, err := w.open(n, len(w.parts))
	if err == nil {
		w.out = bufio.NewWriterSize(out, 256<<10)
		_, err = w.out.Write(header)
	}
	if err != nil {
		return w.fail("header", "%w", err)
	}
	return nil
}

// flush brings the open part to the disk.
func (w *Writer) flush() error {
	if w.out == nil {
		return nil
	}
	err := w.out.Flush()
	if err == nil && len(w.outputs) > 0 {
		err = w.outputs[len(w.outputs)-1].Finish()
	}
	if err != nil {
		return w.fail(fmt.Sprintf("file %d of %d", w.part+1, len(w.parts)), "%w", err)
	}
	w.out = nil
	return nil
}

// header returns the bytes before the tensors of part n.
func (w *Writer) header(n int) ([]byte, error) {
	var kvs []KeyValue
	switch {
	case n == 0:
		kvs = append(kvs, w.keyValues...)
	case w.align != defaultAlignment:
		kvs = append(kvs, KeyValue{keyAlignment, ValueOf(uint32(w.align))})
	}
	if w.maxBytes > 0 {
		kvs = append(kvs,
			KeyValue{keySplitNo, ValueOf(uint16(n))},
			KeyValue{keySplitCount, ValueOf(uint16(len(w.parts)))},
			KeyValue{keySplitTensors, ValueOf(int32(len(w.tensors)))})
	}
	last := len(w.tensors)
	if n+1 < len(w.parts) {
		last = w.parts[n+1]
	}
	tensors := w.tensors[w.parts[n]:last]
	if len(kvs) > maxKeys || len(tensors) > maxTensors {
		return nil, w.fail("header", "%d keys and %d tensors, want at most %d and %d", len(kvs), len(tensors), maxKeys, maxTensors)
	}
	b := encodeHeader(kvs, tensors)
	if len(b) > maxHeader {
		return nil, w.fail("header", "%d bytes, want at most %d", len(b), maxHeader)
	}
	return append(b, make([]byte, w.padding(uint64(len(b))))...), nil
}

// encodeHeader returns the bytes of a header, without padding.
func encodeHeader(kvs []KeyValue, tensors []entry) []byte {
	le := binary.LittleEndian
	b := append([]byte(magic), versionMax, 0, 0, 0)
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(kvs)))
	for _, kv := range kvs {
		b, _ = appendScalar(b, kv.Key)
		b = le.AppendUint32(b, uint32(kv.Value.kind))
		b = kv.Value.appendTo(b)
	}
	for _, e := range tensors {
		b, _ = appendScalar(b, e.name)
		b = le.AppendUint32(b, uint32(e.dims))
		for _, d := range e.ne[:e.dims] {
			b = le.AppendUint64(b, d)
		}
		b = le.AppendUint32(b, uint32(e.typ))
		b = le.AppendUint64(b, e.offset)
	}
	return b
}

// Close ends the file, or files. It fails if a declared tensor was not written;
// then, as after any error, no file appears.
func (w *Writer) Close() error {
	defer w.Abort()
	if w.err != nil {
		return w.err
	}
	if w.next < len(w.tensors) {
		return w.fail("tensor "+message.Clean(w.tensors[w.next].name), "was not written: %w", errState)
	}
	if w.parts == nil { // no tensors
		if err := w.layOut(); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	for len(w.outputs) > 0 {
		last := len(w.outputs) - 1
		if err := w.outputs[last].Place(); err != nil {
			return w.fail("file", "%w", err)
		}
		w.outputs = w.outputs[:last]
	}
	return nil
}

// Abort removes what Close has not put in its place, and makes later calls fail:
// what to defer.
func (w *Writer) Abort() {
	for _, o := range w.outputs {
		o.Discard()
	}
	w.outputs = nil
	if w.err == nil {
		w.err = fmt.Errorf("gguf: %s: %w: the writer is closed", w.file, errState)
	}
}

// alignable says whether tensors can start at multiples of a.
func alignable(a uint64) bool { return bits.OnesCount64(a) == 1 && a <= maxAlignment }
