package main

// Ranges of groups that have a minimum: their cuts, trials and fits (../../quant/fitrange.go).

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
