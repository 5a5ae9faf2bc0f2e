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
