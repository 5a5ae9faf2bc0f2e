package main

import "fmt"

// floatTypes lists the stored types of float weights.
var floatTypes = []struct {
	name  string
	bytes int
}{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// loadFloat loads one vector of weights as float32.
func (g *gen) loadFloat(kind, mem, dst string) {
	switch kind {
	case "F32":
		g.load(mem, dst)
	case "F16":
		g.p("VCVTPH2PS", mem, dst)
	case "BF16":
		g.p("VPMOVZXWD", mem, dst)
		g.p("VPSLLD", "$16", dst, dst)
	}
}

// floatGemm emits the product of float weights [K][16] with n tokens, [K][n],
// for `rows` row blocks at once, so that there are as many chains as the fused
// multiply-add has latency. argBlocks is a multiple of rows; argGroups is K.
//
// AX args, SI weights, DX activations, R8 row block stride and R9, R10, R11 its
// multiples 3, 5, 7, R13 columns left.
func (g *gen) floatGemm(kind string, size, n, rows int) {
	g.routine(fmt.Sprintf("float%sx%dx%d", kind, n, rows), "productArgs",
		fmt.Sprintf("multiplies %d row blocks of %s with %d tokens.", rows, kind, n))
	acc := func(row, token int) int { return 8 + row*n + token }
	block, loop := g.label("block"), g.label("column")
	g.at(block)
	g.floatPointers()
	for i := range rows * n {
		g.zero(g.r(acc(0, i)))
	}
	at := []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)", "(SI)(R8*4)", "(SI)(R10*1)", "(SI)(R9*2)", "(SI)(R11*1)"}
	g.at(loop)
	for r := range rows {
		w := g.r(r)
		g.loadFloat(kind, at[r], w)
		for t := range n {
			g.p("VFMADD231PS.BCST", m(4*t, "DX"), w, g.r(acc(r, t)))
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", 16*size), "SI")
	g.p("ADDQ", fmt.Sprintf("$%d", 4*n), "DX")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	for r := range rows {
		g.tokensStore(n, acc(r, 0))
		g.advance()
	}
	g.floatNext(rows, block)
	g.ret()
}

// floatGemmAVX2 is floatGemm with two registers a row block: n tokens at a time,
// 4 or 1, out of argNStride tokens.
//
// R10 is the first token, R15 the half while storing.
func (g *gen) floatGemmAVX2(kind string, size, n, rows int) {
	g.routine(fmt.Sprintf("float%sx%dx%d", kind, n, rows), "productArgs",
		fmt.Sprintf("multiplies %d row blocks of %s with %d tokens at a time.", rows, kind, n))
	acc := func(row, half, token int) int { return 8 + (2*row+half)*n + token }
	block, tokens, loop := g.label("block"), g.label("tokens"), g.label("column")
	at := []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)"}
	g.at(block)
	g.p("XORQ", "R10", "R10")
	g.at(tokens)
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("LEAQ", "(DX)(R10*4)", "DX")
	g.p("MOVQ", m(argStride, "AX"), "R8")
	g.p("LEAQ", "(R8)(R8*2)", "R9")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	g.p("MOVQ", m(argNStride, "AX"), "R11")
	for i := range 2 * rows * n {
		g.zero(g.r(8 + i))
	}
	g.at(loop)
	for t := range n {
		g.p("VBROADCASTSS", m(4*t, "DX"), g.r(t))
	}
	for r := range rows {
		for h := range 2 {
			w := g.r(4 + h)
			g.loadFloat(kind, fmt.Sprintf("%d%s", h*8*size, at[r]), w)
			for t := range n {
				g.p("VFMADD231PS", g.r(t), w, g.r(acc(r, h, t)))
			}
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", 16*size), "SI")
	g.p("LEAQ", "(DX)(R11*4)", "DX")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	if rows > 1 { // one token then: outputs of the row blocks lie side by side
		for r := range rows {
			for h := range 2 {
				g.p("MOVQ", fmt.Sprintf("$%d", h), "R15")
				g.storeTokensHalf(n, acc(r, h, 0))
			}
			g.advance()
		}
		g.floatNext(rows, block)
		g.ret()
		return
	}
	for h := range 2 {
		g.p("MOVQ", fmt.Sprintf("$%d", h), "R15")
		g.storeTokensHalf(n, acc(0, h, 0))
	}
	g.p("ADDQ", fmt.Sprintf("$%d", n), "R10")
	g.p("CMPQ", "R10", m(argNStride, "AX"))
	g.p("JLT", tokens)
	g.advance()
	g.floatNext(rows, block)
	g.ret()
}

func (g *gen) floatPointers() {
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("MOVQ", m(argStride, "AX"), "R8")
	g.p("LEAQ", "(R8)(R8*2)", "R9")
	g.p("LEAQ", "(R8)(R8*4)", "R10")
	g.p("LEAQ", "(R9)(R8*4)", "R11")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
}

// floatNext goes on behind the row blocks just done while there are more.
func (g *gen) floatNext(rows int, block string) {
	g.p("MOVQ", m(argStride, "AX"), "R12")
	g.p("IMULQ", fmt.Sprintf("$%d", rows), "R12")
	g.p("ADDQ", "R12", m(argW, "AX"))
	g.p("SUBQ", fmt.Sprintf("$%d", rows), m(argBlocks, "AX"))
	g.p("JGT", block)
}
