package main

import "fmt"

// form is one of kernel's ways to store scales (../layout.go).
type form struct {
	name    string
	block   int    // columns of a scale: 32 or 16
	scale   string // "F16", "F32", "K" or "Odd"
	minimum bool
}

// fused lists the pairs of layout and scales that have a routine of their own
// for one token. Everything else goes through a tile.
var fused = []struct {
	layout string
	form   form
}{
	{"Bits2", form{"KM16", 16, "K", true}},
	{"Bits2", form{"F16", 32, "F16", false}},
	{"Bits3", form{"K16", 16, "K", false}},
	{"Bits4", form{"F16", 32, "F16", false}},
	{"Bits4", form{"F16M", 32, "F16", true}},
	{"Bits4", form{"KM", 32, "K", true}},
	{"Bits4T", form{"F16", 32, "F16", false}},
	{"Bits4T", form{"K", 32, "K", false}},
	{"Bits4T", form{"Odd", 32, "Odd", false}},
	{"Bits4T", form{"F32", 32, "F32", false}},
	{"Bits4T", form{"F3216", 16, "F32", false}},
	{"Bits5", form{"F16", 32, "F16", false}},
	{"Bits5", form{"F16M", 32, "F16", true}},
	{"Bits5", form{"KM", 32, "K", true}},
	{"Bits6", form{"K16", 16, "K", false}},
	{"Bits8", form{"F16", 32, "F16", false}},
	{"Octets8", form{"Odd", 32, "Odd", false}},
	{"Octets9", form{"Odd16", 16, "Odd", false}},
	{"Ternary", form{"Odd", 32, "Odd", false}},
	{"Ternary", form{"Odd16", 16, "Odd", false}},
	{"Sevens", form{"Odd16", 16, "Odd", false}},
	{"Quads", form{"Odd", 32, "Odd", false}},
}

// Fields of productArgs (../product_amd64.go).
const (
	argW       = "productArgs_w"       // integers of the first row block
	argD       = "productArgs_d"       // scales, or the factors d of K forms
	argM       = "productArgs_m"       // minima, or the factors dmin
	argSC      = "productArgs_sc"      // bytes that multiply d
	argMN      = "productArgs_mn"      // bytes that multiply dmin
	argStride  = "productArgs_stride"  // bytes from one row block to the next, of all of these
	argGroups  = "productArgs_groups"  // groups of 32 columns
	argBlocks  = "productArgs_blocks"  // row blocks
	argRows    = "productArgs_rows"    // rows of them that exist
	argQ       = "productArgs_q"       // activations
	argScale   = "productArgs_scale"   // their scales
	argNSum    = "productArgs_nsum"    // -128 times their sums, by 32 or by 16
	argXSum    = "productArgs_xsum"    // their sums times scales, by 32 or by 16
	argY       = "productArgs_y"       // outputs
	argYStride = "productArgs_yStride" // bytes from one token's outputs to the next
	argTokens  = "productArgs_tokens"  // tokens that exist
	argBias    = "productArgs_bias"    // or nil
	argTable   = "productArgs_table"   // 16 bytes: what stored integers mean
	argTmp     = "productArgs_tmp"     // room for one float32 block a token
	argAhead   = "productArgs_ahead"   // memory to ask for meanwhile, or 0
	argAheadBy = "productArgs_aheadBy" // bytes of it a group
	argUnit    = "productArgs_unit"    // multiplies d of odd scales
	argNStride = "productArgs_nStride" // tokens of the activation tile
	argAdd     = "productArgs_add"     // not 0: float products are added to what there is
	argFetch   = "productArgs_fetch"   // how far ahead integers are asked for, in bytes
)

// Registers of gemv. The layout uses 0 to 7.
const (
	vAcc  = 8
	vAccM = 9
	vDot  = 10 // and 11 for the second half of blocks of 16
	vS    = 12
	vD    = 13
	vDM   = 14
	vTmp  = 15

	vCodes = vDM   // of odd scales, which have no minimum
	vTwoD  = vAccM // twice their d
)

// prefetchAhead is how far before its use a line of integers is asked for, in bytes:
// the hardware stops following at every page. Behind the last row block that asks for
// what nobody needs, and harms nothing.
const prefetchAhead = 4096

// gemv emits the product of packed rows with one vector.
//
// AX args, SI integers, R8 d, R9 m, R10 sc, R11 mn, DX q, BX scale, CX nsum,
// DI xsum, R13 groups left, R12 bytes to the next row block (AVX-512), R15 half of the
// row block (AVX2).
func (g *gen) gemv(l layout, f form) {
	g.routineWith(g.frame(l), "gemv"+l.name+f.name+g.permuting()+g.far(), "productArgs",
		fmt.Sprintf("multiplies rows of layout %s, scales %s, with one token.", l.name, f.name))
	if l.table {
		g.p("MOVQ", m(argTable, "AX"), "R12")
	}
	g.layoutConstants(l, "R12")
	g.dotConstants()
	block, half := g.label("block"), g.label("half")
	g.at(block)
	g.comment("A row block: %d lanes at a time.", g.lanes())
	if !g.wide() {
		g.p("XORQ", "R15", "R15")
		g.at(half)
	}
	g.gemvPointers(f)
	if l.points() {
		g.p("MOVQ", m(argTable, "AX"), rGrid)
		if g.vbmi {
			g.permuteValues(l)
		}
		if !g.wide() { // its halves lie less than 32 bytes apart
			g.p("MOVQ", m(argW, "AX"), "SI")
		}
	}
	g.zero(g.r(vAcc))
	if f.minimum {
		g.zero(g.r(vAccM))
	}
	g.gemvGroups(l, f)
	g.gemvStore(f)
	if !g.wide() {
		g.p("ADDQ", "$1", "R15")
		g.p("CMPQ", "R15", "$2")
		g.p("JLT", half)
	}
	g.nextPointers(argW, argD, argM, argSC, argMN)
	g.nextBlock(block)
	g.ret()
}

// far names the routines that ask for the second cache.
func (g *gen) far() string {
	if g.fetch == "PREFETCHT1" {
		return "Far"
	}
	return ""
}

// permuting names the routines that permute bytes.
func (g *gen) permuting() string {
	if g.vbmi {
		return "VBMI"
	}
	return ""
}

// nextPointers moves pointers to the next row block.
func (g *gen) nextPointers(args ...string) {
	g.p("MOVQ", m(argStride, "AX"), "R12")
	for _, a := range args {
		g.p("ADDQ", "R12", m(a, "AX"))
	}
}

// nextBlock advances to the next row block and goes on while there is one.
func (g *gen) nextBlock(block string) {
	g.advance()
	g.p("SUBQ", "$1", m(argBlocks, "AX"))
	g.p("JGT", block)
}

// advance moves outputs and bias to the next row block.
func (g *gen) advance() {
	skip := g.label("nobias")
	g.p("ADDQ", "$64", m(argY, "AX"))
	g.p("CMPQ", m(argBias, "AX"), "$0")
	g.p("JEQ", skip)
	g.p("ADDQ", "$64", m(argBias, "AX"))
	g.at(skip)
	g.p("SUBQ", "$16", m(argRows, "AX"))
}

// gemvPointers loads the pointers of one row block (and half).
func (g *gen) gemvPointers(f form) {
	g.p("MOVQ", m(argW, "AX"), "SI")
	g.p("MOVQ", m(argD, "AX"), "R8")
	g.p("MOVQ", m(argM, "AX"), "R9")
	g.p("MOVQ", m(argSC, "AX"), "R10")
	g.p("MOVQ", m(argMN, "AX"), "R11")
	g.p("MOVQ", m(argQ, "AX"), "DX")
	g.p("MOVQ", m(argScale, "AX"), "BX")
	g.p("MOVQ", m(argNSum, "AX"), "CX")
	g.p("MOVQ", m(argXSum, "AX"), "DI")
	g.p("MOVQ", m(argGroups, "AX"), "R13")
	if g.wide() {
		g.p("MOVQ", m(argStride, "AX"), "R12")
		return
	}
	g.p("MOVQ", "R15", "R12")
	g.p("SHLQ", "$3", "R12") // 8 bytes of bytes
	g.p("ADDQ", "R12", "R10")
	g.p("ADDQ", "R12", "R11")
	g.p("ADDQ", "R12", "R12") // 16 bytes of float16
	if f.scale == "F16" || f.scale == "Odd" {
		g.p("ADDQ", "R12", "R8")
		g.p("ADDQ", "R12", "R9")
	}
	g.p("ADDQ", "R12", "R12") // 32 bytes of vectors
	g.p("ADDQ", "R12", "SI")
	switch f.scale {
	case "F16":
	case "Odd": // whose codes are words, not bytes
		g.p("LEAQ", "(R10)(R15*8)", "R10")
		g.p("LEAQ", "(R10)(R15*8)", "R10")
		g.p("LEAQ", "(R10)(R15*8)", "R10")
	default:
		g.p("ADDQ", "R12", "R8")
		g.p("ADDQ", "R12", "R9")
	}
}

// gemvGroups emits the loop over groups; K forms have 8 groups to a factor d.
func (g *gen) gemvGroups(l layout, f form) {
	loop := g.label("group")
	if f.scale == "K" {
		outer := g.label("super")
		g.at(outer)
		g.comment("The factors of eight groups.")
		g.prefetchFactors(f)
		g.load(m(0, "R8"), g.r(vD))
		g.p("ADDQ", "$64", "R8")
		if f.minimum {
			g.load(m(0, "R9"), g.r(vDM))
			g.p("ADDQ", "$64", "R9")
		}
		g.at(loop)
		g.gemvGroup(l, f)
		g.p("SUBQ", "$1", "R13")
		g.p("TESTQ", "$7", "R13")
		g.p("JNE", loop)
		g.p("TESTQ", "R13", "R13")
		g.p("JNE", outer)
		return
	}
	if f.scale == "Odd" {
		outer := g.label("eight")
		g.at(outer)
		g.comment("The factors of eight blocks, and their codes.")
		g.oddFactors("R8", "R10", vD, vTwoD, vCodes)
		g.p("ADDQ", "$32", "R8")
		g.p("ADDQ", "$64", "R10")
		g.at(loop)
		g.gemvGroup(l, f)
		g.p("SUBQ", "$1", "R13")
		g.p("TESTQ", fmt.Sprintf("$%d", 8*f.block/32-1), "R13")
		g.p("JNE", loop)
		g.p("TESTQ", "R13", "R13")
		g.p("JNE", outer)
		return
	}
	g.at(loop)
	g.gemvGroup(l, f)
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
}

// oddFactors loads float16 factors at base, times the unit, twice those, and the codes
// of eight blocks, asking for those of the next row block.
func (g *gen) oddFactors(base, codes string, d, twoD, code int) {
	if g.wide() {
		g.p(g.fetch, fmt.Sprintf("(%s)(R12*1)", base))
		g.p(g.fetch, fmt.Sprintf("(%s)(R12*1)", codes))
	}
	g.p("VCVTPH2PS", m(0, base), g.r(d))
	g.mulBcast(m(argUnit, "AX"), g.r(d), g.r(d), g.r(vTmp))
	g.p("VADDPS", g.r(d), g.r(d), g.r(twoD))
	g.load(m(0, codes), g.r(code))
}

// oddScale takes the next code c off the words in code and sets dst to d*(2c+1), which
// is exact.
func (g *gen) oddScale(d, twoD, code int, dst string) {
	g.p("VPSRLD", "$28", g.r(code), dst)
	g.p("VPSLLD", "$4", g.r(code), g.r(code))
	g.p("VCVTDQ2PS", dst, dst)
	g.p("VFMADD213PS", g.r(d), g.r(twoD), dst)
}

// gemvGroup emits one group: dot products, then for each block its scale.
func (g *gen) gemvGroup(l layout, f form) {
	halves := 32 / f.block
	g.prefetch(l, f)
	g.comment("A group: its integers times the activations …")
	for h := range halves {
		g.dotStart(l, f, h)
	}
	g.decode(l, "SI", func(step int, reg string) {
		h := 0
		if halves == 2 {
			h = step / 4
		}
		g.dotStep(h, m(4*step, "DX"), reg)
	})
	g.comment("… times the scales of weights and activations.")
	for h := range halves {
		dot := g.r(vDot + h)
		g.p("VCVTDQ2PS", dot, dot)
		g.scale(f, h, "R8", "R10", g.r(vD), g.r(vS), true)
		g.mulBcast(m(0, "BX"), g.r(vS), g.r(vS), g.r(vTmp))
		g.p("VFMADD231PS", g.r(vS), dot, g.r(vAcc))
		if f.minimum {
			g.scale(f, h, "R9", "R11", g.r(vDM), g.r(vS), false)
			g.fmaBcast(m(4*h, "DI"), g.r(vS), g.r(vAccM), g.r(vTmp))
		}
	}
	g.p("ADDQ", fmt.Sprintf("$%d", l.size()), "SI")
	g.p("ADDQ", "$32", "DX")
	g.p("ADDQ", "$4", "BX")
	if !f.minimum { // sums are offsets only where integers are signed
		g.p("ADDQ", fmt.Sprintf("$%d", 4*halves), "CX")
	} else {
		g.p("ADDQ", fmt.Sprintf("$%d", 4*halves), "DI")
	}
	switch f.scale {
	case "F16":
		g.p("ADDQ", fmt.Sprintf("$%d", 32*halves), "R8")
		if f.minimum {
			g.p("ADDQ", fmt.Sprintf("$%d", 32*halves), "R9")
		}
	case "F32":
		g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "R8")
	case "K":
		g.p("ADDQ", fmt.Sprintf("$%d", 16*halves), "R10")
		if f.minimum {
			g.p("ADDQ", fmt.Sprintf("$%d", 16*halves), "R11")
		}
	}
}

// prefetch asks for the integers some groups ahead, and for the scales of the same
// group of the next row block: into the first cache (PREFETCHT0), or into the second
// (PREFETCHT1), for processors whose first one cannot wait for as many lines as memory
// has on the way.
func (g *gen) prefetch(l layout, f form) {
	if !g.wide() {
		return
	}
	for line := range (l.size() + 63) / 64 {
		g.p(g.fetch, m(prefetchAhead+64*line, "SI"))
	}
	if f.scale == "K" || f.scale == "Odd" {
		return
	}
	g.p(g.fetch, "(R8)(R12*1)")
	if f.minimum {
		g.p(g.fetch, "(R9)(R12*1)")
	}
}

// prefetchFactors asks for the factors of eight groups of the next row block, and
// for the bytes that multiply them.
func (g *gen) prefetchFactors(f form) {
	if !g.wide() {
		return
	}
	fetch := func(factor, bytes string) {
		g.p(g.fetch, fmt.Sprintf("(%s)(R12*1)", factor))
		for line := range 8 * 16 * 32 / f.block / 64 {
			g.p(g.fetch, fmt.Sprintf("%d(%s)(R12*1)", 64*line, bytes))
		}
	}
	fetch("R8", "R10")
	if f.minimum {
		fetch("R9", "R11")
	}
}

// scale puts the scales (or minima) of block h of the group into dst.
func (g *gen) scale(f form, h int, base, bytes, factor, dst string, signed bool) {
	switch f.scale {
	case "F16":
		g.p("VCVTPH2PS", m(32*h, base), dst)
	case "F32":
		g.load(m(64*h, base), dst)
	case "Odd":
		g.oddScale(vD, vTwoD, vCodes, dst)
	case "K":
		op := "VPMOVZXBD"
		if signed {
			op = "VPMOVSXBD"
		}
		g.p(op, m(16*h, bytes), dst)
		g.p("VCVTDQ2PS", dst, dst)
		g.p("VMULPS", factor, dst, dst)
	}
}

// gemvStore emits y = acc - accm + bias for one row block (or half).
func (g *gen) gemvStore(f form) {
	acc := g.r(vAcc)
	g.comment("y = acc - accm + bias, of the rows that exist.")
	if f.minimum {
		g.p("VSUBPS", g.r(vAccM), acc, acc)
	}
	g.p("MOVQ", m(argY, "AX"), "R12")
	g.p("MOVQ", m(argBias, "AX"), "R13")
	g.p("MOVQ", m(argRows, "AX"), "DX")
	if !g.wide() {
		g.p("MOVQ", "R15", "CX")
		g.p("SHLQ", "$5", "CX")
		g.p("ADDQ", "CX", "R12")
		g.p("TESTQ", "R13", "R13")
		skip := g.label("nobias")
		g.p("JEQ", skip)
		g.p("ADDQ", "CX", "R13")
		g.at(skip)
		g.p("SHRQ", "$2", "CX")
		g.p("SUBQ", "CX", "DX")
	}
	bias := g.label("bias")
	g.p("TESTQ", "R13", "R13")
	g.p("JEQ", bias)
	g.p("VADDPS", m(0, "R13"), acc, acc)
	g.at(bias)
	g.storeLanes(acc, "R12", "DX", vTmp)
}

// storeLanes stores the first n lanes of src at the pointer dst, all where n is
// as many; n and BX, CX, and register tmp are clobbered.
func (g *gen) storeLanes(src, dst, n string, tmp int) {
	full, done := g.label("full"), g.label("done")
	g.p("CMPQ", n, fmt.Sprintf("$%d", g.lanes()))
	g.p("JGE", full)
	if g.wide() {
		g.p("MOVQ", n, "CX")
		g.p("MOVL", "$1", "BX")
		g.p("SHLL", "CX", "BX")
		g.p("SUBL", "$1", "BX")
		g.p("KMOVW", "BX", "K1")
		g.p("VMOVUPS", src, "K1", m(0, dst))
	} else {
		g.p("TESTQ", n, n)
		g.p("JLE", done)
		g.p("LEAQ", "laneMasks<>+32(SB)", "BX")
		g.p("SHLQ", "$2", n)
		g.p("SUBQ", n, "BX")
		g.load(m(0, "BX"), g.r(tmp))
		g.p("VMASKMOVPS", src, g.r(tmp), m(0, dst))
	}
	g.p("JMP", done)
	g.at(full)
	g.store(src, m(0, dst))
	g.at(done)
}
