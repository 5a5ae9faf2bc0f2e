package gguf

import (
	"math"

	"github.com/blitz-r1/blitz/internal/message"
)

// Layout is a file of which everything but the tensors' bytes is known: for writing
// them in any order, each at its Offset. What lies between two tensors is zeros.
type Layout struct {
	Header  []byte   // what stands before the tensors, padding included
	Tensors []Tensor // with Offset and Size, in the order of the file
	Size    int64    // of the file in bytes, padding behind the last tensor included
}

// LayOut lays out the files of a model: one, or as many as the tensors' Shard says, which
// never goes down. Of the tensors it takes Name, Type, Shape and Shard. The keys of a
// split are its own, as they are [Writer.Put]'s; so are the errors.
func LayOut(name string, pairs []KeyValue, tensors []Tensor) ([]Layout, error) {
	w := newWriter(name)
	for _, kv := range pairs {
		_ = w.Put(kv.Key, kv.Value) // w keeps the first error
	}
	parts := []int{0}
	for i := range tensors {
		t := &tensors[i]
		_ = w.Declare(t.Name, t.Type, t.Shape...)
		switch {
		case w.err != nil:
			return nil, w.err
		case t.Shard < len(parts)-1:
			return nil, w.fail("tensor "+message.Clean(t.Name), "in file %d behind one of file %d: want them in order", t.Shard+1, len(parts))
		case t.Shard >= maxParts:
			return nil, w.fail("tensor "+message.Clean(t.Name), "in file %d, want at most %d files", t.Shard+1, maxParts)
		}
		for len(parts) <= t.Shard {
			parts = append(parts, i)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	w.parts = parts
	if len(parts) > 1 {
		w.maxBytes = math.MaxInt64 // has the keys of a split written
	}
	files := make([]Layout, len(parts))
	for n := range files {
		if err := w.layOutFile(&files[n], n, tensors); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// layOutFile lays out file n of w.
func (w *Writer) layOutFile(f *Layout, n int, tensors []Tensor) error {
	first, last := w.parts[n], len(w.tensors)
	if n+1 < len(w.parts) {
		last = w.parts[n+1]
	}
	end := uint64(0)
	for i := first; i < last; i++ {
		e := &w.tensors[i]
		e.offset = end
		if end += e.size + w.padding(e.size); end > math.MaxInt64-maxHeader-maxAlignment {
			return w.fail("tensor "+message.Clean(e.name), "does not fit one file: its bytes end at 2^63")
		}
	}
	header, err := w.header(n)
	if err != nil {
		return err
	}
	f.Header, f.Size = header, int64(len(header))+int64(end)
	for i := first; i < last; i++ {
		t := tensors[i]
		t.Offset, t.Size = int64(len(header))+int64(w.tensors[i].offset), int64(w.tensors[i].size)
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}
