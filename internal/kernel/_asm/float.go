package main

import "fmt"

// floatTypes lists the stored types of float weights.
var floatTypes = []struct {
	name  string
	bytes int // that a column of a row takes; of F4 as fourColumns has them
}{{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8", 1}, {"F4", 1}, {"IQ6", 1}}

// scaleColumns is the number of columns that a scale of F8 or IQ6 weights covers.
var scaleColumns = map[string]int{"F8": 128, "IQ6": 16}

// floatConstants returns the registers of the constants that F8 weights need: the
// bits that are left of a code moved into place, and 2^120, which makes its exponent
// that of float32.
func (g *gen) floatConstants() (mask, scale string) {
	if g.wide() {
		return g.r(24), g.r(25)
	}
	return g.r(6), g.r(7)
}

// loadFloat loads one vector of weights as float32; scale is where the scales of F8
// rows stand.
func (g *gen) loadFloat(kind, mem, scale, dst string) {
	switch kind {
	case "F32":
		g.load(mem, dst)
	case "F16":
		g.p("VCVTPH2PS", mem, dst)
	case "BF16":
		g.p("VPMOVZXWD", mem, dst)
		g.p("VPSLLD", "$16", dst, dst)
	case "F8": // sign, exponent and mantissa into their places; a subnormal stays one
		mask, exponent := g.floatConstants()
		g.p("VPMOVZXBD", mem, dst)
		g.p("VPSLLD", "$24", dst, dst)
		g.p("VPSRAD", "$4", dst, dst)
		g.and(mask, dst, dst)
		g.p("VMULPS", exponent, dst, dst) // exact
		g.p("VMULPS", scale, dst, dst)
	case "F4Low", "F4High":
		g.p("VPMOVZXBD", mem, dst)
		if kind == "F4High" {
			g.p("VPSRLD", "$4", dst, dst)
		}
		g.p("VPERMPS", g.r(24), dst, dst) // which looks at four bits
		g.p("VMULPS", scale, dst, dst)
	case "IQ6":
		g.curve(mem, scale, dst)
	case "F4": // decoded to integers
		g.p("VPMOVSXBD", mem, dst)
		g.p("VCVTDQ2PS", dst, dst)
		g.p("VMULPS", scale, dst, dst)
	}
}

// columns emits the loop over columns of `rows` row blocks around body, which does one. F8
// and IQ6 weights go by runs of columns with one scale, DI.
func (g *gen) columns(kind string, rows int, body func(kind string)) {
	if kind == "F4" {
		g.fourColumns(rows, body)
		return
	}
	loop := g.label("column")
	if scaleColumns[kind] == 0 {
		g.at(loop)
		body(kind)
		g.p("SUBQ", "$1", "R13")
		g.p("JNE", loop)
		return
	}
	run, short := g.label("run"), g.label("short")
	g.p("MOVQ", m(argD, "AX"), "DI")
	g.at(run)
	g.p("MOVQ", "R13", "BX")
	g.p("CMPQ", "BX", fmt.Sprintf("$%d", scaleColumns[kind]))
	g.p("JLE", short)
	g.p("MOVQ", fmt.Sprintf("$%d", scaleColumns[kind]), "BX")
	g.at(short)
	g.p("SUBQ", "BX", "R13")
	g.at(loop)
	body(kind)
	g.p("SUBQ", "$1", "BX")
	g.p("JNE", loop)
	g.p("ADDQ", "$64", "DI")
	g.p("TESTQ", "R13", "R13")
	g.p("JNE", run)
}

// floatSetup loads the constants of a kind; it clobbers R12.
func (g *gen) floatSetup(kind string) {
	if kind == "F4" && g.wide() {
		g.load("fourNumbers<>(SB)", g.r(24))
		g.constant(leastPower, g.r(25))
	}
	if kind == "F8" {
		mask, exponent := g.floatConstants()
		g.constant(0x87f00000, mask)
		g.constant(0x7b800000, exponent)
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
	block := g.label("block")
	g.floatSetup(kind)
	g.at(block)
	g.floatPointers()
	for i := range rows * n {
		g.zero(g.r(acc(0, i)))
	}
	g.columns(kind, rows, func(part string) {
		for r := range rows {
			w, scale := g.r(r), rowBlockAt("DI", r)
			if kind == "F4" {
				scale = g.fourScale(r, rows)
			}
			g.loadFloat(part, rowBlockAt("SI", r), scale, w)
			for t := range n {
				g.p("VFMADD231PS.BCST", m(4*t, "DX"), w, g.r(acc(r, t)))
			}
		}
		g.p("ADDQ", fmt.Sprintf("$%d", 16*size), "SI")
		g.p("ADDQ", fmt.Sprintf("$%d", 4*n), "DX")
	})
	for r := range rows {
		g.tokensAdd(n, acc(r, 0))
		g.tokensStore(n, acc(r, 0))
		g.advance()
	}
	g.floatNext(rows, block)
	g.ret()
}

// floatExpand emits what writes a row block as float32, [K][16] at argY.
func (g *gen) floatExpand(kind string, size int) {
	g.routine("floatExpand"+kind, "productArgs", "writes a row block of "+kind+" as float32.")
	g.floatSetup(kind)
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argY, "AX"), "DX")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	g.columns(kind, 1, func(string) {
		for h := range 2 {
			g.loadFloat(kind, m(8*size*h, "SI"), m(32*h, "DI"), g.r(h))
			g.store(g.r(h), m(32*h, "DX"))
		}
		g.p("ADDQ", fmt.Sprintf("$%d", 16*size), "SI")
		g.p("ADDQ", "$64", "DX")
	})
	g.ret()
}

// tokensAdd adds the outputs that are there to the accumulators of n tokens, where that is
// wanted; those that do not exist stay out of it.
func (g *gen) tokensAdd(n, acc int) {
	all, done := g.label("all"), g.label("added")
	g.p("CMPQ", m(argAdd, "AX"), "$0")
	g.p("JEQ", done)
	g.p("MOVQ", m(argY, "AX"), "R12")
	g.p("MOVQ", m(argYStride, "AX"), "R13")
	g.p("MOVQ", m(argTokens, "AX"), "R9")
	g.p("MOVQ", m(argRows, "AX"), "CX")
	g.p("MOVL", "$0xffff", "R11")
	g.p("CMPQ", "CX", "$16")
	g.p("JGE", all)
	g.p("MOVL", "$1", "R11")
	g.p("SHLL", "CX", "R11")
	g.p("SUBL", "$1", "R11")
	g.at(all)
	g.p("KMOVW", "R11", "K1")
	for i := range n {
		g.tokenExists(i, done)
		g.p("VADDPS", m(0, "R12"), g.r(acc+i), "K1", g.r(acc+i))
		g.p("ADDQ", "R13", "R12")
	}
	g.at(done)
}

// tokenRuns are how many tokens of a tile of that width AVX2 does at a time. Six fill the
// registers, and what is read of weights serves more of them; five are still as many chains
// as the fused multiply-add has latency. F8 and IQ6 need some registers themselves.
func tokenRuns(kind string, width int) []int {
	if scaleColumns[kind] > 0 {
		return map[int][]int{1: {1}, 4: {4}, 8: {4, 4}, 12: {4, 4, 4}, 16: {4, 4, 4, 4}}[width]
	}
	return map[int][]int{1: {1}, 4: {4}, 8: {4, 4}, 12: {6, 6}, 16: {6, 5, 5}}[width]
}

// floatGemmAVX2 is floatGemm with two registers a row block, which are why the tokens of a
// tile take turns. Weights stand in registers 0 and 1, tokens in 2 and 3 or from 2 on.
//
// R10 is the first token, R15 the half while storing.
func (g *gen) floatGemmAVX2(kind string, size, width, rows int) {
	g.routine(fmt.Sprintf("float%sx%dx%d", kind, width, rows), "productArgs",
		fmt.Sprintf("multiplies %d row blocks of %s with %d tokens.", rows, kind, width))
	block, last := g.label("block"), g.label("last")
	g.floatSetup(kind)
	g.at(block)
	g.p("XORQ", "R10", "R10")
	for i, n := range tokenRuns(kind, width) {
		if i > 0 { // a tile may have fewer tokens than places
			g.p("CMPQ", "R10", m(argTokens, "AX"))
			g.p("JGE", last)
		}
		first := 16 - 2*rows*n
		acc := func(row, half, token int) int { return first + (2*row+half)*n + token }
		g.floatPointersAVX2()
		for i := first; i < 16; i++ {
			g.zero(g.r(i))
		}
		g.columnsAVX2(kind, rows, 16*size, 4*width, func(w, x int) {
			for r := range rows {
				for h := range 2 {
					weights, scales := fmt.Sprint(w+h*8*size, rowBlockAt("SI", r)), fmt.Sprint(h*32, rowBlockAt("DI", r))
					if kind == "F4" {
						weights, scales = fourAt(r, h, rows)
					}
					g.loadFloat(kind, weights, scales, g.r(h))
				}
				for t := range n {
					token := g.r(2 + t%2)
					if r == 0 || n > 1 {
						g.p("VBROADCASTSS", m(x+4*t, "DX"), token)
					}
					for h := range 2 {
						g.p("VFMADD231PS", token, g.r(h), g.r(acc(r, h, t)))
					}
				}
			}
		})
		stored := g.label("stored")
		if rows == 1 {
			g.storeWhole(n, first, stored)
		}
		for r := range rows {
			for h := range 2 {
				g.p("MOVQ", fmt.Sprintf("$%d", h), "R15")
				g.storeTokensHalf(n, acc(r, h, 0))
			}
			if rows > 1 { // one token then: outputs of the row blocks lie side by side
				g.advance()
			}
		}
		g.at(stored)
		g.p("ADDQ", fmt.Sprintf("$%d", n), "R10")
	}
	g.at(last)
	if rows == 1 {
		g.advance()
	}
	g.floatNext(rows, block)
	g.ret()
}

// unrolled is how many columns a turn of AVX2's loop does: three of its instructions do not
// multiply.
const unrolled = 4

// columnsAVX2 emits the loop over columns of `rows` row blocks, w bytes of weights and x of
// activations each, around body, which does one that stands so far behind SI and DX. Weights
// that have scales go one by one.
func (g *gen) columnsAVX2(kind string, rows, w, x int, body func(w, x int)) {
	at := "SI" // of a column
	if kind == "F4" {
		at = "CX"
	}
	step := func(n int) {
		g.p("ADDQ", fmt.Sprintf("$%d", n*w), at)
		g.p("ADDQ", fmt.Sprintf("$%d", n*x), "DX")
	}
	if kind == "F4" || scaleColumns[kind] > 0 {
		g.columns(kind, rows, func(string) {
			body(0, 0)
			step(1)
		})
		return
	}
	loop, rest, one, done := g.label("columns"), g.label("rest"), g.label("column"), g.label("summed")
	const before = 128 // so that all distances are bytes
	g.p("ADDQ", fmt.Sprintf("$%d", before), "SI")
	g.p("ADDQ", fmt.Sprintf("$%d", before), "DX")
	g.p("MOVQ", "R13", "BX")
	g.p("SHRQ", "$2", "BX")
	g.p("JEQ", rest)
	g.at(loop)
	for i := range unrolled {
		body(i*w-before, i*x-before)
	}
	step(unrolled)
	g.p("SUBQ", "$1", "BX")
	g.p("JNE", loop)
	g.at(rest)
	g.p("ANDQ", fmt.Sprintf("$%d", unrolled-1), "R13")
	g.p("JEQ", done)
	g.at(one)
	body(-before, -before)
	step(1)
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", one)
	g.at(done)
}

// storeWhole stores the accumulators of n tokens from register acc on, as storeTokensHalf
// does of both halves, where all rows and tokens exist, and goes on at stored. R10 is the
// first token; it clobbers BX, R11, R12, R13 and registers 0 and 1.
func (g *gen) storeWhole(n, acc int, stored string) {
	part, bias, plain := g.label("part"), g.label("bias"), g.label("plain")
	g.p("MOVQ", m(argTokens, "AX"), "R13")
	g.p("SUBQ", "R10", "R13")
	g.p("CMPQ", "R13", fmt.Sprintf("$%d", n))
	g.p("JLT", part)
	g.p("CMPQ", m(argRows, "AX"), "$16")
	g.p("JLT", part)
	g.p("MOVQ", m(argYStride, "AX"), "R11")
	g.p("MOVQ", "R11", "R12")
	g.p("IMULQ", "R10", "R12")
	g.p("ADDQ", m(argY, "AX"), "R12")
	g.p("MOVQ", m(argBias, "AX"), "BX")
	g.p("TESTQ", "BX", "BX")
	g.p("JEQ", bias)
	for h := range 2 {
		g.load(m(32*h, "BX"), g.r(h))
	}
	for h := range 2 {
		for i := range n {
			g.p("VADDPS", g.r(h), g.r(acc+h*n+i), g.r(acc+h*n+i))
		}
	}
	g.at(bias)
	store := func(add bool) {
		for i := range n {
			for h := range 2 {
				token := g.r(acc + h*n + i)
				if add {
					g.p("VADDPS", m(32*h, "R12"), token, token)
				}
				g.store(token, m(32*h, "R12"))
			}
			if i < n-1 {
				g.p("ADDQ", "R11", "R12")
			}
		}
		g.p("JMP", stored)
	}
	g.p("CMPQ", m(argAdd, "AX"), "$0")
	g.p("JEQ", plain)
	store(true)
	g.at(plain)
	store(false)
	g.at(part)
}

// floatPointersAVX2 loads weights, activations from token R10 on, and the multiples of the
// distance of row blocks.
func (g *gen) floatPointersAVX2() {
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("LEAQ", "(DX)(R10*4)", "DX")
	g.p("MOVQ", m(argStride, "AX"), "R8")
	g.p("LEAQ", "(R8)(R8*2)", "R9")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
}

// rowBlockAt returns the operand of row block r behind a pointer; see floatPointers.
func rowBlockAt(base string, r int) string {
	return "(" + base + ")" + []string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)", "(R10*1)", "(R9*2)", "(R11*1)"}[r]
}

// floatPointers loads weights, activations, and the multiples of the distance of row
// blocks.
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
	g.p("ADDQ", "R12", m(argD, "AX"))
	g.p("SUBQ", fmt.Sprintf("$%d", rows), m(argBlocks, "AX"))
	g.p("JGT", block)
}

// storeTokensHalf adds the bias to the accumulators of n tokens from register acc on, eight
// rows each, and what there is where that is wanted, and stores those that exist. R10 is the
// first token, R15 the half of the row block; it clobbers BX, CX, DX, R9, R11, R12, R13 and
// registers 0 and 1.
func (g *gen) storeTokensHalf(n, acc int) {
	done := g.label("done")
	g.p("MOVQ", m(argBias, "AX"), "R12")
	g.p("MOVQ", "R15", "CX")
	g.p("SHLQ", "$5", "CX")
	bias := g.label("bias")
	g.p("TESTQ", "R12", "R12")
	g.p("JEQ", bias)
	g.load("(R12)(CX*1)", g.r(0))
	for i := range n {
		g.p("VADDPS", g.r(0), g.r(acc+i), g.r(acc+i))
	}
	g.at(bias)
	// R12 = y + token * stride + half, R13 = tokens left, DX = rows left
	g.p("MOVQ", m(argYStride, "AX"), "R11")
	g.p("MOVQ", "R11", "R12")
	g.p("IMULQ", "R10", "R12")
	g.p("ADDQ", m(argY, "AX"), "R12")
	g.p("ADDQ", "CX", "R12")
	g.p("MOVQ", m(argTokens, "AX"), "R13")
	g.p("SUBQ", "R10", "R13")
	g.p("JLE", done)
	g.p("MOVQ", m(argRows, "AX"), "DX")
	g.p("LEAQ", "(R15*8)", "CX")
	g.p("SUBQ", "CX", "DX")
	g.p("JLE", done)
	g.p("MOVQ", m(argAdd, "AX"), "R9")
	part := g.label("part")
	g.p("CMPQ", "DX", "$8")
	g.p("JLT", part)
	g.storeTokens(n, acc, done, func(token string) {
		g.p("VADDPS", m(0, "R12"), token, token)
	}, func(token string) { g.store(token, m(0, "R12")) })
	g.p("JMP", done)
	g.at(part)
	g.p("LEAQ", "laneMasks<>+32(SB)", "BX")
	g.p("SHLQ", "$2", "DX")
	g.p("SUBQ", "DX", "BX")
	g.load(m(0, "BX"), g.r(0))
	g.storeTokens(n, acc, done, func(token string) {
		g.p("VMASKMOVPS", m(0, "R12"), g.r(0), g.r(1))
		g.p("VADDPS", g.r(1), token, token)
	}, func(token string) { g.p("VMASKMOVPS", token, g.r(0), m(0, "R12")) })
	g.at(done)
}

// storeTokens stores n tokens one by one, R11 apart, up to those that exist; where R9 is not
// 0, add comes first.
func (g *gen) storeTokens(n, acc int, done string, add, store func(token string)) {
	for i := range n {
		if i > 0 {
			g.p("CMPQ", "R13", fmt.Sprintf("$%d", i))
			g.p("JLE", done)
		}
		plain := g.label("plain")
		g.p("TESTQ", "R9", "R9")
		g.p("JEQ", plain)
		add(g.r(acc + i))
		g.at(plain)
		store(g.r(acc + i))
		if i < n-1 {
			g.p("ADDQ", "R11", "R12")
		}
	}
}
