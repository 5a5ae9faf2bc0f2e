package main

import "fmt"

// laneSum emits a sum along a vector: sixteen lanes, stored at dst for the
// caller to add what is left and fold (CANON section 1). fold updates an
// accumulator from the elements at SI+off (and DX+off).
func (g *gen) laneSum(name, doc string, setup func(), fold func(off int, acc string)) {
	g.routine(name, "vectorArgs", doc)
	g.p("MOVQ", m(vecN, "AX"), "R13")
	g.p("MOVQ", m(vecDst, "AX"), "DI")
	g.p("MOVQ", m(vecA, "AX"), "SI")
	g.p("MOVQ", m(vecB, "AX"), "DX")
	if setup != nil {
		setup()
	}
	accs := 64 / g.bytes
	for h := range accs {
		g.load(m(g.bytes*h, "DI"), g.r(8+h))
	}
	loop := g.label("next")
	g.at(loop)
	for h := range accs {
		fold(g.bytes*h, g.r(8+h))
	}
	g.p("ADDQ", "$64", "SI")
	g.p("ADDQ", "$64", "DX")
	g.p("SUBQ", "$16", "R13")
	g.p("JG", loop)
	for h := range accs {
		g.store(g.r(8+h), m(g.bytes*h, "DI"))
	}
	g.ret()
}

func (g *gen) laneSums() {
	x := g.r(0)
	g.laneSum("vsum", "dst[j] += a[j], a[j+16] …", nil, func(off int, acc string) {
		g.p("VADDPS", m(off, "SI"), acc, acc)
	})
	g.laneSum("vdot", "dst[j] = fma(a[j], b[j], dst[j]) …", nil, func(off int, acc string) {
		g.load(m(off, "SI"), x)
		g.p("VFMADD231PS", m(off, "DX"), x, acc)
	})
	g.laneSum("vvariance", "dst[j] = fma(a[j]-t, a[j]-t, dst[j]) …", func() { g.bcastArg(vecT, g.r(4)) },
		func(off int, acc string) {
			g.load(m(off, "SI"), x)
			g.p("VSUBPS", g.r(4), x, x)
			g.p("VFMADD231PS", x, x, acc)
		})
	g.laneSum("vmax", "dst[j] = max(a[j], a[j+16] …), NaN where there is one", nil, func(off int, acc string) {
		g.load(m(off, "SI"), x)
		g.p("VMAXPS", acc, x, acc) // acc where either is NaN, so a NaN in it stays
		if g.wide() {
			g.p("VCMPPS", "$3", x, x, "K1")
			g.p("VMOVAPS", x, "K1", acc)
		} else {
			g.p("VCMPPS", "$3", x, x, g.r(1))
			g.p("VBLENDVPS", g.r(1), x, acc, acc)
		}
	})
	g.laneSum("vexpSum", "b = exp(a - t), dst the lane sums of b", func() { g.expSetup(); g.bcastArg(vecT, g.r(4)) },
		func(off int, acc string) {
			g.load(m(off, "SI"), x)
			g.p("VSUBPS", g.r(4), x, x)
			g.exp(x, 10)
			g.store(x, m(off, "DX"))
			g.p("VADDPS", x, acc, acc)
		})
}

// Fields of splitArgs (../attention.go).
const (
	spScores = "splitArgs_scores" // 256 scores, replaced by probabilities
	spLo     = "splitArgs_lo"     // first seen position, int32
	spHi     = "splitArgs_hi"     // one past the last
	spScale  = "splitArgs_scale"  // float32
	spCap    = "splitArgs_cap"    // float32, 0: none
	spMax    = "splitArgs_max"    // out
	spLanes  = "splitArgs_lanes"  // out: sixteen lane sums, a pointer
)

// splitSoftmax emits the softmax of one split of 256 positions: scores are
// scaled and capped; the maximum runs over the seen positions lo … hi-1;
// probabilities are exp(score - max), 0 where not seen.
//
// Registers: 0 the scores, 1 their mask, 4 scale and 5 cap, later the sums, 6
// the position of each lane, 7 its step, 8 lo-1, 9 hi, 10 the maximum, 11
// scratch, 12 to 15 for exp.
func (g *gen) splitSoftmax() {
	g.routine("splitSoftmax", "splitArgs", "turns 256 scores into probabilities.")
	g.expSetup()
	x, scale, limit, top := g.r(0), g.r(4), g.r(5), g.r(10)
	g.p("MOVQ", m(spScores, "AX"), "SI")
	g.bcastArg(spScale, scale)
	g.bcastArg(spCap, limit)
	g.p("VPBROADCASTD", m(spLo, "AX"), g.r(8))
	g.p("VPBROADCASTD", m(spHi, "AX"), g.r(9))
	g.constant(1, g.r(7))
	g.p("VPSUBD", g.r(7), g.r(8), g.r(8))
	g.constant(uint32(g.lanes()), g.r(7))
	g.constant(0xff800000, top)
	g.p("MOVL", m(spCap, "AX"), "R9")
	g.splitPass(func(h int) {
		uncapped := g.label("uncapped")
		g.p("VMULPS", scale, x, x)
		g.p("TESTL", "R9", "R9")
		g.p("JEQ", uncapped)
		g.p("VDIVPS", limit, x, x)
		g.tanh(x, 12)
		g.p("VMULPS", limit, x, x)
		g.at(uncapped)
		g.seen()
		if g.wide() {
			g.p("VMAXPS", x, top, "K1", top)
		} else {
			g.p("VMAXPS", x, top, g.r(11))
			g.p("VBLENDVPS", g.r(1), g.r(11), top, top)
		}
	})
	g.reduceMax(top, g.r(11))
	g.p("VMOVSS", "X10", m(spMax, "AX"))
	g.bcastArg(spMax, top)
	g.zero(g.r(4))
	g.zero(g.r(5))
	g.splitPass(func(h int) {
		g.p("VSUBPS", top, x, x)
		g.exp(x, 12)
		g.seen()
		if g.wide() {
			g.p("VMOVAPS.Z", x, "K1", x)
		} else {
			g.p("VANDPS", g.r(1), x, x)
		}
		g.p("VADDPS", x, g.r(4+h), g.r(4+h))
	})
	g.p("MOVQ", m(spLanes, "AX"), "DI")
	for h := range 64 / g.bytes {
		g.store(g.r(4+h), m(g.bytes*h, "DI"))
	}
	g.ret()
}

// splitPass emits a loop that replaces all 256 values, in register 0; h counts
// the registers of sixteen lanes.
func (g *gen) splitPass(body func(h int)) {
	g.p("MOVQ", "SI", "DI")
	g.p("MOVQ", "$16", "R13")
	g.load("laneIndex<>(SB)", g.r(6))
	loop := g.label("split")
	g.at(loop)
	for h := range 64 / g.bytes {
		g.load(m(0, "DI"), g.r(0))
		body(h)
		g.store(g.r(0), m(0, "DI"))
		g.p("ADDQ", fmt.Sprintf("$%d", g.bytes), "DI")
		g.p("VPADDD", g.r(7), g.r(6), g.r(6))
	}
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
}

// seen puts the mask of the seen positions into K1 (register 1 for AVX2).
func (g *gen) seen() {
	if g.wide() {
		g.p("VPCMPGTD", g.r(8), g.r(6), "K1")
		g.p("VPCMPGTD", g.r(6), g.r(9), "K1", "K1")
		return
	}
	g.p("VPCMPGTD", g.r(8), g.r(6), g.r(1))
	g.p("VPCMPGTD", g.r(6), g.r(9), g.r(11))
	g.p("VPAND", g.r(11), g.r(1), g.r(1))
}

// reduceMax puts the greatest lane of v into its lowest lane.
func (g *gen) reduceMax(v, tmp string) {
	n := v[1:]
	y, x, ty, tx := "Y"+n, "X"+n, "Y"+tmp[1:], "X"+tmp[1:]
	if g.wide() {
		g.p("VEXTRACTF32X8", "$1", v, ty)
		g.p("VMAXPS", ty, y, y)
	}
	g.p("VEXTRACTF128", "$1", y, tx)
	g.p("VMAXPS", tx, x, x)
	g.p("VPERMILPS", "$0x4e", x, tx)
	g.p("VMAXPS", tx, x, x)
	g.p("VPERMILPS", "$0xb1", x, tx)
	g.p("VMAXPS", tx, x, x)
}

// laneIndex emits the table 0, 1, 2 … 15.
func (g *gen) laneIndex() {
	g.out.WriteString("\n")
	for i := range 8 {
		fmt.Fprintf(&g.out, "DATA laneIndex<>+%d(SB)/8, $0x%016x\n", 8*i, uint64(2*i+1)<<32|uint64(2*i))
	}
	g.out.WriteString("GLOBL laneIndex<>(SB), RODATA|NOPTR, $64\n")
}
