package main

import "fmt"

// Fields of deltaArgs (../delta_amd64.go).
const (
	deltaRows   = "deltaArgs_rows"
	deltaN      = "deltaArgs_n"      // columns, a multiple of 16
	deltaStride = "deltaArgs_stride" // bytes of a row
	deltaS      = "deltaArgs_s"
	deltaK      = "deltaArgs_k"
	deltaQ      = "deltaArgs_q"
	deltaD      = "deltaArgs_d"
	deltaO      = "deltaArgs_o"
	deltaAlpha  = "deltaArgs_alpha"
)

// deltaUnroll is how many registers of columns are taken down the rows at once: the sums of
// one wait for each other.
const deltaUnroll = 4

// deltas emits the two passes over a state of the gated delta rule.
func deltas(g *gen) {
	g.deltaPass("deltaDecay", "s = alpha*s, then o = the sum of k[i]*s[i] down the rows", func(u int) {
		t := g.r(deltaUnroll + u)
		g.p("VMULPS", m(u*g.bytes, "R9"), g.r(14), t)
		g.store(t, m(u*g.bytes, "R9"))
		g.p("VFMADD231PS", t, g.r(12), g.r(u))
	})
	g.deltaPass("deltaTake", "s[i] += k[i]*d, then o = the sum of q[i]*s[i] down the rows", func(u int) {
		t := g.r(deltaUnroll + u)
		g.load(m(u*g.bytes, "R9"), t)
		g.p("VFMADD231PS", g.r(2*deltaUnroll+u), g.r(12), t)
		g.store(t, m(u*g.bytes, "R9"))
		g.p("VFMADD231PS", t, g.r(13), g.r(u))
	})
}

// deltaPass emits a routine that goes down the rows for some registers of columns, then for
// the next. row does one register of one row.
//
// Registers: sums, what row computes, columns of d; 12 and 13 k[i] and q[i], 14 alpha.
func (g *gen) deltaPass(name, doc string, row func(u int)) {
	g.routine(name, "deltaArgs", doc)
	g.bcastArg(deltaAlpha, g.r(14))
	for _, x := range [][2]string{{deltaN, "R12"}, {deltaStride, "R11"}, {deltaS, "R8"}, {deltaD, "BX"}, {deltaO, "DI"}} {
		g.p("MOVQ", m(x[0], "AX"), x[1])
	}
	for _, n := range []int{deltaUnroll, 1} {
		columns, rows, done := g.label("columns"), g.label("rows"), g.label("done")
		g.at(columns)
		g.p("CMPQ", "R12", fmt.Sprintf("$%d", n*g.lanes()))
		g.p("JLT", done)
		g.p("MOVQ", "R8", "R9")
		g.p("MOVQ", m(deltaK, "AX"), "SI")
		g.p("MOVQ", m(deltaQ, "AX"), "DX")
		g.p("MOVQ", m(deltaRows, "AX"), "R13")
		for u := range n {
			g.zero(g.r(u))
			g.load(m(u*g.bytes, "BX"), g.r(2*deltaUnroll+u))
		}
		g.at(rows)
		g.p("VBROADCASTSS", m(0, "SI"), g.r(12))
		g.p("VBROADCASTSS", m(0, "DX"), g.r(13))
		for u := range n {
			row(u)
		}
		g.p("ADDQ", "R11", "R9")
		g.p("ADDQ", "$4", "SI")
		g.p("ADDQ", "$4", "DX")
		g.p("DECQ", "R13")
		g.p("JNE", rows)
		for u := range n {
			g.store(g.r(u), m(u*g.bytes, "DI"))
		}
		for _, r := range []string{"R8", "BX", "DI"} {
			g.p("ADDQ", fmt.Sprintf("$%d", n*g.bytes), r)
		}
		g.p("SUBQ", fmt.Sprintf("$%d", n*g.lanes()), "R12")
		g.p("JMP", columns)
		g.at(done)
	}
	g.ret()
}
