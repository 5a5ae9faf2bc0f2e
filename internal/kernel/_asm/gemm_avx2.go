package main

import "fmt"

// Registers of gemmAVX2.
const (
	a2W    = 0
	a2Q    = 1
	a2Pair = 2
	a2Ones = 3
	a2Dot  = 4 // four tokens; the minima's sums afterwards
	a2Acc  = 8
	a2S    = 12
	a2Abs  = 13
	a2Bias = 14 // 0x80 in every byte
)

// gemmAVX2 emits the product of tiles with n tokens at a time, 4 or 1, out of
// argNStride tokens, which is a multiple of n.
//
// AX args, SI integers, R8 scales, R9 minima, DX q, BX scale, DI xsum, R10 first
// token, R11 bytes of a float32 for each token, R13 groups left, R15 half.
func (g *gen) gemmAVX2(t tile, n int) {
	g.routine(fmt.Sprintf("gemm%sx%d", t.name, n), "productArgs",
		fmt.Sprintf("multiplies tiles with scales %q in blocks of %d with %d tokens at a time.", t.scale, t.block, n))
	g.constant(0x00010001, g.r(a2Ones))
	g.constant(0x80808080, g.r(a2Bias))
	g.p("MOVQ", m(argNStride, "AX"), "R11")
	g.p("SHLQ", "$2", "R11")
	block, half, tokens, loop := g.label("block"), g.label("half"), g.label("tokens"), g.label("group")
	g.at(block)
	g.p("XORQ", "R15", "R15")
	g.at(half)
	g.p("XORQ", "R10", "R10")
	g.at(tokens)
	g.gemmAVX2Pointers(t)
	for i := range n {
		g.zero(g.r(a2Acc + i))
	}
	g.at(loop)
	g.gemmAVX2Group(t, n)
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	if t.minimum {
		g.gemmAVX2Minima(t, n)
	}
	g.storeTokensHalf(n, a2Acc)
	g.p("ADDQ", fmt.Sprintf("$%d", n), "R10")
	g.p("CMPQ", "R10", m(argNStride, "AX"))
	g.p("JLT", tokens)
	g.p("ADDQ", "$1", "R15")
	g.p("CMPQ", "R15", "$2")
	g.p("JLT", half)
	g.nextPointers(argW, argD, argM)
	g.nextBlock(block)
	g.ret()
}

func (g *gen) gemmAVX2Pointers(t tile) {
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argD, "AX"), "R8")
	g.p("MOVQ", m(argM, "AX"), "R9")
	g.p("MOVQ", "R15", "R12")
	g.p("SHLQ", "$4", "R12")
	if t.scale == "F16" {
		g.p("ADDQ", "R12", "R8")
	}
	g.p("ADDQ", "R12", "R12")
	g.p("ADDQ", "R12", "SI")
	if t.scale != "F16" {
		g.p("ADDQ", "R12", "R8")
		g.p("ADDQ", "R12", "R9")
	}
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("MOVQ", m(argScale, "AX"), "BX")
	g.p("MOVQ", m(argXSum, "AX"), "DI")
	g.p("LEAQ", "(BX)(R10*4)", "BX")
	g.p("LEAQ", "(DI)(R10*4)", "DI")
	g.p("MOVQ", "R10", "R12")
	g.p("SHLQ", "$5", "R12")
	g.p("ADDQ", "R12", "DX")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
}

func (g *gen) gemmAVX2Group(t tile, n int) {
	halves := 32 / t.block
	for h := range halves {
		for i := range n {
			g.zero(g.r(a2Dot + i))
		}
		for s := 8 / halves * h; s < 8/halves*(h+1); s++ {
			g.gemmAVX2Step(t, n, s)
		}
		switch t.scale {
		case "F32":
			g.load(m(64*h, "R8"), g.r(a2S))
		case "F16":
			g.p("VCVTPH2PS", m(0, "R8"), g.r(a2S))
		}
		for i := range n {
			dot, scale := g.r(a2Dot+i), g.r(a2Q)
			g.p("VCVTDQ2PS", dot, dot)
			g.p("VBROADCASTSS", m(4*i, "BX"), scale)
			if t.scale != "" {
				g.p("VMULPS", g.r(a2S), scale, scale)
			}
			g.p("VFMADD231PS", scale, dot, g.r(a2Acc+i))
		}
	}
	g.p("ADDQ", "$512", "SI")
	g.p("LEAQ", "(DX)(R11*8)", "DX")
	g.p("ADDQ", "R11", "BX")
	switch t.scale {
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "R8")
	case "F16":
		g.p("ADDQ", "$32", "R8")
	}
}

// gemmAVX2Step adds four columns for n tokens. Integers of forms with a minimum
// are small and unsigned; others are signed, stored 128 above.
func (g *gen) gemmAVX2Step(t tile, n, s int) {
	w, q, pair := g.r(a2W), g.r(a2Q), g.r(a2Pair)
	g.load(m(64*s, "SI"), w)
	unsigned := w
	if !t.minimum {
		unsigned = g.r(a2Abs)
		g.xor(g.r(a2Bias), w, w)
		g.p("VPABSB", w, unsigned)
	}
	for i := range n {
		g.p("VPBROADCASTD", m(32*i+4*s, "DX"), q)
		if !t.minimum {
			g.p("VPSIGNB", w, q, q)
		}
		g.p("VPMADDUBSW", q, unsigned, pair)
		g.p("VPMADDWD", g.r(a2Ones), pair, pair)
		g.p("VPADDD", pair, g.r(a2Dot+i), g.r(a2Dot+i))
	}
}

func (g *gen) gemmAVX2Minima(t tile, n int) {
	halves := 32 / t.block
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	for i := range n {
		g.zero(g.r(a2Dot + i))
	}
	loop := g.label("minima")
	g.at(loop)
	for h := range halves {
		g.load(m(64*h, "R9"), g.r(a2W))
		for i := range n {
			g.p("VBROADCASTSS", m(4*i, "DI"), g.r(a2Q))
			g.p("VFMADD231PS", g.r(a2Q), g.r(a2W), g.r(a2Dot+i))
		}
		g.p("ADDQ", "R11", "DI")
	}
	g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "R9")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	for i := range n {
		g.p("VSUBPS", g.r(a2Dot+i), g.r(a2Acc+i), g.r(a2Acc+i))
	}
}

// storeTokensHalf adds the bias to the accumulators of n tokens from register
// acc on, eight rows each, and stores those that exist. R10 is the first token,
// R15 the half of the row block; it clobbers BX, CX, DX, R12, R13.
func (g *gen) storeTokensHalf(n, acc int) {
	done := g.label("done")
	g.p("MOVQ", m(argBias, "AX"), "R12")
	g.p("MOVQ", "R15", "CX")
	g.p("SHLQ", "$5", "CX")
	bias := g.label("bias")
	g.p("TESTQ", "R12", "R12")
	g.p("JEQ", bias)
	g.load("(R12)(CX*1)", g.r(a2W))
	for i := range n {
		g.p("VADDPS", g.r(a2W), g.r(acc+i), g.r(acc+i))
	}
	g.at(bias)
	// R12 = y + token * stride + half, R13 = tokens left
	g.p("MOVQ", m(argYStride, "AX"), "R12")
	g.p("IMULQ", "R10", "R12")
	g.p("ADDQ", m(argY, "AX"), "R12")
	g.p("ADDQ", "CX", "R12")
	g.p("MOVQ", m(argTokens, "AX"), "R13")
	g.p("SUBQ", "R10", "R13")
	for i := range n {
		g.p("CMPQ", "R13", fmt.Sprintf("$%d", i))
		g.p("JLE", done)
		g.p("MOVQ", m(argRows, "AX"), "DX")
		g.p("LEAQ", "(R15*8)", "CX")
		g.p("SUBQ", "CX", "DX")
		g.storeLanes(g.r(acc+i), "R12", "DX", a2W)
		g.p("ADDQ", m(argYStride, "AX"), "R12")
	}
	g.at(done)
}
