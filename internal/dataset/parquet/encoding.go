package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/blitz-r1/blitz/jinja"
)

// runs reads numbers in the hybrid of run lengths and bit packing, one by one.
type runs struct {
	body  []byte
	width int // bits of a number

	repeat uint64 // how often value comes still
	value  uint32
	packed uint64 // numbers that stand packed in bits
	bits   []byte
	at     int // in bits
}

// newRuns reads levels up to most.
func newRuns(body []byte, most int) runs {
	return runs{body: body, width: bits.Len(uint(most))}
}

func (r *runs) next() (uint32, error) {
	for r.repeat == 0 && r.packed == 0 {
		if err := r.run(); err != nil {
			return 0, err
		}
	}
	if r.repeat > 0 {
		r.repeat--
		return r.value, nil
	}
	r.packed--
	v := unpack(r.bits, r.at, r.width)
	r.at += r.width
	return uint32(v), nil
}

// run begins a run.
func (r *runs) run() error {
	n, size := binary.Uvarint(r.body)
	if size <= 0 {
		return wrong("a page ends before its numbers")
	}
	r.body = r.body[size:]
	if n&1 == 0 {
		bytes := (r.width + 7) / 8
		if len(r.body) < bytes {
			return wrong("a page ends in a run")
		}
		r.repeat, r.value = n>>1, 0
		for i := range bytes {
			r.value |= uint32(r.body[i]) << (8 * i)
		}
		r.body = r.body[bytes:]
		return nil
	}
	groups := n >> 1 // of eight numbers
	if r.width > 0 && groups > uint64(len(r.body)/r.width) {
		if groups = uint64(len(r.body) / r.width); uint64(len(r.body))%uint64(r.width) != 0 || groups == 0 {
			return wrong("a page ends in packed numbers")
		}
	}
	r.packed, r.at = 8*groups, 0
	r.bits, r.body = r.body[:int(groups)*r.width], r.body[int(groups)*r.width:]
	return nil
}

// unpack returns the number of width bits, at most 64, that begins at a bit.
func unpack(b []byte, at, width int) (v uint64) {
	for got := 0; got < width; {
		n := min(8-at&7, width-got)
		v |= uint64(b[at>>3]>>(at&7)&(1<<n-1)) << got
		at, got = at+n, got+n
	}
	return v
}

// deltas reads numbers of which the differences are packed.
type deltas struct {
	body                 []byte
	perBlock, miniblocks int
	left                 uint64 // numbers
	last                 int64
	first                bool

	least  int64
	widths []byte
	mini   int
	in     int // numbers of the miniblock that are read
	bits   []byte
}

// Bounds on the blocks of deltas; writers use 128 and 4.
const maxBlock = 1 << 16

func newDeltas(body []byte) (*deltas, error) {
	d := &deltas{body: body, first: true}
	block, mini, total := d.uvarint(), d.uvarint(), d.uvarint()
	d.perBlock, d.miniblocks, d.left = int(block&(2*maxBlock-1)), int(mini&(2*maxBlock-1)), total
	if d.body == nil || block == 0 || block > maxBlock || mini == 0 || mini > block || block%mini != 0 || block/mini%8 != 0 {
		return nil, wrong("deltas in blocks of %d with %d parts", block, mini)
	}
	d.last = d.varint()
	if d.body == nil {
		return nil, wrong("a page ends before its deltas")
	}
	d.mini, d.in = d.miniblocks, 0
	return d, nil
}

func (d *deltas) uvarint() uint64 {
	v, n := binary.Uvarint(d.body)
	if n <= 0 {
		d.body = nil
		return 0
	}
	d.body = d.body[n:]
	if d.body == nil {
		d.body = []byte{}
	}
	return v
}

func (d *deltas) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *deltas) next() (int64, error) {
	if d.left == 0 {
		return 0, wrong("a page ends before its deltas")
	}
	d.left--
	if d.first {
		d.first = false
		return d.last, nil
	}
	per := d.perBlock / d.miniblocks
	if d.mini == d.miniblocks {
		d.least = d.varint()
		if len(d.body) < d.miniblocks {
			return 0, wrong("a page ends in a block of deltas")
		}
		d.widths, d.body = d.body[:d.miniblocks], d.body[d.miniblocks:]
		d.mini, d.in = 0, 0
	}
	width := int(d.widths[d.mini])
	if d.in == 0 {
		if width > 64 {
			return 0, wrong("deltas of %d bits", width)
		}
		n := per / 8 * width
		if len(d.body) < n {
			return 0, wrong("a page ends in deltas")
		}
		d.bits, d.body = d.body[:n], d.body[n:]
	}
	d.last += d.least + int64(unpack(d.bits, d.in*width, width))
	if d.in++; d.in == per {
		d.mini, d.in = d.mini+1, 0
	}
	return d.last, nil
}

// manyLengths is how many lengths a page may have beside as many as it has bytes: those of
// empty strings take no room in it.
const manyLengths = 1 << 20

// all returns the numbers, which are lengths, and what stands behind them.
func (d *deltas) all() (numbers []int, rest []byte, err error) {
	for d.left > 0 {
		v, err := d.next()
		if err != nil {
			return nil, nil, err
		}
		if v < 0 || v > maxPage {
			return nil, nil, wrong("a length of %d", v)
		}
		if len(numbers) >= manyLengths+len(d.body) {
			return nil, nil, wrong("more than %d lengths in a page", len(numbers))
		}
		numbers = append(numbers, int(v))
	}
	return numbers, d.body, nil
}

type deltaValues struct{ d *deltas }

func (v *deltaValues) next() (jinja.Value, int, error) {
	x, err := v.d.next()
	return jinja.Int(x), 8, err
}

// deltaStrings are strings whose lengths stand before them, and of which each may begin as
// the one before it does.
type deltaStrings struct {
	prefixes, lengths []int // prefixes nil: none has one
	body              []byte
	last              []byte
	at                int
}

func newDeltaLengths(body []byte) (*deltaStrings, error) {
	d, err := newDeltas(body)
	if err != nil {
		return nil, err
	}
	s := &deltaStrings{}
	s.lengths, s.body, err = d.all()
	return s, err
}

func newDeltaBytes(body []byte) (*deltaStrings, error) {
	d, err := newDeltas(body)
	if err != nil {
		return nil, err
	}
	prefixes, rest, err := d.all()
	if err != nil {
		return nil, err
	}
	s, err := newDeltaLengths(rest)
	if err == nil {
		if s.prefixes = prefixes; len(prefixes) != len(s.lengths) {
			err = wrong("%d beginnings of %d strings", len(prefixes), len(s.lengths))
		}
	}
	return s, err
}

func (s *deltaStrings) next() (jinja.Value, int, error) {
	if s.at == len(s.lengths) {
		return jinja.Value{}, 0, wrong("a page ends before its strings")
	}
	n, shared := s.lengths[s.at], 0
	if s.prefixes != nil {
		shared = s.prefixes[s.at]
	}
	s.at++
	if n > len(s.body) || shared > len(s.last) {
		return jinja.Value{}, 0, wrong("a string of %d bytes behind %d of the one before, %d and %d are there", n, shared, len(s.body), len(s.last))
	}
	s.last = append(s.last[:shared:shared], s.body[:n]...)
	s.body = s.body[n:]
	return jinja.String(string(s.last)), len(s.last), nil
}
