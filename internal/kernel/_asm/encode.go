package main

import (
	"fmt"
	"math"
)

// Routines of package quant: eight groups of numbers in lanes. They take the steps of
// the portable forms (../../quant) in the same order, without fused multiply-adds, so
// that the bits are the same.

func encoders(g *gen) {
	g.widen("widenF16", "VCVTPH2PS")
	g.widen("widenBF16", "VPMOVZXWD")
	g.findGreatest()
	g.roundQ8()
	g.magnify()
	g.iq4Tables()
	g.loadPanel()
	g.findExtremes()
	g.shiftRange()
	g.tryRange("tryRange", "takes the codes that the steps of a trial give.", false)
	g.tryRange("refitRange", "takes the codes that the best fit gives.", true)
	g.integersRange()
	for _, iq4 := range []bool{false, true} {
		g.tryFit(iq4)
		g.tryTrial(iq4)
		g.quantise(iq4)
	}
	g.squaresTrial()
}

// y returns the name of a 256-bit register.
func y(i int) string { return fmt.Sprintf("Y%d", i) }

// float fills dst with a constant; it clobbers R12.
func (g *gen) float(v float32, dst string) { g.constant(math.Float32bits(v), dst) }

// bcast fills dst with the float32 of a field of the arguments.
func (g *gen) bcast(field, dst string) { g.p("VBROADCASTSS", m(field, "AX"), dst) }

// rows loads the bases of two slices and the number of rows of eight of the first:
// SI numbers, DX weights, R13 rows.
func (g *gen) rows(x, w string) {
	g.p("MOVQ", m(x, "AX"), "SI")
	g.p("MOVQ", m(w, "AX"), "DX")
	g.p("MOVQ", fmt.Sprintf("%s+8(AX)", x), "R13")
	g.p("SHRQ", "$3", "R13")
}

// each emits a loop over rows and their weights.
func (g *gen) each(body func()) {
	loop := g.label("row")
	g.at(loop)
	body()
	g.p("ADDQ", "$32", "SI")
	g.p("ADDQ", "$32", "DX")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
}

// nearest rounds t to integers within lo..hi; magic is 1.5*2^23.
func (g *gen) nearest(t, lo, hi, magic string) {
	g.p("VMAXPS", lo, t, t)
	g.p("VMINPS", hi, t, t)
	g.p("VADDPS", magic, t, t)
	g.p("VSUBPS", magic, t, t)
}

// Comparisons of VCMPPS.
const (
	lessThan  = "$1"
	lessEqual = "$2"
	notEqual  = "$4"
	atLeast   = "$13"
	moreThan  = "$14"
)

// cmp sets the lanes of dst in which a and b compare so.
func (g *gen) cmp(how, a, b, dst string) { g.p("VCMPPS", how, b, a, dst) }

// keep stores src in the lanes of a field of which mask is set; it clobbers tmp.
func (g *gen) keep(src, field, mask, tmp string) {
	g.load(m(field, "AX"), tmp)
	g.p("VBLENDVPS", mask, src, tmp, tmp)
	g.store(tmp, m(field, "AX"))
}

const roundMagic = 0x1.8p23

// loadPanel emits panelLoad.load: 8 × 8 numbers at a time are turned.
func (g *gen) loadPanel() {
	g.routine("loadPanel", "panelLoad", "fills a panel with numbers in groups.")
	g.p("MOVQ", m("panelLoad_to", "AX"), "DI")
	g.p("MOVQ", m("panelLoad_from", "AX"), "SI")
	g.p("MOVQ", m("panelLoad_n", "AX"), "CX")
	g.p("SHLQ", "$2", "CX") // bytes between groups
	g.p("LEAQ", "(CX)(CX*2)", "R8")
	g.constant(0x7fffffff, "Y14")
	g.float(0x1p-40, "Y15")
	g.p("MOVQ", "$256", "R13") // numbers left
	half, columns := g.label("half"), g.label("columns")
	g.at(half)
	g.p("LEAQ", "(SI)(CX*4)", "R9") // the fifth group
	g.p("MOVQ", "CX", "R11")        // bytes left of each group
	g.at(columns)
	for i, at := range []string{"(SI)", "(SI)(CX*1)", "(SI)(CX*2)", "(SI)(R8*1)", "(R9)", "(R9)(CX*1)", "(R9)(CX*2)", "(R9)(R8*1)"} {
		g.load(at, y(i))
		g.p("VANDPS", "Y14", y(i), "Y8")
		g.cmp(atLeast, "Y8", "Y15", "Y8")
		g.p("VANDPS", "Y8", y(i), y(i))
	}
	g.turn()
	for i := range 8 {
		g.store(y(i), m(32*i, "DI"))
	}
	g.p("ADDQ", "$32", "SI")
	g.p("ADDQ", "$32", "R9")
	g.p("ADDQ", "$256", "DI")
	g.p("SUBQ", "$64", "R13")
	g.p("SUBQ", "$32", "R11")
	g.p("JNE", columns)
	g.p("LEAQ", "(SI)(CX*8)", "SI")
	g.p("SUBQ", "CX", "SI")
	g.p("TESTQ", "R13", "R13")
	g.p("JNE", half)
	g.ret()
}

// turn transposes the 8 × 8 numbers of Y0..Y7; it clobbers Y8..Y13.
func (g *gen) turn() {
	for i := 0; i < 8; i += 2 { // pairs of rows
		g.p("VUNPCKLPS", y(i+1), y(i), "Y8")
		g.p("VUNPCKHPS", y(i+1), y(i), y(i+1))
		g.p("VMOVAPS", "Y8", y(i))
	}
	for _, i := range []int{0, 4} { // four rows, columns k and k+4
		g.p("VUNPCKLPD", y(i+2), y(i), "Y8")
		g.p("VUNPCKHPD", y(i+2), y(i), "Y9")
		g.p("VUNPCKLPD", y(i+3), y(i+1), "Y10")
		g.p("VUNPCKHPD", y(i+3), y(i+1), "Y11")
		for k := range 4 {
			g.p("VMOVAPS", y(8+k), y(i+k))
		}
	}
	for k := range 4 {
		g.p("VPERM2F128", "$0x20", y(4+k), y(k), "Y8")
		g.p("VPERM2F128", "$0x31", y(4+k), y(k), y(4+k))
		g.p("VMOVAPS", "Y8", y(k))
	}
}

// widen emits the conversion of whole registers of small floats to float32.
func (g *gen) widen(name, convert string) {
	g.routine(name, "widening", "converts small floats to float32, a multiple of 16 of them.")
	g.p("MOVQ", m("widening_dst", "AX"), "DI")
	g.p("MOVQ", m("widening_src", "AX"), "SI")
	g.p("MOVQ", m("widening_n", "AX"), "R13")
	loop := g.label("numbers")
	g.at(loop)
	for i := range 2 {
		g.p(convert, m(16*i, "SI"), y(i))
		if convert == "VPMOVZXWD" {
			g.p("VPSLLD", "$16", y(i), y(i))
		}
		g.store(y(i), m(32*i, "DI"))
	}
	g.p("ADDQ", "$32", "SI")
	g.p("ADDQ", "$64", "DI")
	g.p("SUBQ", "$16", "R13")
	g.p("JNE", loop)
	g.ret()
}

// findGreatest emits the greatest magnitude of a multiple of 32 numbers, as bits.
func (g *gen) findGreatest() {
	g.routine("findGreatest", "magnitudes", "finds the greatest magnitudes in eight lanes.")
	g.p("MOVQ", m("magnitudes_x", "AX"), "SI")
	g.p("MOVQ", m("magnitudes_n", "AX"), "R13")
	g.constant(0x7fffffff, "Y8")
	for i := range 4 {
		g.zero(y(i))
	}
	loop := g.label("numbers")
	g.at(loop)
	for i := range 4 {
		g.p("VPAND", m(32*i, "SI"), "Y8", y(4+i))
		g.p("VPMAXUD", y(4+i), y(i), y(i))
	}
	g.p("ADDQ", "$128", "SI")
	g.p("SUBQ", "$32", "R13")
	g.p("JNE", loop)
	g.p("VPMAXUD", "Y1", "Y0", "Y0")
	g.p("VPMAXUD", "Y3", "Y2", "Y2")
	g.p("VPMAXUD", "Y2", "Y0", "Y0")
	g.p("VMOVDQU", "Y0", m("magnitudes_top", "AX"))
	g.ret()
}

// roundQ8 emits the scales and codes of blocks of Q8_0: SI numbers, DI blocks, R13
// blocks left. A scale goes to its block as float16; numbers are divided by its float32,
// and halves are rounded away from zero.
func (g *gen) roundQ8() {
	g.routine("roundQ8", "q8Blocks", "writes blocks of 32 numbers as Q8_0.")
	g.p("MOVQ", m("q8Blocks_dst", "AX"), "DI")
	g.p("MOVQ", m("q8Blocks_src", "AX"), "SI")
	g.p("MOVQ", m("q8Blocks_n", "AX"), "R13")
	g.constant(0x7fffffff, "Y8")
	g.float(127, "Y9")
	g.float(1, "Y10")
	g.float(0.5, "Y11")
	g.load("packOrder<>(SB)", "Y12")
	g.float(math.MaxFloat32, "Y13")
	loop := g.label("block")
	g.at(loop)
	for i := range 4 {
		g.load(m(32*i, "SI"), y(i))
		g.p("VPAND", y(i), "Y8", y(4+i))
	}
	g.p("VPMAXUD", "Y5", "Y4", "Y4")
	g.p("VPMAXUD", "Y7", "Y6", "Y6")
	g.p("VPMAXUD", "Y6", "Y4", "Y4")
	g.p("VEXTRACTI128", "$1", "Y4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VPSHUFD", "$0x4e", "X4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VPSHUFD", "$0xb1", "X4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VDIVSS", "X9", "X4", "X4") // scale
	g.p("VCVTPS2PH", "$0", "X4", "X5")
	g.p("VPEXTRW", "$0", "X5", m(0, "DI"))
	g.p("VBROADCASTSS", "X4", "Y14")
	g.p("VDIVSS", "X4", "X10", "X4")            // its inverse: beyond float32 all codes are 0
	g.p("VCMPSS", lessEqual, "X13", "X4", "X5") // finite
	g.p("VBROADCASTSS", "X5", "Y15")
	for i := range 4 {
		t := y(i)
		g.p("VDIVPS", "Y14", t, t)
		g.p("VANDPS", "Y15", t, t)
		g.p("VROUNDPS", "$3", t, "Y5") // towards zero
		g.p("VSUBPS", "Y5", t, "Y6")   // what was cut off
		g.p("VANDPS", "Y8", "Y6", "Y7")
		g.cmp(atLeast, "Y7", "Y11", "Y7")
		g.p("VANDPS", "Y10", "Y7", "Y7") // one to add
		g.p("VANDNPS", "Y6", "Y8", "Y6") // with this sign
		g.p("VORPS", "Y6", "Y7", "Y7")
		g.p("VADDPS", "Y7", "Y5", "Y5")
		g.p("VCVTPS2DQ", "Y5", t)
	}
	g.p("VPACKSSDW", "Y1", "Y0", "Y0")
	g.p("VPACKSSDW", "Y3", "Y2", "Y2")
	g.p("VPACKSSWB", "Y2", "Y0", "Y0")
	g.p("VPERMD", "Y0", "Y12", "Y0")
	g.p("VMOVDQU", "Y0", m(2, "DI"))
	g.p("ADDQ", "$128", "SI")
	g.p("ADDQ", "$34", "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// magnify emits magnifier.magnify.
func (g *gen) magnify() {
	g.routine("magnify", "magnifier", "makes great numbers count for more.")
	g.p("MOVQ", m("magnifier_x", "AX"), "SI")
	g.p("MOVQ", m("magnifier_w", "AX"), "DX")
	g.bcast("magnifier_perSize", "Y0")
	g.float(1, "Y1")
	g.p("MOVQ", "$32", "R13")
	g.each(func() {
		g.p("VMULPS", m(0, "SI"), "Y0", "Y2")
		g.p("VMULPS", "Y2", "Y2", "Y2")
		g.p("VADDPS", "Y1", "Y2", "Y2")
		g.p("VSQRTPS", "Y2", "Y2")
		g.p("VMULPS", m(0, "DX"), "Y2", "Y2")
		g.store("Y2", m(0, "DX"))
	})
	g.ret()
}

// findExtremes emits extremes.find.
func (g *gen) findExtremes() {
	g.routine("findExtremes", "extremes", "finds the least and the greatest numbers of eight groups.")
	g.p("MOVQ", m("extremes_x", "AX"), "SI")
	g.p("MOVQ", "extremes_x+8(AX)", "R13")
	g.p("SHRQ", "$3", "R13")
	g.load(m(0, "SI"), "Y0")
	g.p("VMOVAPS", "Y0", "Y1")
	loop := g.label("row")
	g.at(loop)
	g.load(m(0, "SI"), "Y2")
	g.p("VMINPS", "Y0", "Y2", "Y0")
	g.p("VMAXPS", "Y1", "Y2", "Y1")
	g.p("ADDQ", "$32", "SI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.store("Y0", m("extremes_least", "AX"))
	g.store("Y1", m("extremes_most", "AX"))
	g.ret()
}

// shiftRange emits rangeFit.shift.
func (g *gen) shiftRange() {
	g.routine("shiftRange", "rangeFit", "takes the least number from all, and sums up.")
	g.rows("rangeFit_y", "rangeFit_w")
	g.load(m("rangeFit_least", "AX"), "Y0")
	g.zero("Y2")
	g.zero("Y3")
	g.each(func() {
		g.load(m(0, "SI"), "Y4")
		g.p("VSUBPS", "Y0", "Y4", "Y4")
		g.store("Y4", m(0, "SI"))
		g.load(m(0, "DX"), "Y5")
		g.p("VADDPS", "Y5", "Y2", "Y2")
		g.p("VMULPS", "Y4", "Y5", "Y4")
		g.p("VADDPS", "Y4", "Y3", "Y3")
	})
	g.store("Y2", m("rangeFit_w1", "AX"))
	g.store("Y3", m("rangeFit_wy", "AX"))
	g.ret()
}

// tryRange emits rangeFit.try, or rangeFit.refit.
//
// Y0 inverses, Y1 offsets, Y2 the greatest code, Y3 magic, Y4 zeros, Y5 to Y7 the
// sums of w*l, w*l*l and w*y*l, Y13 lanes that may not change.
func (g *gen) tryRange(name, doc string, refit bool) {
	g.routine(name, "rangeFit", doc)
	g.rows("rangeFit_y", "rangeFit_w")
	g.zero("Y4")
	if refit {
		g.load(m("rangeFit_d", "AX"), "Y8")
		g.float(1024, "Y9")
		g.p("VMULPS", "Y9", "Y8", "Y9")
		g.load(m("rangeFit_span", "AX"), "Y10")
		g.cmp(lessEqual, "Y9", "Y10", "Y13")
		g.float(1, "Y0")
		g.p("VDIVPS", "Y8", "Y0", "Y0")
		g.load(m("rangeFit_c", "AX"), "Y1")
		g.p("VMULPS", "Y0", "Y1", "Y1")
		g.p("VSUBPS", "Y1", "Y4", "Y1")
	} else {
		g.bcast("rangeFit_steps", "Y0")
		g.p("VMULPS", m("rangeFit_perSpan", "AX"), "Y0", "Y0")
		g.p("VMULPS", m("rangeFit_top", "AX"), "Y0", "Y1")
		g.bcast("rangeFit_low", "Y8")
		g.p("VMINPS", "Y1", "Y8", "Y1")
		g.p("VSUBPS", "Y1", "Y4", "Y1")
		g.zero("Y13")
	}
	g.bcast("rangeFit_hi", "Y2")
	g.float(roundMagic, "Y3")
	for i := 5; i < 8; i++ {
		g.zero(y(i))
	}
	g.each(func() {
		g.load(m(0, "SI"), "Y8")
		g.p("VMULPS", "Y0", "Y8", "Y9")
		g.p("VADDPS", "Y1", "Y9", "Y9")
		g.nearest("Y9", "Y4", "Y2", "Y3")
		g.p("VMULPS", m(0, "DX"), "Y9", "Y10")
		g.p("VADDPS", "Y10", "Y5", "Y5")
		g.p("VMULPS", "Y10", "Y9", "Y9")
		g.p("VMULPS", "Y10", "Y8", "Y8")
		g.p("VADDPS", "Y9", "Y6", "Y6")
		g.p("VADDPS", "Y8", "Y7", "Y7")
	})
	g.solveRange()
	g.ret()
}

// solveRange emits solveRange and what follows: the fit for the sums Y5, Y6, Y7 is
// kept where it is better, except in the lanes Y13.
func (g *gen) solveRange() {
	g.load(m("rangeFit_w1", "AX"), "Y0")
	g.load(m("rangeFit_wy", "AX"), "Y1")
	g.load(m("rangeFit_top", "AX"), "Y2")
	g.p("VMULPS", "Y0", "Y6", "Y8") // product
	g.p("VMULPS", "Y5", "Y5", "Y9")
	g.p("VSUBPS", "Y9", "Y8", "Y9") // determinant
	g.float(0x1p-18, "Y10")
	g.p("VMULPS", "Y10", "Y8", "Y8")
	g.cmp(moreThan, "Y9", "Y8", "Y8") // not alike
	g.p("VMULPS", "Y0", "Y7", "Y10")
	g.p("VMULPS", "Y5", "Y1", "Y11")
	g.p("VSUBPS", "Y11", "Y10", "Y10")
	g.p("VDIVPS", "Y9", "Y10", "Y10") // d
	g.p("VMULPS", "Y6", "Y1", "Y11")
	g.p("VMULPS", "Y5", "Y7", "Y12")
	g.p("VSUBPS", "Y12", "Y11", "Y11")
	g.p("VDIVPS", "Y9", "Y11", "Y11") // c
	g.p("VANDPS", "Y8", "Y2", "Y9")   // c if it is not free: top, or 0 where codes are alike
	g.cmp(lessEqual, "Y11", "Y2", "Y12")
	g.p("VANDPS", "Y12", "Y8", "Y8") // free
	g.p("VMULPS", "Y5", "Y9", "Y12")
	g.p("VSUBPS", "Y12", "Y7", "Y12")
	g.p("VDIVPS", "Y6", "Y12", "Y12") // d for it
	g.p("VBLENDVPS", "Y8", "Y10", "Y12", "Y10")
	g.p("VBLENDVPS", "Y8", "Y11", "Y9", "Y11")
	g.rangeError("Y10", "Y11", "Y8")
	g.cmp(lessThan, "Y8", m2("rangeFit_e"), "Y9")
	g.cmp(lessThan, "Y4", "Y10", "Y12") // d > 0
	g.p("VANDPS", "Y12", "Y9", "Y9")
	g.cmp(notEqual, "Y6", "Y4", "Y12")
	g.p("VANDPS", "Y12", "Y9", "Y9")
	g.p("VANDNPS", "Y9", "Y13", "Y9")
	for _, k := range [][2]string{{"Y10", "d"}, {"Y11", "c"}, {"Y8", "e"}, {"Y5", "wl"}, {"Y6", "wll"}, {"Y7", "wyl"}} {
		g.keep(k[0], "rangeFit_"+k[1], "Y9", "Y12")
	}
}

// m2 returns a field of the arguments as an operand.
func m2(field string) string { return m(field, "AX") }

// rangeError emits rangeError for the weights Y0, their sum with the numbers Y1 and
// the sums Y5, Y6, Y7; dst may be d but not c. It clobbers Y14 and Y15.
func (g *gen) rangeError(d, c, dst string) {
	g.p("VMULPS", "Y5", c, "Y14")
	g.p("VSUBPS", "Y7", "Y14", "Y14")
	g.p("VADDPS", "Y14", "Y14", "Y14")
	g.p("VMULPS", "Y6", d, "Y15")
	g.p("VADDPS", "Y14", "Y15", "Y15") // of the scale
	g.p("VMULPS", "Y15", d, "Y15")
	g.p("VMULPS", "Y0", c, "Y14")
	g.p("VADDPS", "Y1", "Y1", dst)
	g.p("VSUBPS", dst, "Y14", "Y14") // of the base
	g.p("VMULPS", "Y14", c, "Y14")
	g.p("VADDPS", "Y14", "Y15", dst)
}

// integersRange emits rangeFit.integers.
//
// Y2 the fit's least, Y3 magic, Y4 zeros, Y8 the scale, Y9 the best error, Y12 and
// Y13 the best integers.
func (g *gen) integersRange() {
	g.routine("integersRange", "rangeFit", "finds the integers of the groups for the factors.")
	for i, field := range []string{"w1", "wy", "least"} {
		g.load(m("rangeFit_"+field, "AX"), y(i))
	}
	g.float(roundMagic, "Y3")
	g.zero("Y4")
	for _, r := range []string{"Y5", "Y6", "Y7", "Y12", "Y13"} {
		g.zero(r)
	}
	g.p("VSUBPS", "Y2", "Y4", "Y10")
	g.rangeError("Y4", "Y10", "Y9")
	for i, field := range []string{"wl", "wll", "wyl"} {
		g.load(m("rangeFit_"+field, "AX"), y(5+i))
	}
	const factors = "rangeFit_factors+rangeFactors_"
	g.bcast(factors+"perScale", "Y8")
	g.p("VMULPS", m("rangeFit_d", "AX"), "Y8", "Y8")
	g.bcast(factors+"top", "Y11")
	g.p("VMINPS", "Y11", "Y8", "Y8")
	g.p("VCVTTPS2DQ", "Y8", "Y8")
	g.p("VCVTDQ2PS", "Y8", "Y8")
	for i := range 2 {
		if i == 1 {
			g.float(1, "Y10")
			g.p("VADDPS", "Y10", "Y8", "Y8")
			g.bcast(factors+"top", "Y11")
			g.p("VMINPS", "Y11", "Y8", "Y8")
		}
		g.bcast(factors+"scale", "Y10")
		g.p("VMULPS", "Y8", "Y10", "Y10") // d
		g.p("VMULPS", "Y5", "Y10", "Y11")
		g.p("VSUBPS", "Y11", "Y1", "Y11")
		g.p("VDIVPS", "Y0", "Y11", "Y11") // c
		g.p("VADDPS", "Y11", "Y2", "Y11")
		g.p("VSUBPS", "Y11", "Y4", "Y11")
		g.bcast(factors+"perLeast", "Y14")
		g.p("VMULPS", "Y14", "Y11", "Y11")
		g.bcast(factors+"top", "Y14")
		g.float(roundMagic, "Y3")
		g.nearest("Y11", "Y4", "Y14", "Y3") // l
		g.bcast(factors+"least", "Y3")
		g.p("VMULPS", "Y3", "Y11", "Y3")
		g.p("VSUBPS", "Y3", "Y4", "Y3")
		g.p("VSUBPS", "Y2", "Y3", "Y3") // c for it
		g.rangeError("Y10", "Y3", "Y10")
		g.cmp(lessThan, "Y10", "Y9", "Y14")
		g.p("VBLENDVPS", "Y14", "Y10", "Y9", "Y9")
		g.p("VBLENDVPS", "Y14", "Y8", "Y12", "Y12")
		g.p("VBLENDVPS", "Y14", "Y11", "Y13", "Y13")
	}
	g.store("Y9", m(factors+"e", "AX"))
	g.store("Y12", m(factors+"scales", "AX"))
	g.store("Y13", m(factors+"leasts", "AX"))
	g.ret()
}

// iq4Levels are the levels of the types IQ4.
var iq4Levels = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// iq4Border returns the border between the levels c-1 and c.
func iq4Border(c int) float32 { return (iq4Levels[c-1] + iq4Levels[c]) / 2 }

// floats emits a table.
func (g *gen) floats(name string, v []float32) {
	g.out.WriteString("\n")
	for i, x := range v {
		fmt.Fprintf(&g.out, "DATA %s<>+%d(SB)/4, $0x%08x\n", name, 4*i, math.Float32bits(x))
	}
	fmt.Fprintf(&g.out, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, 4*len(v))
}

// iq4Tables emits the borders that the third and the fourth comparison of a search
// take, and the levels of the codes from 0 and from 8.
func (g *gen) iq4Tables() {
	var third, fourth [8]float32
	for i := range 8 {
		third[i] = iq4Border(4*(i&3) + 2)
		fourth[i] = iq4Border(2*i + 1)
	}
	g.floats("iq4Third", third[:])
	g.floats("iq4Fourth", fourth[:])
	g.floats("iq4Low", iq4Levels[:8])
	g.floats("iq4High", iq4Levels[8:])
	g.packOrder()
}

// iq4Borders fills three registers with the borders of the first two comparisons.
func (g *gen) iq4Borders(first, low, high string) {
	g.float(iq4Border(8), first)
	g.float(iq4Border(4), low)
	g.float(iq4Border(12), high)
}

// iq4Code finds the codes of the levels nearest to t by four comparisons, the first of
// which is left in half; it clobbers tmp.
func (g *gen) iq4Code(t, first, low, high, half, code, tmp string) {
	g.cmp(atLeast, t, first, half)
	g.p("VBLENDVPS", half, high, low, tmp)
	g.cmp(atLeast, t, tmp, tmp)
	g.p("VPADDD", half, half, code) // comparisons that hold are -1
	g.p("VPADDD", tmp, code, code)
	g.zero(tmp)
	g.p("VPSUBD", code, tmp, code)
	for _, table := range []string{"iq4Third", "iq4Fourth"} {
		g.p("VPERMPS", table+"<>(SB)", code, tmp)
		g.cmp(atLeast, t, tmp, tmp)
		g.p("VPADDD", code, code, code)
		g.p("VPSUBD", tmp, code, code)
	}
}

// iq4Level replaces t by the level nearest to it; it clobbers the temporaries.
func (g *gen) iq4Level(t, first, low, high, half, code, tmp string) {
	g.iq4Code(t, first, low, high, half, code, tmp)
	g.p("VPERMPS", "iq4Low<>(SB)", code, tmp)
	g.p("VPERMPS", "iq4High<>(SB)", code, code)
	g.p("VBLENDVPS", half, code, tmp, t)
}

// levelRegisters loads what nearestLevel needs: Y2 the least level, Y3 the greatest,
// Y4 magic; or the borders of the levels of IQ4.
func (g *gen) levelRegisters(args string, iq4 bool) {
	if iq4 {
		g.iq4Borders("Y2", "Y3", "Y4")
		return
	}
	g.bcast(args+"_lo", "Y2")
	g.bcast(args+"_hi", "Y3")
	g.float(roundMagic, "Y4")
}

// nearestLevel replaces t by the level nearest to it; it clobbers Y13 to Y15.
func (g *gen) nearestLevel(t string, iq4 bool) {
	if iq4 {
		g.iq4Level(t, "Y2", "Y3", "Y4", "Y13", "Y14", "Y15")
		return
	}
	g.nearest(t, "Y2", "Y3", "Y4")
}

// levelName tells the routines for the levels of IQ4 from the others.
func levelName(name string, iq4 bool) string {
	if iq4 {
		return name + "IQ4"
	}
	return name
}

// tryFit emits scaleFit.try.
//
// Y0 inverses, Y5 and Y6 the sums of w*l*l and w*x*l.
func (g *gen) tryFit(iq4 bool) {
	g.routine(levelName("tryFit", iq4), "scaleFit", "fits scales to the levels of a trial.")
	g.rows("scaleFit_x", "scaleFit_w")
	g.load(m("scaleFit_inverse", "AX"), "Y0")
	g.levelRegisters("scaleFit", iq4)
	g.zero("Y5")
	g.zero("Y6")
	g.each(func() {
		g.load(m(0, "SI"), "Y8")
		g.p("VMULPS", "Y0", "Y8", "Y9")
		g.nearestLevel("Y9", iq4)
		g.p("VMULPS", m(0, "DX"), "Y9", "Y10")
		g.p("VMULPS", "Y10", "Y9", "Y9")
		g.p("VMULPS", "Y10", "Y8", "Y10")
		g.p("VADDPS", "Y10", "Y6", "Y6")
		g.p("VADDPS", "Y9", "Y5", "Y5")
	})
	g.p("VDIVPS", "Y5", "Y6", "Y7") // d
	g.p("VMULPS", "Y6", "Y7", "Y6") // gain
	g.cmp(moreThan, "Y6", m2("scaleFit_gain"), "Y8")
	g.zero("Y9")
	g.cmp(notEqual, "Y5", "Y9", "Y9")
	g.p("VANDPS", "Y9", "Y8", "Y8")
	g.keep("Y7", "scaleFit_d", "Y8", "Y9")
	g.keep("Y6", "scaleFit_gain", "Y8", "Y9")
	g.ret()
}

// tryTrial emits scaleTrial.try.
//
// Y0 inverses of the scales, Y5 the sum, Y6 the integers, Y7 the scales.
func (g *gen) tryTrial(iq4 bool) {
	g.routine(levelName("tryTrial", iq4), "scaleTrial", "tries the integers that are so much more than the middle ones.")
	g.rows("scaleTrial_x", "scaleTrial_w")
	g.load(m("scaleTrial_middle", "AX"), "Y6")
	g.constant(0x80000000, "Y8")
	g.p("VANDPS", "Y6", "Y8", "Y9")  // signs
	g.p("VANDNPS", "Y6", "Y8", "Y6") // magnitudes
	g.bcast("scaleTrial_more", "Y10")
	g.p("VADDPS", "Y10", "Y6", "Y6")
	g.zero("Y5")
	g.p("VMAXPS", "Y5", "Y6", "Y6")
	g.p("VORPS", "Y9", "Y6", "Y6")
	g.bcast("scaleTrial_high", "Y8")
	g.p("VMINPS", "Y8", "Y6", "Y6")
	g.bcast("scaleTrial_low", "Y8")
	g.p("VMAXPS", "Y8", "Y6", "Y6")
	g.bcast("scaleTrial_factor", "Y7")
	g.p("VMULPS", "Y6", "Y7", "Y7")
	g.float(1, "Y0")
	g.p("VDIVPS", "Y7", "Y0", "Y0")
	g.levelRegisters("scaleTrial", iq4)
	g.each(func() {
		g.p("VMULPS", m(0, "SI"), "Y0", "Y8")
		g.p("VMOVAPS", "Y8", "Y9")
		g.nearestLevel("Y9", iq4)
		g.p("VSUBPS", "Y9", "Y8", "Y8")
		g.p("VMULPS", "Y8", "Y8", "Y8")
		g.p("VMULPS", m(0, "DX"), "Y8", "Y8")
		g.p("VADDPS", "Y8", "Y5", "Y5")
	})
	g.p("VMULPS", "Y7", "Y7", "Y7")
	g.p("VMULPS", "Y7", "Y5", "Y5")
	g.cmp(lessThan, "Y5", m2("scaleTrial_e"), "Y8")
	g.zero("Y9")
	g.cmp(notEqual, "Y6", "Y9", "Y9")
	g.p("VANDPS", "Y9", "Y8", "Y8")
	g.keep("Y6", "scaleTrial_scale", "Y8", "Y9")
	g.keep("Y5", "scaleTrial_e", "Y8", "Y9")
	g.ret()
}

// squaresTrial emits scaleTrial.squares.
func (g *gen) squaresTrial() {
	g.routine("squaresTrial", "scaleTrial", "sets the errors for scales of zero.")
	g.rows("scaleTrial_x", "scaleTrial_w")
	g.zero("Y5")
	g.each(func() {
		g.load(m(0, "SI"), "Y8")
		g.p("VMULPS", "Y8", "Y8", "Y8")
		g.p("VMULPS", m(0, "DX"), "Y8", "Y8")
		g.p("VADDPS", "Y8", "Y5", "Y5")
	})
	g.store("Y5", m("scaleTrial_e", "AX"))
	g.ret()
}

// quantise emits quantiser.quantise, 32 numbers at a time.
//
// SI numbers, DI codes, R8 inverses, R9 the least numbers.
func (g *gen) quantise(iq4 bool) {
	g.routine(levelName("quantise", iq4), "quantiser", "writes the codes of 256 numbers.")
	g.p("MOVQ", m("quantiser_x", "AX"), "SI")
	g.p("LEAQ", m("quantiser_q", "AX"), "DI")
	g.p("LEAQ", m("quantiser_inverse", "AX"), "R8")
	g.p("LEAQ", m("quantiser_least", "AX"), "R9")
	g.levelRegisters("quantiser", iq4)
	g.load("packOrder<>(SB)", "Y12")
	g.p("MOVQ", "$8", "R13")
	loop := g.label("numbers")
	g.at(loop)
	for i := range 4 {
		if i%2 == 0 {
			g.p("VBROADCASTSS", m(2*i, "R8"), "Y0")
			g.p("VBROADCASTSS", m(2*i, "R9"), "Y1")
		}
		t := y(8 + i)
		g.load(m(32*i, "SI"), t)
		g.p("VSUBPS", "Y1", t, t)
		g.p("VMULPS", "Y0", t, t)
		if iq4 {
			g.iq4Code(t, "Y2", "Y3", "Y4", "Y13", "Y14", "Y15")
			g.p("VMOVAPS", "Y14", t)
			continue
		}
		g.nearest(t, "Y2", "Y3", "Y4")
		g.p("VSUBPS", "Y2", t, t)
		g.p("VCVTPS2DQ", t, t)
	}
	// Packing interleaves the halves of registers; one permutation of dwords mends it.
	g.p("VPACKSSDW", "Y9", "Y8", "Y8")
	g.p("VPACKSSDW", "Y11", "Y10", "Y10")
	g.p("VPACKUSWB", "Y10", "Y8", "Y8")
	g.p("VPERMD", "Y8", "Y12", "Y8")
	g.p("VMOVDQU", "Y8", m(0, "DI"))
	g.p("ADDQ", "$128", "SI")
	g.p("ADDQ", "$32", "DI")
	g.p("ADDQ", "$8", "R8")
	g.p("ADDQ", "$8", "R9")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}
