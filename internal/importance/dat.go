package importance

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The older form, little-endian: int32 entries; for each int32 length of the name, the
// name, int32 calls, int32 numbers, and those as float32, mean squares times calls. Then,
// in newer files, int32 chunks, int32 length, and the name of the data set.

// leastEntry is the bytes of an entry with a name of one letter and one number.
const leastEntry = 4 + 1 + 4 + 4 + 4

// dat walks a file of the older form. What is wrong sets err once; from then on
// everything reads as 0.
type dat struct {
	file  string
	entry string // that is being read
	b     []byte
	at    int
	err   error
}

func (d *dat) fail(format string, args ...any) {
	if d.err == nil {
		d.err = &Error{File: d.file, Entry: d.entry, Reason: fmt.Sprintf(format, args...)}
	}
}

// take returns the next n bytes.
func (d *dat) take(n int, what string) []byte {
	if d.err == nil && n > len(d.b)-d.at {
		d.fail("%s of %d bytes at byte %d, the file ends at byte %d: it is cut, or no importance matrix", what, n, d.at, len(d.b))
	}
	if d.err != nil {
		return nil
	}
	d.at += n
	return d.b[d.at-n : d.at : d.at]
}

// number reads an int32.
func (d *dat) number(what string) int {
	b := d.take(4, what)
	if b == nil {
		return 0
	}
	return int(int32(binary.LittleEndian.Uint32(b)))
}

// readDat reads the older form. Anything that is no GGUF is taken for it, so no count is
// believed before the file is known to have the bytes.
func (f *File) readDat(b []byte) error {
	d := &dat{file: f.name, b: b}
	n := d.number("the number of entries")
	if d.err == nil && (n < 1 || n > (len(b)-d.at)/leastEntry) {
		d.fail("says that it has %d entries in %d bytes: this is no importance matrix, or it is damaged", n, len(b))
	}
	for i := 0; i < n && d.err == nil; i++ {
		if err := f.readEntry(d, i); err != nil {
			return err
		}
	}
	if d.err == nil && d.at < len(b) {
		f.readEnd(d)
	}
	return d.err
}

func (f *File) readEntry(d *dat, i int) error {
	d.entry = fmt.Sprintf("entry %d", i)
	length := d.number("the length of its name")
	if d.err == nil && length < 1 {
		d.fail("a name of %d bytes", length)
	}
	name := string(d.take(length, "a name"))
	if d.err != nil {
		return d.err
	}
	d.entry = name
	calls, n := d.number("the number of calls"), d.number("the number of numbers")
	if d.err == nil && (n < 1 || n > (len(d.b)-d.at)/4) {
		d.fail("says that it has %d numbers, the file has %d bytes more: it is cut, or no importance matrix", n, len(d.b)-d.at)
	}
	sums := d.take(4*n, "numbers")
	if d.err != nil {
		return d.err
	}
	d.entry = ""
	// Files without calls hold the means themselves.
	return f.add(stored{name: name, sums: sums, counts: []float32{float32(max(calls, 1))}})
}

// readEnd reads what newer files say of themselves behind the entries.
func (f *File) readEnd(d *dat) {
	chunks := d.number("the number of chunks")
	length := d.number("the length of the data set's name")
	if d.err == nil && length < 0 {
		d.fail("a name of the data set of %d bytes", length)
	}
	name := d.take(length, "the data set's name")
	if d.err != nil {
		return
	}
	f.Chunks = min(max(chunks, 0), math.MaxInt32)
	if len(name) > 0 {
		f.Datasets = []string{string(name)}
	}
}
