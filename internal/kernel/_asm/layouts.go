package main

import "fmt"

// layout is one of kernel's layouts of 16 rows × 32 columns: eight steps of four
// columns, each a vector of 64 bytes once decoded. The names and the planes are
// those of ../layout.go.
type layout struct {
	name  string
	bits  int  // of a stored integer; 0 for points
	table bool // stored integers index a table of bytes
	group int  // bytes of a group of points
	codes int  // of a grid
	high  int  // bits of a code that are not in its byte
	two   bool // tables, of which a byte a row tells
	half  int  // of the row block that is decoded; AVX2
}

var layouts = []layout{
	{name: "Bits2", bits: 2},
	{name: "Bits3", bits: 3},
	{name: "Bits4", bits: 4},
	{name: "Bits4T", bits: 4, table: true},
	{name: "Bits4Two", bits: 4, table: true, two: true},
	{name: "Bits5", bits: 5},
	{name: "Bits6", bits: 6},
	{name: "Bits8", bits: 8},
	{name: "Octets8", table: true, group: 128, codes: 256},
	{name: "Octets9", table: true, group: 144, codes: 512, high: 1},
	{name: "Ternary", table: true, group: 112, codes: 128},
	{name: "Sevens", table: true, group: 176, codes: 128},
	{name: "Quads", table: true, group: 192, codes: 256},
}

// size returns the bytes of a group: 16 rows × 32 columns.
func (l layout) size() int {
	if l.two {
		return l.bits*64 + 16
	}
	return l.bits*64 + l.group
}

// points says whether codes index a grid.
func (l layout) points() bool { return l.group > 0 }

// Registers that decoding uses: constants high, scratch low.
const (
	rLoad  = 0 // the loaded vector
	rStep  = 1 // the decoded step
	rPlane = 2 // a plane of high bits, and 3 for a second one
	rMask  = 4 // constants of the layout: 4, 5
	rTable = 6 // the table, where there is one
	rShift = 7 // how far a second one is above it
)

// layoutConstants loads what decode needs; table is a pointer register, R12 or
// another.
func (g *gen) layoutConstants(l layout, table string) {
	if l.points() {
		g.pointConstants(l)
		return
	}
	if l.table {
		if g.wide() {
			g.p("VBROADCASTI32X4", m(0, table), g.r(rTable))
		} else {
			g.p("VBROADCASTI128", m(0, table), g.r(rTable))
		}
	}
	if l.two {
		if g.wide() {
			g.p("VBROADCASTI32X4", m(16, table), g.r(rShift))
		} else {
			g.p("VBROADCASTI128", m(16, table), g.r(rShift))
		}
	}
	switch l.bits {
	case 2:
		g.constant(0x03030303, g.r(rMask))
	case 3:
		g.constant(0x03030303, g.r(rMask))
		g.constant(0x04040404, g.r(rMask+1))
	case 4:
		g.constant(0x0f0f0f0f, g.r(rMask))
	case 5:
		g.constant(0x0f0f0f0f, g.r(rMask))
		g.constant(0x10101010, g.r(rMask+1))
	case 6:
		g.constant(0x0f0f0f0f, g.r(rMask))
		g.constant(0x30303030, g.r(rMask+1))
	}
}

// decode emits the decoding of one group at w and calls sink with the register
// of each step. The register may be overwritten by sink.
func (g *gen) decode(l layout, w string, sink func(step int, reg string)) {
	if l.points() {
		g.decodePoints(l, w, sink)
		return
	}
	step := g.r(rStep)
	emit := func(s int) {
		if l.table {
			g.p("VPSHUFB", step, g.r(rTable), step)
		}
		if l.two {
			g.p("VPADDB", g.r(rPlane+s/4), step, step)
		}
		sink(s, step)
	}
	switch l.bits {
	case 8:
		for s := range 8 {
			g.load(m(64*s, w), step)
			sink(s, step)
		}
	case 4, 5, 6:
		if l.bits == 5 {
			g.load(m(256, w), g.r(rPlane))
		}
		if l.bits == 6 {
			g.load(m(256, w), g.r(rPlane))
			g.load(m(320, w), g.r(rPlane+1))
		}
		if l.two {
			g.shifts(l, w)
		}
		for v := range 4 {
			g.load(m(64*v, w), g.r(rLoad))
			g.and(g.r(rMask), g.r(rLoad), step)
			g.high(l, v)
			emit(v)
			g.p("VPSRLW", "$4", g.r(rLoad), step)
			g.and(g.r(rMask), step, step)
			g.high(l, v+4)
			emit(v + 4)
		}
	case 2, 3:
		if l.bits == 3 {
			g.load(m(128, w), g.r(rPlane))
		}
		for v := range 2 {
			g.load(m(64*v, w), g.r(rLoad))
			for i := range 4 {
				if i == 0 {
					g.and(g.r(rMask), g.r(rLoad), step)
				} else {
					g.p("VPSRLW", fmt.Sprintf("$%d", 2*i), g.r(rLoad), step)
					g.and(g.r(rMask), step, step)
				}
				g.high(l, 4*v+i)
				emit(4*v + i)
			}
		}
	}
}

// shifts sets the registers of planes to what is added to the columns of a group, sixteen each.
func (g *gen) shifts(l layout, w string) {
	g.p("VPMOVZXBD", m(256-24*l.half, w), g.r(rPlane+1)) // a half has 32 bytes of codes, and 8 of these
	for h, bit := range []string{"$31", "$30"} {
		g.p("VPSLLD", bit, g.r(rPlane+1), g.r(rPlane+h))
		g.p("VPSRAD", "$31", g.r(rPlane+h), g.r(rPlane+h))
		g.and(g.r(rShift), g.r(rPlane+h), g.r(rPlane+h))
	}
}

// high adds the bits that a layout keeps in a plane of its own to the step
// register: bit s of each byte for layouts of 3 and 5 bits, bits 2s mod 8 of the
// plane s/4 for 6 bits.
func (g *gen) high(l layout, s int) {
	plane, shift := g.r(rPlane), 0 // to the left
	switch l.bits {
	case 3:
		shift = 2 - s
	case 5:
		shift = 4 - s
	case 6:
		plane, shift = g.r(rPlane+s/4), 4-2*(s%4)
	default:
		return
	}
	tmp := g.r(7)
	switch {
	case shift > 0:
		g.p("VPSLLW", fmt.Sprintf("$%d", shift), plane, tmp)
	case shift < 0:
		g.p("VPSRLW", fmt.Sprintf("$%d", -shift), plane, tmp)
	default:
		tmp = plane
	}
	if g.wide() {
		g.p("VPTERNLOGD", "$0xF8", g.r(rMask+1), tmp, g.r(rStep)) // step | tmp & mask
		return
	}
	g.and(g.r(rMask+1), tmp, g.r(7))
	g.or(g.r(7), g.r(rStep), g.r(rStep))
}
