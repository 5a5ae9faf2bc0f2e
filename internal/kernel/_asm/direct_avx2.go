package main

import "fmt"

// The AVX2 products decode packed rows in registers, as often as four vectors need them.
// VPMADDUBSW takes two products to sixteen bits, in which as many steps are added as fit:
// what counts on Zen 3 is how many instructions a step has, and how many of them go to the
// two units that multiply, which also move signs.

// direct is a product of packed rows, or of tiles, with n vectors at a time.
type direct struct {
	layout
	form
	n    int
	tile bool
	wide bool // integers of eight bits: magnitudes times activations that have the signs
	far  bool // asks for lines of the second cache
}

// newDirect is a product of packed rows.
func newDirect(l layout, f form, n int) direct {
	return direct{layout: l, form: f, n: n, wide: l.bits == 8}
}

// newDirectFar is a product of packed rows with one vector that asks for lines of the second
// cache.
func newDirectFar(l layout, f form) direct {
	d := newDirect(l, f, 1)
	d.far = true
	return d
}

// fetch is the instruction that asks for a line, ending the name of its routines.
func (d *direct) fetch() (op, name string) {
	if d.far {
		return "PREFETCHT1", "Far"
	}
	return "PREFETCHT0", ""
}

// newDirectTile is one of tiles: those with minima have integers of at most five bits, as
// they are stored; others are 128 above their meaning, but six says that 32 would do.
func newDirectTile(t tile, n int, six bool) direct {
	d := direct{layout: layout{name: "Tile", bits: 8}, form: form{t.name, t.block, t.scale, t.minimum}, n: n, tile: true, wide: !t.minimum && !six}
	if six {
		d.form.name += "Six"
	}
	return d
}

// offset is the logarithm of how much unsigned integers are above their meaning.
func (d *direct) offset() int {
	if d.tile {
		return 5
	}
	return offsetBits(d.layout, d.form)
}

// batch returns how many steps sixteen bits hold: 2 * 127 * 2^bits, eight times for four
// bits, four times for five and twice for six.
func (d *direct) batch() int {
	switch {
	case d.wide:
		return 1
	case d.bits == 6, d.tile && !d.minimum:
		return 2
	case d.bits == 5, d.tile:
		return 4
	}
	return d.block / 4
}

// Registers of a direct product.
const (
	dSum   = 0 // sixteen-bit sums of four vectors
	dDot   = 4 // their sums of 32 bits
	dW     = 8
	dAbs   = 9
	dQ     = 10
	dTmp   = 11
	dMask  = 12 // of the low bits
	dMask2 = 13 // of the high ones, or what bytes of tiles are above their meaning
	dScale = 14
	dOnes  = 15 // in sixteen bits
)

// directAVX2 emits the product of packed rows with n vectors at a time out of argNStride,
// until argTokens are done.
//
// AX args, SI integers, R8 d, R9 m, R10 sc, R11 mn, DX q, BX scale, CX nsum, DI xsum; of
// CX and DI the one that is not needed has the bytes to the next row block. Behind the minima
// R9 is how far ahead integers are asked for. R12 bytes of a
// float32 for each vector, R13 groups left, R14 the accumulators: of four vectors for each
// half of the rows, then those of the minima; R15 first vector.
func (g *gen) directAVX2(d direct) {
	_, far := d.fetch()
	g.routine(fmt.Sprintf("direct%s%sx%d%s", d.layout.name, d.form.name, d.n, far), "productArgs",
		fmt.Sprintf("multiplies rows of layout %s, scales %s, with %d tokens at a time.", d.layout.name, d.form.name, d.n))
	d.constants(g)
	g.p("MOVQ", m(argTmp, "AX"), "R14")
	g.p("ADDQ", "$63", "R14")
	g.p("ANDQ", "$-64", "R14")
	g.p("MOVQ", m(argNStride, "AX"), "R12")
	g.p("SHLQ", "$2", "R12")
	block, tokens, loop := g.label("block"), g.label("tokens"), g.label("group")
	g.at(block)
	g.p("XORQ", "R15", "R15")
	g.at(tokens)
	d.pointers(g)
	if d.minimum {
		d.minima(g)
	}
	if !d.tile {
		g.p("MOVQ", m(argFetch, "AX"), "R9")
	}
	g.zero(g.r(dTmp))
	for i := range 2 * d.n {
		g.store(g.r(dTmp), m(32*i, "R14"))
	}
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	g.at(loop)
	d.group(g)
	g.p("JNE", loop)
	d.store(g)
	g.p("ADDQ", fmt.Sprintf("$%d", d.n), "R15")
	g.p("CMPQ", "R15", m(argTokens, "AX"))
	g.p("JLT", tokens)
	g.nextPointers12(argW, argD, argM, argSC, argMN)
	g.nextBlock(block)
	g.ret()
}

// nextPointers12 is nextPointers that leaves R12 alone.
func (g *gen) nextPointers12(args ...string) {
	g.p("MOVQ", m(argStride, "AX"), "CX")
	for _, a := range args {
		g.p("ADDQ", "CX", m(a, "AX"))
	}
}

func (d *direct) constants(g *gen) {
	switch d.bits {
	case 2, 3:
		g.constant(0x03030303, g.r(dMask))
	case 4, 5, 6:
		g.constant(0x0f0f0f0f, g.r(dMask))
	}
	switch d.bits {
	case 3:
		g.constant(0x04040404, g.r(dMask2))
	case 5:
		g.constant(0x10101010, g.r(dMask2))
	case 6:
		g.constant(0x30303030, g.r(dMask2))
	}
	switch {
	case d.wide:
		g.constant(0x80808080, g.r(dMask2))
	case d.tile && !d.minimum:
		g.constant(0x60606060, g.r(dMask2)) // which leaves them 32 above
	}
	g.constant(0x00010001, g.r(dOnes))
}

// stride is the register of the bytes to the next row block.
func (d *direct) stride() string {
	if d.minimum {
		return "CX"
	}
	return "DI"
}

// pointers loads the pointers of a row block and of the vectors from R15 on.
func (d *direct) pointers(g *gen) {
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argD, "AX"), "R8")
	g.p("MOVQ", m(argM, "AX"), "R9")
	g.p("MOVQ", m(argSC, "AX"), "R10")
	g.p("MOVQ", m(argMN, "AX"), "R11")
	g.p("MOVQ", "R15", "DX")
	g.p("SHLQ", "$5", "DX")
	g.p("ADDQ", m(argQ, "AX"), "DX")
	vectors := func(field, dst string) {
		g.p("MOVQ", m(field, "AX"), dst)
		g.p("LEAQ", fmt.Sprintf("(%s)(R15*4)", dst), dst)
	}
	vectors(argScale, "BX")
	vectors(argNSum, "CX")
	vectors(argXSum, "DI")
	g.p("MOVQ", m(argStride, "AX"), d.stride())
}

// group emits one group of the vectors for both halves of the rows, and counts it.
func (d *direct) group(g *gen) {
	d.ahead(g)
	for half := range 2 {
		for b := range 32 / d.block {
			g.comment("Rows %d to %d, block %d: integers times activations …", 8*half, 8*half+7, b)
			d.dots(g, half, b)
			g.comment("… times the scales of weights and activations.")
			d.scaled(g, half, b)
		}
	}
	blocks := 32 / d.block
	g.p("ADDQ", fmt.Sprintf("$%d", d.size()), "SI")
	g.p("LEAQ", "(DX)(R12*8)", "DX")
	g.p("ADDQ", "R12", "BX")
	if !d.minimum {
		g.p("LEAQ", fmt.Sprintf("(CX)(R12*%d)", blocks), "CX")
	}
	switch d.scale {
	case "F16":
		g.p("ADDQ", fmt.Sprintf("$%d", 32*blocks), "R8")
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*blocks), "R8")
	case "K":
		g.p("ADDQ", fmt.Sprintf("$%d", 16*blocks), "R10")
	}
	g.p("SUBQ", "$1", "R13")
	if d.scale == "K" {
		d.nextFactors(g, "R8")
	}
}

// nextFactors goes on to the next factors behind eight groups; the flags say afterwards
// whether groups are left.
func (d *direct) nextFactors(g *gen, factors string) {
	same := g.label("same")
	g.p("TESTQ", "$7", "R13")
	g.p("JNE", same)
	op, _ := d.fetch()
	g.p(op, fmt.Sprintf("(%s)(%s*1)", factors, d.stride()))
	g.p("ADDQ", "$64", factors)
	g.p("TESTQ", "R13", "R13")
	g.at(same)
}

// ahead asks for integers some groups ahead, and for scales of the next row block; tiles
// are in a cache.
func (d *direct) ahead(g *gen) {
	if d.tile {
		return
	}
	op, _ := d.fetch()
	for line := range d.size() / 64 {
		g.p(op, m(64*line, "SI")+"(R9*1)")
	}
	switch d.scale {
	case "F16", "F32":
		g.p(op, fmt.Sprintf("(R8)(%s*1)", d.stride()))
	case "K":
		g.p(op, fmt.Sprintf("(R10)(%s*1)", d.stride()))
	}
}

// load puts the integers of step s of half the rows into dW; run is the index register of
// their row block, "" for that at SI.
func (d *direct) load(g *gen, half, s int, run string) {
	w, tmp := g.r(dW), g.r(dTmp)
	mem := func(offset int) string { return m(offset+32*half, "SI") + run }
	plane := func(offset, shift int) { // to the left
		switch {
		case shift > 0:
			g.load(mem(offset), tmp)
			g.p("VPSLLW", fmt.Sprintf("$%d", shift), tmp, tmp)
			g.p("VPAND", tmp, g.r(dMask2), tmp)
		case shift < 0:
			g.load(mem(offset), tmp)
			g.p("VPSRLW", fmt.Sprintf("$%d", -shift), tmp, tmp)
			g.p("VPAND", tmp, g.r(dMask2), tmp)
		default:
			g.p("VPAND", mem(offset), g.r(dMask2), tmp)
		}
		g.p("VPOR", tmp, w, w)
	}
	low := func(offset, shift int) {
		if shift == 0 {
			g.p("VPAND", mem(offset), g.r(dMask), w)
			return
		}
		g.load(mem(offset), w)
		g.p("VPSRLW", fmt.Sprintf("$%d", shift), w, w)
		g.p("VPAND", g.r(dMask), w, w)
	}
	switch d.bits {
	case 8:
		g.load(mem(64*s), w)
		switch {
		case d.wide:
			g.p("VPXOR", g.r(dMask2), w, w)
			g.p("VPABSB", w, g.r(dAbs))
		case !d.minimum:
			g.p("VPSUBB", g.r(dMask2), w, w)
		}
	case 4, 5, 6:
		low(64*(s%4), s/4*4)
	case 2, 3:
		low(64*(s/4), s%4*2)
	}
	switch d.bits {
	case 3:
		plane(128, 2-s)
	case 5:
		plane(256, 4-s)
	case 6:
		plane(256+64*(s/4), 4-2*(s%4))
	}
}

// dots leaves the sums of a block of columns in dDot.
func (d *direct) dots(g *gen, half, b int) {
	steps := d.block / 4
	for s := range steps {
		d.load(g, half, b*steps+s, "")
		for i := range d.n {
			d.step(g, s, i, m(32*i+4*(b*steps+s), "DX"))
		}
		if (s+1)%d.batch() == 0 {
			for i := range d.n {
				d.widen(g, i, s+1 == d.batch())
			}
		}
	}
	if d.wide || d.minimum {
		return
	}
	for i := range d.n {
		g.p("VPBROADCASTD", fmt.Sprintf("%d(CX)%s", 4*i, []string{"", "(R12*1)"}[b]), g.r(dTmp))
		if shift := 7 - d.offset(); shift > 0 {
			g.p("VPSRAD", fmt.Sprintf("$%d", shift), g.r(dTmp), g.r(dTmp))
		}
		g.p("VPADDD", g.r(dTmp), g.r(dDot+i), g.r(dDot+i))
	}
}

// step adds four columns of vector i.
func (d *direct) step(g *gen, s, i int, q string) {
	act, sum, first := g.r(dQ), g.r(dSum+i), s%d.batch() == 0
	g.p("VPBROADCASTD", q, act)
	w := g.r(dW)
	if d.wide {
		g.p("VPSIGNB", w, act, act)
		w = g.r(dAbs)
	}
	if first {
		g.p("VPMADDUBSW", act, w, sum)
	} else {
		g.p("VPMADDUBSW", act, w, act)
		g.p("VPADDW", act, sum, sum)
	}
}

// widen adds the sixteen-bit sums of vector i to those of 32 bits.
func (d *direct) widen(g *gen, i int, first bool) {
	sum, dot := g.r(dSum+i), g.r(dDot+i)
	if first {
		g.p("VPMADDWD", g.r(dOnes), sum, dot)
		return
	}
	g.p("VPMADDWD", g.r(dOnes), sum, sum)
	g.p("VPADDD", sum, dot, dot)
}

// scaled adds the sums of a block of columns, times their scales, to the accumulators.
func (d *direct) scaled(g *gen, half, b int) {
	s := g.r(dScale)
	d.scales(g, half, b, "R8", "R10", "", "VPMOVSXBD", s)
	for i := range d.n {
		dot, tmp, acc := g.r(dDot+i), g.r(dTmp), m(32*(2*i+half), "R14")
		g.p("VCVTDQ2PS", dot, dot)
		g.p("VBROADCASTSS", m(4*i, "BX"), tmp)
		if d.scale != "" {
			g.p("VMULPS", s, tmp, tmp)
		}
		g.p("VFMADD213PS", acc, tmp, dot)
		g.store(dot, acc)
	}
}

// scales loads the scales, or minima, of a block of half the rows of a run.
func (d *direct) scales(g *gen, half, b int, base, bytes, run, extend, dst string) {
	switch d.scale {
	case "F16":
		g.p("VCVTPH2PS", m(32*b+16*half, base)+run, dst)
	case "F32":
		g.load(m(64*b+32*half, base)+run, dst)
	case "K":
		g.p(extend, m(16*b+8*half, bytes)+run, dst)
		g.p("VCVTDQ2PS", dst, dst)
		g.p("VMULPS", m(32*half, base)+run, dst, dst)
	}
}

// minima emits the pass over the minima, a chain of its own, and leaves its sums behind
// the accumulators.
func (d *direct) minima(g *gen) {
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	for i := range 2 * d.n {
		g.zero(g.r(i))
	}
	loop := g.label("minima")
	g.at(loop)
	blocks, low, high, x := 32/d.block, g.r(dW), g.r(dAbs), g.r(dQ)
	bytes := "R9"
	if d.scale == "K" {
		bytes = "R11"
	}
	op, _ := d.fetch()
	g.p(op, fmt.Sprintf("(%s)(CX*1)", bytes))
	for b := range blocks {
		d.scales(g, 0, b, "R9", "R11", "", "VPMOVZXBD", low)
		d.scales(g, 1, b, "R9", "R11", "", "VPMOVZXBD", high)
		for i := range d.n {
			g.p("VBROADCASTSS", m(4*i, "DI"), x)
			g.p("VFMADD231PS", x, low, g.r(2*i))
			g.p("VFMADD231PS", x, high, g.r(2*i+1))
		}
		g.p("ADDQ", "R12", "DI")
	}
	switch d.scale {
	case "F16":
		g.p("ADDQ", fmt.Sprintf("$%d", 32*blocks), "R9")
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*blocks), "R9")
	case "K":
		g.p("ADDQ", fmt.Sprintf("$%d", 16*blocks), "R11")
	}
	g.p("SUBQ", "$1", "R13")
	if d.scale == "K" {
		d.nextFactors(g, "R9")
	}
	g.p("JNE", loop)
	for i := range 2 * d.n {
		g.store(g.r(i), m(256+32*i, "R14"))
	}
}

// store emits y = acc - accm + bias for the vectors and rows that exist.
func (d *direct) store(g *gen) {
	done := g.label("done")
	g.p("MOVQ", m(argTokens, "AX"), "R13")
	g.p("SUBQ", "R15", "R13")
	g.p("MOVQ", m(argYStride, "AX"), "DI")
	g.p("MOVQ", "DI", "SI")
	g.p("IMULQ", "R15", "SI")
	g.p("ADDQ", m(argY, "AX"), "SI")
	g.p("MOVQ", m(argBias, "AX"), "R8")
	for i := range d.n {
		if i > 0 {
			g.p("CMPQ", "R13", fmt.Sprintf("$%d", i))
			g.p("JLE", done)
		}
		for half := range 2 {
			acc, bias := g.r(half), g.label("bias")
			g.load(m(32*(2*i+half), "R14"), acc)
			if d.minimum {
				g.p("VSUBPS", m(256+32*(2*i+half), "R14"), acc, acc)
			}
			g.p("TESTQ", "R8", "R8")
			g.p("JEQ", bias)
			g.p("VADDPS", m(32*half, "R8"), acc, acc)
			g.at(bias)
			g.p("MOVQ", m(argRows, "AX"), "DX")
			if half > 0 {
				g.p("SUBQ", "$8", "DX")
			}
			g.storeLanes(acc, "SI", "DX", dTmp)
			if half == 0 {
				g.p("ADDQ", "$32", "SI")
			}
		}
		g.p("LEAQ", "-32(SI)(DI*1)", "SI")
	}
	g.at(done)
}

// directs emits the products of all packed forms that are read directly, and of tiles, whose
// integers are those of eight bits.
func directs(g *gen) {
	if g.wide() {
		return
	}
	g.laneMasks()
	for _, f := range fused {
		if l := layoutNamed(f.layout); !l.table {
			for _, n := range []int{1, 2, 4} {
				g.directAVX2(newDirect(l, f.form, n))
			}
			g.directAVX2(newDirectFar(l, f.form))
		}
	}
	for _, t := range tiles {
		if t.scale == "F16" {
			continue // Bits8, as it is
		}
		for _, n := range []int{1, 4} {
			g.directAVX2(newDirectTile(t, n, false))
			if t.name == "F3216" {
				g.directAVX2(newDirectTile(t, n, true))
			}
		}
	}
}
