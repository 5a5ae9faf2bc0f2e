package main

import "fmt"

// sparseRoutines emits what sparse attention needs beside products: rows from anywhere
// into blocks, the sums over index heads, and which scores are large. They move more than
// they compute: wider registers do not help.
func sparseRoutines(g *gen) {
	if g.wide() {
		return
	}
	g.turnRows()
	g.copyLines()
	g.splitPairs()
	g.headSum()
	g.atLeast()
}

// Fields of rowsArgs (../rows_amd64.go).
const (
	rowsDst  = "rowsArgs_dst"
	rowsRows = "rowsArgs_rows" // sixteen addresses
	rowsAt   = "rowsArgs_at"   // in a row, in bytes
	rowsN    = "rowsArgs_n"    // dwords of a row, a multiple of 4
)

// turnRows emits the transposition of dwords of sixteen rows, eight rows at a time. Rows i
// and i+4 share a register, so that four dwords of eight rows turn within its halves.
//
// DI destination, SI offset in the rows, R13 dwords left, the eight rows.
func (g *gen) turnRows() {
	g.routine("turnRows", "rowsArgs", "turns dwords of sixteen rows, [16][n], into [n][16].")
	rows := []string{"R8", "R9", "R10", "R11", "R12", "R15", "BX", "DX"}
	for half := range 2 {
		g.p("MOVQ", m(rowsRows, "AX"), "CX")
		for i, r := range rows {
			g.p("MOVQ", m(64*half+8*i, "CX"), r)
		}
		g.p("MOVQ", m(rowsDst, "AX"), "DI")
		g.p("MOVQ", m(rowsAt, "AX"), "SI")
		g.p("MOVQ", m(rowsN, "AX"), "R13")
		loop := g.label("dwords")
		g.at(loop)
		for i := range 4 {
			g.p("VMOVDQU", "("+rows[i]+")(SI*1)", fmt.Sprintf("X%d", i))
			g.p("VINSERTI128", "$1", "("+rows[i+4]+")(SI*1)", g.r(i), g.r(i))
		}
		g.p("VPUNPCKLDQ", "Y1", "Y0", "Y4") // rows 0 and 1: dwords 0 0 1 1
		g.p("VPUNPCKHDQ", "Y1", "Y0", "Y5") // dwords 2 2 3 3
		g.p("VPUNPCKLDQ", "Y3", "Y2", "Y6")
		g.p("VPUNPCKHDQ", "Y3", "Y2", "Y7")
		for d, halves := range []string{"VPUNPCKLQDQ Y6, Y4", "VPUNPCKHQDQ Y6, Y4", "VPUNPCKLQDQ Y7, Y5", "VPUNPCKHQDQ Y7, Y5"} {
			g.p(halves+",", g.r(8+d))
			g.p("VMOVDQU", g.r(8+d), m(64*d+32*half, "DI"))
		}
		g.p("ADDQ", "$16", "SI")
		g.p("ADDQ", "$256", "DI")
		g.p("SUBQ", "$4", "R13")
		g.p("JNE", loop)
	}
	g.ret()
}

// Fields of linesArgs (../rows_amd64.go).
const (
	linesDst = "linesArgs_dst"
	linesSrc = "linesArgs_src"
	linesLD  = "linesArgs_ld" // bytes
	linesN   = "linesArgs_n"
)

// copyLines emits the copy of a line of sixteen dwords of each row.
//
// DI destination, SI source, R8 bytes from row to row, R13 rows left.
func (g *gen) copyLines() {
	g.routine("copyLines", "linesArgs", "copies sixteen dwords from each of n rows.")
	g.p("MOVQ", m(linesDst, "AX"), "DI")
	g.p("MOVQ", m(linesSrc, "AX"), "SI")
	g.p("MOVQ", m(linesLD, "AX"), "R8")
	g.p("MOVQ", m(linesN, "AX"), "R13")
	loop := g.label("lines")
	g.at(loop)
	for h := range 2 {
		g.load(m(32*h, "SI"), g.r(h))
	}
	for h := range 2 {
		g.store(g.r(h), m(32*h, "DI"))
	}
	g.p("ADDQ", "R8", "SI")
	g.p("ADDQ", "$64", "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// Fields of pairsArgs (../rows_amd64.go).
const (
	pairsDst = "pairsArgs_dst"
	pairsSrc = "pairsArgs_src"
	pairsN   = "pairsArgs_n" // rows of sixteen words to write
)

// splitPairs emits the parting of dwords into their words.
//
// DI destination, SI source, R13 rows of words left.
func (g *gen) splitPairs() {
	g.routine("splitPairs", "pairsArgs", "parts pairs of words, [n/2][16], into [n][16].")
	g.p("MOVQ", m(pairsDst, "AX"), "DI")
	g.p("MOVQ", m(pairsSrc, "AX"), "SI")
	g.p("MOVQ", m(pairsN, "AX"), "R13")
	g.constant(0x0000ffff, "Y7")
	loop, done := g.label("pairs"), g.label("done")
	g.at(loop)
	for i := range 2 {
		g.load(m(32*i, "SI"), g.r(i))
		g.p("VPSRLD", "$16", g.r(i), g.r(2+i))
		g.p("VPAND", "Y7", g.r(i), g.r(i))
	}
	store := func(lo, hi string) { // packing interleaves the halves of registers
		g.p("VPACKUSDW", hi, lo, lo)
		g.p("VPERMQ", "$0xd8", lo, lo)
		g.p("VMOVDQU", lo, m(0, "DI"))
		g.p("ADDQ", "$32", "DI")
	}
	store("Y0", "Y1")
	g.p("SUBQ", "$1", "R13")
	g.p("JEQ", done)
	store("Y2", "Y3")
	g.p("ADDQ", "$64", "SI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.at(done)
	g.ret()
}

// Fields of headArgs (../indexer_amd64.go).
const (
	headDots   = "headArgs_dots"
	headStride = "headArgs_stride" // bytes from one head to the next
	headW      = "headArgs_w"
	headHeads  = "headArgs_heads"
	headScore  = "headArgs_score"
	headN      = "headArgs_n" // positions, a multiple of 16
)

// headSum emits the sum over index heads: 64 positions at a time, then 16.
//
// DI scores, SI dots of the first head, DX of this one, CX bytes to the next one, BX
// weights, R8 heads left, R13 positions left.
func (g *gen) headSum() {
	g.routine("headSum", "headArgs", "score = Σ fma(w, max(0, dot), ·), heads ascending.")
	g.p("MOVQ", m(headDots, "AX"), "SI")
	g.p("MOVQ", m(headStride, "AX"), "CX")
	g.p("MOVQ", m(headScore, "AX"), "DI")
	g.p("MOVQ", m(headN, "AX"), "R13")
	g.zero("Y15")
	done := g.label("done")
	for _, n := range []int{64, 16} {
		next, head := g.label("positions"), g.label("head")
		short := g.label("short")
		g.at(next)
		g.p("CMPQ", "R13", fmt.Sprintf("$%d", n))
		g.p("JLT", short)
		for i := range n / 8 {
			g.zero(g.r(i))
		}
		g.p("MOVQ", "SI", "DX")
		g.p("MOVQ", m(headW, "AX"), "BX")
		g.p("MOVQ", m(headHeads, "AX"), "R8")
		g.at(head)
		g.p("VBROADCASTSS", m(0, "BX"), "Y14")
		for i := range n / 8 {
			g.p("VMAXPS", m(32*i, "DX"), "Y15", g.r(8+i%4)) // a NaN stays
			g.p("VFMADD231PS", g.r(8+i%4), "Y14", g.r(i))
		}
		g.p("ADDQ", "$4", "BX")
		g.p("ADDQ", "CX", "DX")
		g.p("SUBQ", "$1", "R8")
		g.p("JNE", head)
		for i := range n / 8 {
			g.store(g.r(i), m(32*i, "DI"))
		}
		g.p("ADDQ", fmt.Sprintf("$%d", 4*n), "DI")
		g.p("ADDQ", fmt.Sprintf("$%d", 4*n), "SI")
		g.p("SUBQ", fmt.Sprintf("$%d", n), "R13")
		g.p("JEQ", done)
		g.p("JMP", next)
		g.at(short)
	}
	g.at(done)
	g.ret()
}

// Fields of atLeastArgs (../choose_amd64.go).
const (
	leastDst   = "atLeastArgs_dst"
	leastX     = "atLeastArgs_x"
	leastN     = "atLeastArgs_n" // a multiple of 8
	leastPivot = "atLeastArgs_pivot"
)

// atLeast emits the comparison of values with a pivot, eight to a byte.
//
// DI bits, SI values, R13 values left.
func (g *gen) atLeast() {
	g.routine("atLeast", "atLeastArgs", "sets a bit for each value that is no less than the pivot.")
	g.p("MOVQ", m(leastDst, "AX"), "DI")
	g.p("MOVQ", m(leastX, "AX"), "SI")
	g.p("MOVQ", m(leastN, "AX"), "R13")
	g.bcastArg(leastPivot, "Y1")
	loop := g.label("values")
	g.at(loop)
	g.load(m(0, "SI"), "Y0")
	g.p("VCMPPS", "$0x1d", "Y1", "Y0", "Y0") // ordered: false for NaN
	g.p("VMOVMSKPS", "Y0", "BX")
	g.p("MOVB", "BX", m(0, "DI"))
	g.p("ADDQ", "$32", "SI")
	g.p("ADDQ", "$1", "DI")
	g.p("SUBQ", "$8", "R13")
	g.p("JNE", loop)
	g.ret()
}
