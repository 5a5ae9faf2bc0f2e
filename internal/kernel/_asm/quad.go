package main

import "fmt"

// One vector times four row blocks at a time: a core has more of memory on its way when it
// reads four runs of it than one, and its broadcasts serve all four. Nothing is asked for
// ahead, which holds the runs back.

// quad is a product of four row blocks with one vector: n of its direct counts row blocks.
type quad struct{ direct }

func newQuad(l layout, f form) quad {
	return quad{direct{layout: l, form: f, n: 4, wide: l.bits == 8 || l.table}}
}

// Registers of a quad beside those of a direct product.
const (
	qTable = dMask2 // of layouts with a table, which have no second mask
	qShift = dSum + 3
	qAct   = dQ // the scale of the vector, between the steps of one block and the next
)

// run is the index register of row block i: R12 has the bytes from one to the next, R15
// three times as many.
func (q *quad) run(i int) string { return []string{"", "(R12*1)", "(R12*2)", "(R15*1)"}[i] }

// quadAVX2 emits the product of row blocks, a multiple of four, with one vector.
//
// AX args, SI integers, R8 d, R9 m, R10 sc, R11 mn, DX q, BX scale, CX nsum, DI xsum, R12
// and R15 as in run, R13 groups left, R14 the accumulators: of two halves for each row block,
// then those of the minima.
func (g *gen) quadAVX2(q quad) {
	g.routine(fmt.Sprintf("quad%s%s", q.layout.name, q.form.name), "productArgs",
		fmt.Sprintf("multiplies rows of layout %s, scales %s, four row blocks at a time, with one token.", q.layout.name, q.form.name))
	q.constants(g)
	if q.table {
		g.p("MOVQ", m(argTable, "AX"), "R12")
		g.p("VBROADCASTI128", m(0, "R12"), g.r(qTable))
	}
	g.p("MOVQ", m(argTmp, "AX"), "R14")
	g.p("ADDQ", "$63", "R14")
	g.p("ANDQ", "$-64", "R14")
	g.p("MOVQ", m(argStride, "AX"), "R12")
	g.p("LEAQ", "(R12)(R12*2)", "R15")
	block, loop := g.label("block"), g.label("group")
	g.at(block)
	q.pointers(g)
	if q.minimum {
		q.minima(g)
	}
	g.zero(g.r(dTmp))
	for i := range 8 {
		g.store(g.r(dTmp), m(32*i, "R14"))
	}
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	g.at(loop)
	q.group(g)
	g.p("JNE", loop)
	q.store(g)
	q.next(g)
	g.p("SUBQ", "$4", m(argBlocks, "AX"))
	g.p("JGT", block)
	g.ret()
}

// pointers loads the pointers of four row blocks and of the vector.
func (q *quad) pointers(g *gen) {
	for _, p := range [][2]string{
		{argW, "SI"},
		{argD, "R8"},
		{argM, "R9"},
		{argSC, "R10"},
		{argMN, "R11"},
		{argQ, "DX"},
		{argScale, "BX"},
		{argNSum, "CX"},
		{argXSum, "DI"},
	} {
		g.p("MOVQ", m(p[0], "AX"), p[1])
	}
}

// group emits one group for all rows, and counts it.
func (q *quad) group(g *gen) {
	blocks := 32 / q.block
	if q.scale == "Odd" {
		q.shift(g)
	}
	for half := range 2 {
		for b := range blocks {
			g.comment("Rows %d to %d of each, block %d: integers times activations …", 8*half, 8*half+7, b)
			q.dots(g, half, b)
			g.comment("… times the scales of weights and activations.")
			q.scaled(g, half, b)
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", q.size()), "SI")
	g.p("ADDQ", "$32", "DX")
	g.p("ADDQ", "$4", "BX")
	g.p("ADDQ", fmt.Sprintf("$%d", 4*blocks), "CX")
	switch q.scale {
	case "F16":
		g.p("ADDQ", fmt.Sprintf("$%d", 32*blocks), "R8")
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*blocks), "R8")
	case "K":
		g.p("ADDQ", fmt.Sprintf("$%d", 16*blocks), "R10")
	}
	g.p("SUBQ", "$1", "R13")
	switch q.scale {
	case "K":
		q.nextEight(g, "ADDQ", "$64", "R8")
	case "Odd":
		q.nextEight(g, "ADDQ", "$32", "R8", "ADDQ", "$64", "R10")
	}
}

// nextEight adds to pointers behind every eight groups; the flags say afterwards whether
// groups are left.
func (q *quad) nextEight(g *gen, adds ...any) {
	same := g.label("same")
	g.p("TESTQ", "$7", "R13")
	g.p("JNE", same)
	for i := 0; i < len(adds); i += 3 {
		g.p(adds[i].(string), adds[i+1:i+3]...)
	}
	g.p("TESTQ", "R13", "R13")
	g.at(same)
}

// shift leaves in qShift how far the code of this group is from the top of its word: groups
// are counted down to a multiple of eight.
func (q *quad) shift(g *gen) {
	g.p("MOVQ", "R13", "DI") // which forms without minima have no use for
	g.p("NEGQ", "DI")
	g.p("ANDQ", "$7", "DI")
	g.p("SHLQ", "$2", "DI")
	g.p("VMOVQ", "DI", fmt.Sprintf("X%d", qShift))
}

// dots leaves the sums of a block of columns in dDot, one for each row block.
func (q *quad) dots(g *gen, half, b int) {
	steps := q.block / 4
	for s := range steps {
		g.p("VPBROADCASTD", m(4*(b*steps+s), "DX"), g.r(dQ))
		for i := range q.n {
			q.load(g, half, b*steps+s, q.run(i))
			if q.table {
				g.p("VPSHUFB", g.r(dW), g.r(qTable), g.r(dW))
				g.p("VPABSB", g.r(dW), g.r(dAbs))
			}
			q.step(g, s, i)
		}
	}
	if q.wide || q.minimum {
		return
	}
	g.p("VPBROADCASTD", m(4*b, "CX"), g.r(dTmp))
	if shift := 7 - q.offset(); shift > 0 {
		g.p("VPSRAD", fmt.Sprintf("$%d", shift), g.r(dTmp), g.r(dTmp))
	}
	for i := range q.n {
		g.p("VPADDD", g.r(dTmp), g.r(dDot+i), g.r(dDot+i))
	}
}

// step adds four columns of row block i.
func (q *quad) step(g *gen, s, i int) {
	act, w, sum := g.r(dQ), g.r(dW), g.r(dSum+i)
	switch {
	case q.wide:
		sum = g.r(dTmp)
		g.p("VPSIGNB", w, act, sum)
		g.p("VPMADDUBSW", sum, g.r(dAbs), sum)
	case s%q.batch() == 0:
		g.p("VPMADDUBSW", act, w, sum)
	default:
		g.p("VPMADDUBSW", act, w, w)
		g.p("VPADDW", w, sum, sum)
	}
	if (s+1)%q.batch() > 0 {
		return
	}
	dot := g.r(dDot + i)
	if s+1 == q.batch() {
		g.p("VPMADDWD", g.r(dOnes), sum, dot)
		return
	}
	g.p("VPMADDWD", g.r(dOnes), sum, sum)
	g.p("VPADDD", sum, dot, dot)
}

// scaled adds the sums of a block of columns, times their scales, to the accumulators.
func (q *quad) scaled(g *gen, half, b int) {
	g.p("VBROADCASTSS", m(0, "BX"), g.r(qAct))
	for i := range q.n {
		dot, scale, acc := g.r(dDot+i), g.r(dScale), m(32*(2*i+half), "R14")
		if q.scale == "Odd" {
			q.odd(g, half, q.run(i))
		} else {
			q.scales(g, half, b, "R8", "R10", q.run(i), "VPMOVSXBD", scale)
		}
		g.p("VMULPS", g.r(qAct), scale, scale)
		g.p("VCVTDQ2PS", dot, dot)
		g.p("VFMADD213PS", acc, scale, dot)
		g.store(dot, acc)
	}
}

// odd leaves d*(2c+1) in dScale, d times the unit, which is exact.
func (q *quad) odd(g *gen, half int, run string) {
	d, code, s := g.r(dTmp), g.r(dAbs), g.r(dScale)
	g.load(m(32*half, "R10")+run, code)
	g.p("VPSLLD", fmt.Sprintf("X%d", qShift), code, code)
	g.p("VPSRLD", "$28", code, code)
	g.p("VCVTDQ2PS", code, code)
	g.p("VCVTPH2PS", m(16*half, "R8")+run, d)
	g.p("VBROADCASTSS", m(argUnit, "AX"), s)
	g.p("VMULPS", s, d, d)
	g.p("VADDPS", d, d, s)
	g.p("VFMADD213PS", d, code, s)
}

// minima emits the pass over the minima, a chain of its own, and leaves its sums behind
// the accumulators.
func (q *quad) minima(g *gen) {
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	for i := range 8 {
		g.zero(g.r(i))
	}
	loop := g.label("minima")
	g.at(loop)
	blocks, low, high, x := 32/q.block, g.r(dW), g.r(dAbs), g.r(dQ)
	for b := range blocks {
		g.p("VBROADCASTSS", m(4*b, "DI"), x)
		for i := range q.n {
			q.scales(g, 0, b, "R9", "R11", q.run(i), "VPMOVZXBD", low)
			q.scales(g, 1, b, "R9", "R11", q.run(i), "VPMOVZXBD", high)
			g.p("VFMADD231PS", x, low, g.r(2*i))
			g.p("VFMADD231PS", x, high, g.r(2*i+1))
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", 4*blocks), "DI")
	switch q.scale {
	case "F16":
		g.p("ADDQ", fmt.Sprintf("$%d", 32*blocks), "R9")
	case "K":
		g.p("ADDQ", fmt.Sprintf("$%d", 16*blocks), "R11")
	}
	g.p("SUBQ", "$1", "R13")
	if q.scale == "K" {
		q.nextEight(g, "ADDQ", "$64", "R9")
	}
	g.p("JNE", loop)
	for i := range 8 {
		g.store(g.r(i), m(256+32*i, "R14"))
	}
}

// store emits y = acc - accm + bias for the rows that exist.
func (q *quad) store(g *gen) {
	g.p("MOVQ", m(argY, "AX"), "SI")
	g.p("MOVQ", m(argBias, "AX"), "R8")
	g.p("MOVQ", m(argRows, "AX"), "R13")
	for i := range 8 {
		acc, bias := g.r(0), g.label("bias")
		g.load(m(32*i, "R14"), acc)
		if q.minimum {
			g.p("VSUBPS", m(256+32*i, "R14"), acc, acc)
		}
		g.p("TESTQ", "R8", "R8")
		g.p("JEQ", bias)
		g.p("VADDPS", m(32*i, "R8"), acc, acc)
		g.at(bias)
		g.p("LEAQ", fmt.Sprintf("%d(R13)", -8*i), "DX")
		g.storeLanes(acc, "SI", "DX", dTmp)
		g.p("ADDQ", "$32", "SI")
	}
}

// next moves the arguments on by four row blocks.
func (q *quad) next(g *gen) {
	g.p("LEAQ", "(R12*4)", "CX")
	for _, a := range []string{argW, argD, argM, argSC, argMN} {
		g.p("ADDQ", "CX", m(a, "AX"))
	}
	for range 4 {
		g.advance()
	}
}

// quads emits the products of four row blocks for all forms but points, and but three bits,
// which take so many instructions that memory does not hold them back.
func quads(g *gen) {
	if g.wide() {
		return
	}
	g.laneMasks()
	for _, f := range fused {
		if l := layoutNamed(f.layout); !l.points() && l.bits != 3 {
			g.quadAVX2(newQuad(l, f.form))
		}
	}
}
