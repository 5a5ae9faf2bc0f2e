package parquet

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/jinja"
)

// column reads the values of a leaf in a group, one by one. Where it stands, a value is
// told by its levels: rep says where it goes on, def how much of its path is there.
type column struct {
	file   *File
	node   *node
	chunk  chunk
	in     *bufio.Reader
	unread int   // bytes of the chunk behind the page
	left   int64 // values of the chunk that are in no page yet

	page       int64 // values of the page that are not read yet
	reps, defs runs
	values     values
	dictionary []jinja.Value

	at       bool // there is a value
	rep, def int
	value    jinja.Value
}

func (c *column) wrong(format string, args ...any) error {
	return wrong("column %s: "+format, append([]any{message.Clean(c.node.name)}, args...)...)
}

// more says whether there is a value.
func (c *column) more() bool { return c.at }

// advance goes to the next value, if there is one.
func (c *column) advance() error {
	for c.page == 0 {
		if c.left == 0 {
			c.at = false
			return nil
		}
		if err := c.nextPage(); err != nil {
			return err
		}
	}
	c.page--
	c.at, c.value = true, jinja.Value{}
	var err error
	if c.rep, err = c.level(&c.reps, c.node.maxRep); err != nil {
		return err
	}
	if c.def, err = c.level(&c.defs, c.node.maxDef); err != nil {
		return err
	}
	grown := int64(valueCost)
	if c.def == c.node.maxDef {
		var size int
		if c.value, size, err = c.values.next(); err != nil {
			return c.wrong("%v", err)
		}
		grown += int64(size)
	}
	if c.file.growth -= grown; c.file.growth < 0 {
		return wrong("its rows are more than %d times as large as the file", maxGrowth)
	}
	return nil
}

func (c *column) level(r *runs, most int) (int, error) {
	if most == 0 {
		return 0, nil
	}
	v, err := r.next()
	if err != nil {
		return 0, c.wrong("levels: %v", err)
	}
	if int(v) > most {
		return 0, c.wrong("level %d, want at most %d", v, most)
	}
	return int(v), nil
}

// The kinds of pages.
const (
	pageData       = 0
	pageDictionary = 2
	pageData2      = 3
)

// The encodings of values.
const (
	plain           = 0
	plainDictionary = 2
	rle             = 3
	deltaBinary     = 5
	deltaLength     = 6
	deltaBytes      = 7
	rleDictionary   = 8
)

// header is what stands before a page.
type header struct {
	kind, encoding    int
	whole, compressed int64 // bytes
	values            int64
	repBytes          int64 // of the levels, in pages of version 2
	defBytes          int64
	raw               bool // of version 2: not compressed after all
}

func (t *thrift) header() (h header) {
	h.kind = -1
	h.values = -1
	t.structure(func(id, kind int) bool {
		switch {
		case id == 1 && kind == typeI32:
			h.kind = int(t.int())
		case id == 2 && kind == typeI32:
			h.whole = t.int()
		case id == 3 && kind == typeI32:
			h.compressed = t.int()
		case (id == 5 || id == 7) && kind == typeStruct:
			t.structure(func(id, kind int) bool {
				switch {
				case id == 1 && kind == typeI32:
					h.values = t.int()
				case id == 2 && kind == typeI32:
					h.encoding = int(t.int())
				default:
					return false
				}
				return true
			})
		case id == 8 && kind == typeStruct:
			t.structure(func(id, kind int) bool {
				switch {
				case id == 1 && kind == typeI32:
					h.values = t.int()
				case id == 4 && kind == typeI32:
					h.encoding = int(t.int())
				case id == 5 && kind == typeI32:
					h.defBytes = t.int()
				case id == 6 && kind == typeI32:
					h.repBytes = t.int()
				case id == 7 && kind == typeFalse:
					h.raw = true
				default:
					return id == 7 && kind == typeTrue
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	return h
}

// nextPage reads a page, which is a dictionary perhaps.
func (c *column) nextPage() error {
	t := &thrift{in: c.in, left: c.unread}
	h := t.header()
	if t.err != nil {
		return c.wrong("%v", t.err)
	}
	c.unread = t.left
	switch {
	case h.whole < 0 || h.whole > maxPage || h.compressed < 0 || h.compressed > min(maxPage, int64(c.unread)):
		return c.wrong("a page of %d bytes, %d compressed, want at most %d, and %d", h.whole, h.compressed, maxPage, c.unread)
	case h.repBytes < 0 || h.defBytes < 0 || h.repBytes+h.defBytes > h.compressed || h.repBytes+h.defBytes > h.whole:
		return c.wrong("a page with %d bytes of levels, %d in all", h.repBytes+h.defBytes, h.compressed)
	}
	c.unread -= int(h.compressed)
	body := make([]byte, h.compressed)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return c.wrong("a page is cut: %v", err)
	}
	levels := body[:h.repBytes+h.defBytes]
	if !h.raw || h.kind != pageData2 {
		b, err := decompress(c.chunk.codec, body[len(levels):], int(h.whole)-len(levels))
		if err != nil {
			return c.wrong("%v", err)
		}
		body = b
	} else {
		body = body[len(levels):]
	}
	switch h.kind {
	case pageDictionary:
		return c.readDictionary(h, body)
	case pageData:
		return c.openPage(h, body)
	case pageData2:
		c.reps = newRuns(levels[:h.repBytes], c.node.maxRep)
		c.defs = newRuns(levels[h.repBytes:], c.node.maxDef)
		return c.openValues(h, body)
	}
	return nil // an index, or what came later: not needed
}

// readDictionary reads the values that others number.
func (c *column) readDictionary(h header, body []byte) error {
	if h.encoding != plain && h.encoding != plainDictionary || c.dictionary != nil {
		return c.wrong("a second dictionary, or one in encoding %d", h.encoding)
	}
	v, err := newValues(c.node.physical, plain, body, nil)
	if err != nil {
		return c.wrong("%v", err)
	}
	c.dictionary = []jinja.Value{}
	for range h.values {
		x, size, err := v.next()
		if err != nil {
			return c.wrong("dictionary: %v", err)
		}
		if c.file.growth -= int64(size) + valueCost; c.file.growth < 0 {
			return wrong("its values are more than %d times as large as the file", maxGrowth)
		}
		c.dictionary = append(c.dictionary, x)
	}
	return nil
}

// openPage begins a page of version 1, whose levels stand before its values.
func (c *column) openPage(h header, body []byte) error {
	for _, l := range []struct {
		runs *runs
		most int
	}{{&c.reps, c.node.maxRep}, {&c.defs, c.node.maxDef}} {
		if l.most == 0 {
			continue
		}
		if len(body) < 4 {
			return c.wrong("a page is too short for its levels")
		}
		n := binary.LittleEndian.Uint32(body)
		if body = body[4:]; uint64(n) > uint64(len(body)) {
			return c.wrong("%d bytes of levels in a page of %d", n, len(body))
		}
		*l.runs, body = newRuns(body[:n], l.most), body[n:]
	}
	return c.openValues(h, body)
}

func (c *column) openValues(h header, body []byte) error {
	if h.values < 0 || h.values > c.left {
		return c.wrong("a page of %d values, %d are left", h.values, c.left)
	}
	c.left -= h.values
	c.page = h.values
	v, err := newValues(c.node.physical, h.encoding, body, c.dictionary)
	if err != nil {
		return c.wrong("%v", err)
	}
	c.values = v
	return nil
}

// values reads the values of a page.
type values interface {
	// next returns a value, and how many bytes of memory it has of its own.
	next() (jinja.Value, int, error)
}

func newValues(physical, encoding int, body []byte, dictionary []jinja.Value) (values, error) {
	switch {
	case encoding == plain:
		return &plainValues{physical: physical, body: body}, nil
	case encoding == plainDictionary || encoding == rleDictionary:
		if len(body) == 0 {
			return &dictionaryValues{}, nil
		}
		if body[0] > 32 {
			return nil, wrong("numbers of %d bits", body[0])
		}
		return &dictionaryValues{dictionary, runs{body: body[1:], width: int(body[0])}}, nil
	case encoding == rle && physical == physicalBool:
		if len(body) < 4 {
			return nil, wrong("a page of truth values is too short")
		}
		return &boolValues{newRuns(body[4:], 1)}, nil
	case encoding == deltaBinary && (physical == physicalInt32 || physical == physicalInt64):
		d, err := newDeltas(body)
		return &deltaValues{d}, err
	case encoding == deltaLength && physical == physicalBytes:
		return newDeltaLengths(body)
	case encoding == deltaBytes && physical == physicalBytes:
		return newDeltaBytes(body)
	}
	return nil, wrong("encoding %d of type %d is not read", encoding, physical)
}

// plainValues are values one behind the other.
type plainValues struct {
	physical int
	body     []byte
	bit      int
}

func (p *plainValues) next() (jinja.Value, int, error) {
	take := func(n int) ([]byte, error) {
		if len(p.body) < n {
			return nil, wrong("a page ends in a value")
		}
		b := p.body[:n]
		p.body = p.body[n:]
		return b, nil
	}
	switch p.physical {
	case physicalBool:
		if p.bit>>3 >= len(p.body) {
			return jinja.Value{}, 0, wrong("a page ends before its values")
		}
		v := p.body[p.bit>>3]>>(p.bit&7)&1 != 0
		p.bit++
		return jinja.Bool(v), 1, nil
	case physicalInt32, physicalFloat:
		b, err := take(4)
		if err != nil {
			return jinja.Value{}, 0, err
		}
		u := binary.LittleEndian.Uint32(b)
		if p.physical == physicalFloat {
			return jinja.Float(float64(math.Float32frombits(u))), 8, nil
		}
		return jinja.Int(int64(int32(u))), 8, nil
	case physicalInt64, physicalDouble:
		b, err := take(8)
		if err != nil {
			return jinja.Value{}, 0, err
		}
		u := binary.LittleEndian.Uint64(b)
		if p.physical == physicalDouble {
			return jinja.Float(math.Float64frombits(u)), 8, nil
		}
		return jinja.Int(int64(u)), 8, nil
	case physicalBytes:
		b, err := take(4)
		if err != nil {
			return jinja.Value{}, 0, err
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(p.body)) {
			return jinja.Value{}, 0, wrong("a string of %d bytes, %d are left of its page", n, len(p.body))
		}
		if b, err = take(int(n)); err != nil {
			return jinja.Value{}, 0, err
		}
		return jinja.String(string(b)), len(b), nil
	}
	return jinja.Value{}, 0, wrong("values of type %d are not read", p.physical)
}

// dictionaryValues are numbers of a dictionary's values.
type dictionaryValues struct {
	dictionary []jinja.Value
	numbers    runs
}

func (d *dictionaryValues) next() (jinja.Value, int, error) {
	i, err := d.numbers.next()
	if err != nil {
		return jinja.Value{}, 0, err
	}
	if int64(i) >= int64(len(d.dictionary)) {
		return jinja.Value{}, 0, wrong("value %d of a dictionary of %d", i, len(d.dictionary))
	}
	v := d.dictionary[i]
	text, _ := v.Text()
	return v, len(text), nil
}

type boolValues struct{ runs runs }

func (b *boolValues) next() (jinja.Value, int, error) {
	v, err := b.runs.next()
	return jinja.Bool(v != 0), 1, err
}
