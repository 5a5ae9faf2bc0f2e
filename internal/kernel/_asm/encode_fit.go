package main

// Scales of groups without a minimum: trials, fits, and the codes in the end (../../quant/fitscale.go).

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
