package model

import (
	"encoding/binary"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// A recurrent layer keeps no row for each position, but a state that every position
// changes. A page of the cache has the state at one position, its base, and behind it
// notes: what the positions from the base on, as far as they are in the page, bring to it.
// Those positions were guesses when they were computed. Whoever goes on from a later one
// takes in the notes before it; the others are of guesses that were wrong, and are written
// over. So a guess leaves no trace, and the state at a position has the same bits
// whatever was guessed, and however steps were cut.

// State is the memory of a recurrent layer.
type State struct {
	Layer int // whose cache it is
	Sizes StateSizes
}

// StateSizes are the numbers of a state.
type StateSizes struct {
	State  int // that are the state itself
	Inputs int // the last so many inputs are kept, of which a convolution needs those before a position
	Input  int // of each
	Gates  int // of a note, beside its input
}

// MostGuessed is how many tokens of a segment may be guesses: the notes of a page.
const MostGuessed = 16

// stateHead is what stands before the numbers of a page: base and how many notes there are.
const stateHead = 64

// note returns the length of a note.
func (z *StateSizes) note() int { return z.Input + z.Gates }

// pageBytes returns the bytes of a page.
func (z *StateSizes) pageBytes() int {
	n := z.State + z.Inputs*z.Input + MostGuessed*z.note()
	return stateHead + (4*n+63)/64*64
}

// statePage is a page as it is read and written.
type statePage struct {
	z *StateSizes
	b []byte // nil: the state of an empty sequence, which is zero
}

func (p statePage) base() int {
	if p.b == nil {
		return 0
	}
	return int(int64(binary.LittleEndian.Uint64(p.b)))
}

func (p statePage) notes() int {
	if p.b == nil {
		return 0
	}
	return int(int64(binary.LittleEndian.Uint64(p.b[8:])))
}

func (p statePage) setHead(base, notes int) {
	binary.LittleEndian.PutUint64(p.b, uint64(base))
	binary.LittleEndian.PutUint64(p.b[8:], uint64(notes))
}

// numbers returns n numbers of the page from one on.
func (p statePage) numbers(at, n int) []float32 {
	return kernel.FloatsOf(p.b[stateHead:])[at:][:n:n]
}

// part returns n numbers of the state from one on; nil where all are zero.
func (p statePage) part(at, n int) []float32 {
	if p.b == nil {
		return nil
	}
	return p.numbers(at, n)
}

// input returns the input of the i-th of the last positions before the base; nil: zeros.
func (p statePage) input(i int) []float32 {
	if p.b == nil {
		return nil
	}
	return p.numbers(p.z.State+i*p.z.Input, p.z.Input)
}

// note returns the input and the gates of the i-th position from the base on.
func (p statePage) note(i int) (input, gates []float32) {
	x := p.numbers(p.z.State+p.z.Inputs*p.z.Input+i*p.z.note(), p.z.note())
	return x[:p.z.Input:p.z.Input], x[p.z.Input:]
}

// carried is how a segment of a step goes on from a state.
type carried struct {
	from   statePage
	pos, n int // the segment's positions
	noted  int // positions before pos that the page has as notes
	row    int // of the segment in the step
	first  int // row of the first noted position, among noted and new ones of all segments
	to     []stateEnd
}

// stateEnd is a page that a segment writes: the state at base, and notes of the positions
// from there to end.
type stateEnd struct {
	page      statePage
	base, end int
}

// rows returns how many positions are taken in.
func (c *carried) rows() int { return c.noted + c.n }

// carry finds the states of a layer for all segments, and returns how many rows are taken
// in. The list is the step's own.
func (s *Step) carry(st *State) (list []carried, rows int) {
	list, s.ends = s.carries[:0], s.ends[:0]
	if s.recorded() { // records keep them
		list, s.ends = nil, nil
	}
	row := 0
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		c := carried{from: statePage{z: &st.Sizes}, pos: g.Pos, n: len(g.Tokens), row: row, first: rows}
		if g.Pos > 0 {
			c.from.b = g.Seq.Page(st.Layer, (g.Pos-1)/kvcache.PagePositions)
			base := c.from.base()
			if c.noted = g.Pos - base; base < 0 || c.noted < 0 || c.noted > min(c.from.notes(), MostGuessed) {
				if s.err == nil {
					s.err = fmt.Errorf("model: layer %d keeps no state of position %d, but of %d and %d more", st.Layer, g.Pos, base, c.from.notes())
				}
				c.from.b, c.noted = nil, 0 // what is computed is not looked at
			}
		}
		first := len(s.ends)
		s.ends = ends(s.ends, st, g)
		c.to = s.ends[first:len(s.ends):len(s.ends)]
		list = append(list, c)
		row += c.n
		rows += c.rows()
	}
	s.carries = list
	return list, rows
}

// ends returns the pages that a segment writes.
func ends(list []stateEnd, st *State, g *Segment) []stateEnd {
	end := g.Pos + len(g.Tokens)
	sure := end - g.Guessed
	for from := g.Pos; from < end; {
		split := from / kvcache.PagePositions
		to := min(end, (split+1)*kvcache.PagePositions)
		list = append(list, stateEnd{
			page: statePage{&st.Sizes, g.Seq.Page(st.Layer, split)}, base: min(max(sure, from), to), end: to,
		})
		from = to
	}
	return list
}

// inputAt returns the input at a position of the segment or before it; nil: zeros.
//
//	x [T, Input], of the step's rows
func (c *carried) inputAt(pos int, x *Act) []float32 {
	switch base := c.pos - c.noted; {
	case pos >= c.pos:
		return x.Row(c.row + pos - c.pos)
	case pos >= base:
		input, _ := c.from.note(pos - base)
		return input
	default:
		return c.from.input(pos - base + c.from.z.Inputs)
	}
}

// write writes all of the segment's pages but the state itself. tmp is [Inputs*Input].
//
//	x [T, Input], of the step's rows   gates [rows, Gates], of those that are taken in
func (c *carried) write(x, gates *Act, tmp []float32) {
	for i := len(c.to) - 1; i >= 0; i-- { // the first may be the page that is read
		e := &c.to[i]
		z := e.page.z
		for k := range z.Inputs {
			dst := tmp[k*z.Input:][:z.Input]
			if in := c.inputAt(e.base-z.Inputs+k, x); in != nil {
				copy(dst, in)
			} else {
				clear(dst)
			}
		}
		for pos := e.base; pos < e.end; pos++ {
			input, own := e.page.note(pos - e.base)
			copy(input, x.Row(c.row+pos-c.pos))
			copy(own, gates.Row(c.first+c.noted+pos-c.pos))
		}
		copy(e.page.numbers(z.State, z.Inputs*z.Input), tmp)
		e.page.setHead(e.base, e.end-e.base)
	}
}
