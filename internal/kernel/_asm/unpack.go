package main

import "fmt"

// Fields of unpackArgs (../product_amd64.go).
const (
	upSrc    = "unpackArgs_src"    // packed integers
	upDst    = "unpackArgs_dst"    // a tile
	upGroups = "unpackArgs_groups" // groups of 32 columns
	upTable  = "unpackArgs_table"  // 16 bytes: what stored integers mean, plus 128; and 16 of the shift of a second table
)

// unpack emits the decoding of groups into tiles: bytes 128 above the integer
// where it is signed (add), the stored byte where the form has a minimum.
func (g *gen) unpack(l layout, add bool) {
	name := "unpack" + l.name
	if add {
		name += "Add"
	}
	name += g.permuting()
	g.routineWith(g.frame(l), name, "unpackArgs", fmt.Sprintf("decodes groups of layout %s into a tile.", l.name))
	if l.table {
		g.p("MOVQ", m(upTable, "AX"), "R8")
	}
	g.layoutConstants(l, "R8")
	offset := 128 - 1<<offsetBits(l, form{})
	if add && offset > 0 {
		g.constant(uint32(offset)*0x01010101, g.r(8))
	}
	g.p("MOVQ", m(upSrc, "AX"), "SI")
	g.p("MOVQ", m(upDst, "AX"), "DI")
	g.p("MOVQ", m(upGroups, "AX"), "R13")
	if l.points() {
		g.p("MOVQ", "R8", rGrid)
		if g.vbmi {
			g.permuteValues(l)
		}
	}
	halves, back := 64/g.bytes, 0 // and how far SI goes within a group
	loop := g.label("group")
	g.at(loop)
	for h := range halves {
		if l.points() {
			g.p("MOVQ", fmt.Sprintf("$%d", h), "R15")
		} else if h > 0 {
			g.p("ADDQ", "$32", "SI")
			back = 32
		}
		if h > 0 {
			g.p("ADDQ", "$32", "DI")
		}
		l.half = h
		g.decode(l, "SI", func(s int, reg string) {
			if add && offset > 0 {
				g.p("VPADDB", g.r(8), reg, reg)
			}
			g.store(reg, m(64*s, "DI"))
		})
	}
	g.p("ADDQ", fmt.Sprintf("$%d", l.size()-back), "SI")
	g.p("ADDQ", fmt.Sprintf("$%d", 512-32*(halves-1)), "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// Fields of expandArgs.
const (
	exSrc    = "expandArgs_src"    // float16 scales, or factors d of K forms
	exBytes  = "expandArgs_bytes"  // bytes that multiply d
	exDst    = "expandArgs_dst"    // float32 scales
	exBlocks = "expandArgs_blocks" // blocks of 16 scales
	exPer    = "expandArgs_per"    // blocks to a factor d
	exUnit   = "expandArgs_unit"   // multiplies d of odd scales
)

// expand emits the conversion of stored scales to float32, 16 lanes a block.
func (g *gen) expand() {
	g.routine("expandF16", "expandArgs", "converts blocks of 16 float16 to float32.")
	g.expandLoop(func(h int) {
		g.p("VCVTPH2PS", m(16*h, "SI"), g.r(0))
		g.store(g.r(0), m(32*h, "DI"))
	}, func() { g.p("ADDQ", "$32", "SI") })
	for _, signed := range []bool{true, false} {
		name, op := "expandK", "VPMOVSXBD"
		if !signed {
			name, op = "expandKU", "VPMOVZXBD"
		}
		g.routine(name, "expandArgs", "multiplies blocks of 16 bytes with their float32 factors.")
		g.p("MOVQ", m(exBytes, "AX"), "R8")
		g.p("MOVQ", m(exPer, "AX"), "R9")
		g.p("MOVQ", "R9", "R10")
		g.expandLoop(func(h int) {
			g.p(op, m(8*h, "R8"), g.r(0))
			g.p("VCVTDQ2PS", g.r(0), g.r(0))
			g.p("VMULPS", m(32*h, "SI"), g.r(0), g.r(0))
			g.store(g.r(0), m(32*h, "DI"))
		}, func() {
			skip := g.label("same")
			g.p("ADDQ", "$16", "R8")
			g.p("SUBQ", "$1", "R10")
			g.p("JNE", skip)
			g.p("MOVQ", "R9", "R10")
			g.p("ADDQ", "$64", "SI")
			g.at(skip)
		})
	}
}

// expandOdd emits the conversion of odd scales to float32, eight blocks at a time.
func (g *gen) expandOdd() {
	const d, twoD, code = 1, 2, 3
	g.routine("expandOdd", "expandArgs", "multiplies blocks of 16 odd numbers with their float16 factors.")
	g.p("MOVQ", m(exSrc, "AX"), "SI")
	g.p("MOVQ", m(exBytes, "AX"), "R8")
	g.p("MOVQ", m(exDst, "AX"), "DI")
	g.p("MOVQ", m(exBlocks, "AX"), "R13")
	loop := g.label("eight")
	g.at(loop)
	for h := range 64 / g.bytes {
		g.p("VCVTPH2PS", m(16*h, "SI"), g.r(d))
		g.mulBcast(m(exUnit, "AX"), g.r(d), g.r(d), g.r(0))
		g.p("VADDPS", g.r(d), g.r(d), g.r(twoD))
		g.load(m(32*h, "R8"), g.r(code))
		for i := range 8 {
			g.oddScale(d, twoD, code, g.r(0))
			g.store(g.r(0), m(64*i+32*h, "DI"))
		}
	}
	g.p("ADDQ", "$32", "SI")
	g.p("ADDQ", "$64", "R8")
	g.p("ADDQ", "$512", "DI")
	g.p("SUBQ", "$8", "R13")
	g.p("JNE", loop)
	g.ret()
}

// expandLoop emits the loop over blocks around the body of each half.
func (g *gen) expandLoop(half func(h int), next func()) {
	g.p("MOVQ", m(exSrc, "AX"), "SI")
	g.p("MOVQ", m(exDst, "AX"), "DI")
	g.p("MOVQ", m(exBlocks, "AX"), "R13")
	loop := g.label("block")
	g.at(loop)
	for h := range 64 / g.bytes {
		half(h)
	}
	next()
	g.p("ADDQ", "$64", "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}
