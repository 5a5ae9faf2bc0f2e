package main

import "fmt"

// tile is a form of the tiles that many tokens are multiplied with: integers of
// one byte, eight vectors a group, and scales of float32 (or of float16: blocks
// of Q8_0 and cached keys are tiles as they are; or none: cached values).
type tile struct {
	name    string
	block   int    // columns of a scale
	scale   string // "F32", "F16" or ""
	minimum bool
}

var tiles = []tile{
	{"F32", 32, "F32", false},
	{"F32M", 32, "F32", true},
	{"F3216", 16, "F32", false},
	{"F32M16", 16, "F32", true},
	{"F16", 32, "F16", false},
	{"One", 32, "", false},
}

// Registers of gemm: the integers of a group in 0 to 7.
const (
	mS   = 8
	mDot = 9  // four tokens: 9 to 12
	mTmp = 13 // two
	mAcc = 16
)

// gemm emits the product of tiles with n tokens, n a multiple of 4 up to 16, or 1.
//
// AX args, SI integers, R8 scales, R9 minima, DX q, BX scale, CX nsum, DI xsum,
// R10 memory that is asked for, R13 groups left.
func (g *gen) gemm(t tile, n int) {
	g.routine(fmt.Sprintf("gemm%sx%d", t.name, n), "productArgs",
		fmt.Sprintf("multiplies tiles with scales %q in blocks of %d with %d tokens.", t.scale, t.block, n))
	g.p("MOVQ", m(argAhead, "AX"), "R10")
	block := g.label("block")
	g.at(block)
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argD, "AX"), "R8")
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("MOVQ", m(argScale, "AX"), "BX")
	if t.minimum {
		g.gemmMinima(t, n)
	} else {
		g.p("MOVQ", m(argNSum, "AX"), "CX")
	}
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	for i := range n {
		g.zero(g.r(mAcc + i))
	}
	loop := g.label("group")
	g.at(loop)
	g.gemmGroup(t, n)
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.gemmStore(t, n)
	g.nextPointers(argW, argD, argM)
	g.nextBlock(block)
	g.ret()
}

// gemmGroup emits one group for all tokens, four at a time.
func (g *gen) gemmGroup(t tile, n int) {
	g.comment("The integers of a group, eight steps of four columns.")
	for s := range 8 {
		g.load(m(64*s, "SI"), g.r(s))
	}
	g.gemmAhead()
	halves := 32 / t.block
	for h := range halves {
		switch t.scale {
		case "F32":
			g.load(m(64*h, "R8"), g.r(mS))
		case "F16":
			g.p("VCVTPH2PS", m(32*h, "R8"), g.r(mS))
		}
		for t0 := 0; t0 < n; t0 += 4 {
			g.gemmTokens(t, n, h, t0, min(4, n-t0))
		}
	}
	g.p("ADDQ", "$512", "SI")
	g.p("ADDQ", fmt.Sprintf("$%d", 32*n), "DX")
	g.p("ADDQ", fmt.Sprintf("$%d", 4*n), "BX")
	if !t.minimum {
		g.p("ADDQ", fmt.Sprintf("$%d", 4*n*halves), "CX")
	}
	switch t.scale {
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "R8")
	case "F16":
		g.p("ADDQ", "$32", "R8")
	}
}

// aheadLines is how many cache lines are asked for in a group: those of the largest
// layout, with its scales.
const aheadLines = 9

// gemmAhead asks for what is decoded next, so that memory is read while tiles are
// multiplied.
func (g *gen) gemmAhead() {
	none := g.label("ahead")
	g.p("TESTQ", "R10", "R10")
	g.p("JEQ", none)
	for line := range aheadLines {
		g.p("PREFETCHT1", m(64*line, "R10"))
	}
	g.p("ADDQ", m(argAheadBy, "AX"), "R10")
	g.at(none)
}

// gemmTokens emits one block of columns for count tokens from t0 on.
func (g *gen) gemmTokens(t tile, n, h, t0, count int) {
	g.comment("Vectors %d to %d of the tile.", t0, t0+count-1)
	for i := range count {
		dot := g.r(mDot + i)
		if t.minimum {
			g.zero(dot)
		} else {
			g.p("VPBROADCASTD", m(4*(h*n+t0+i), "CX"), dot)
		}
	}
	first, last := 0, 8
	if t.block == 16 {
		first, last = 4*h, 4*h+4
	}
	for s := first; s < last; s++ {
		for i := range count {
			g.p("VPDPBUSD.BCST", m(32*(t0+i)+4*s, "DX"), g.r(s), g.r(mDot+i))
		}
	}
	for i := range count {
		g.p("VCVTDQ2PS", g.r(mDot+i), g.r(mDot+i))
	}
	for i := range count {
		acc, dot, tmp := g.r(mAcc+t0+i), g.r(mDot+i), g.r(mTmp+i%3)
		scale := m(4*(t0+i), "BX")
		if t.scale == "" {
			g.p("VFMADD231PS.BCST", scale, dot, acc)
			continue
		}
		g.p("VMULPS.BCST", scale, g.r(mS), tmp)
		g.p("VFMADD231PS", tmp, dot, acc)
	}
}

// gemmMinima emits the pass over the minima, a chain of its own, and leaves its
// sums in argTmp.
func (g *gen) gemmMinima(t tile, n int) {
	g.p("MOVQ", m(argM, "AX"), "R9")
	g.p("MOVQ", m(argXSum, "AX"), "DI")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	for i := range n {
		g.zero(g.r(mAcc + i))
	}
	loop, halves := g.label("minima"), 32/t.block
	g.at(loop)
	for h := range halves {
		g.load(m(64*h, "R9"), g.r(0))
		for i := range n {
			g.p("VFMADD231PS.BCST", m(4*(h*n+i), "DI"), g.r(0), g.r(mAcc+i))
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "R9")
	g.p("ADDQ", fmt.Sprintf("$%d", 4*n*halves), "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.p("MOVQ", m(argTmp, "AX"), "R9")
	for i := range n {
		g.store(g.r(mAcc+i), m(64*i, "R9"))
	}
}

// gemmStore emits y = acc - accm + bias for the tokens that exist.
func (g *gen) gemmStore(t tile, n int) {
	if t.minimum {
		g.p("MOVQ", m(argTmp, "AX"), "R9")
		for i := range n {
			g.p("VSUBPS", m(64*i, "R9"), g.r(mAcc+i), g.r(mAcc+i))
		}
	}
	g.tokensStore(n, mAcc)
}

// tokensStore adds the bias to the accumulators of n tokens from register acc on
// and stores those of the tokens and rows that exist.
func (g *gen) tokensStore(n, acc int) {
	bias, full, done := g.label("bias"), g.label("full"), g.label("done")
	g.p("MOVQ", m(argBias, "AX"), "R13")
	g.p("TESTQ", "R13", "R13")
	g.p("JEQ", bias)
	g.load(m(0, "R13"), g.r(0))
	for i := range n {
		g.p("VADDPS", g.r(0), g.r(acc+i), g.r(acc+i))
	}
	g.at(bias)
	g.p("MOVQ", m(argY, "AX"), "R12")
	g.p("MOVQ", m(argYStride, "AX"), "R13")
	g.p("MOVQ", m(argTokens, "AX"), "R9")
	g.p("MOVQ", m(argRows, "AX"), "CX")
	g.p("CMPQ", "CX", "$16")
	g.p("JGE", full)
	g.p("MOVL", "$1", "R11")
	g.p("SHLL", "CX", "R11")
	g.p("SUBL", "$1", "R11")
	g.p("KMOVW", "R11", "K1")
	for i := range n {
		g.tokenExists(i, done)
		g.p("VMOVUPS", g.r(acc+i), "K1", m(0, "R12"))
		g.p("ADDQ", "R13", "R12")
	}
	g.p("JMP", done)
	g.at(full)
	for i := range n {
		g.tokenExists(i, done)
		g.store(g.r(acc+i), m(0, "R12"))
		g.p("ADDQ", "R13", "R12")
	}
	g.at(done)
}

// tokenExists leaves the stores behind the last token that exists.
func (g *gen) tokenExists(i int, done string) {
	if i == 0 {
		return
	}
	g.p("CMPQ", "R9", fmt.Sprintf("$%d", i))
	g.p("JLE", done)
}
