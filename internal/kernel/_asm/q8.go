package main

import "fmt"

// Fields of q8Args (../q8_amd64.go).
const (
	q8X      = "q8Args_x"      // float32
	q8Q      = "q8Args_q"      // int8
	q8Scale  = "q8Args_scale"  // float32
	q8NSum   = "q8Args_nsum"   // int32
	q8XSum   = "q8Args_xsum"   // float32
	q8NSum16 = "q8Args_nsum16" // int32, two a group
	q8XSum16 = "q8Args_xsum16" // float32, two a group
	q8Groups = "q8Args_groups" // groups of 32
	q8Stride = "q8Args_stride" // tokens of the tile
)

// q8row emits the quantisation of one vector in groups of 32 (CANON section 2).
//
// SI x, DI q, R8 scale, R9 nsum, R10 xsum, R11 nsum16, DX xsum16, CX bytes
// between groups, R13 groups left.
func (g *gen) q8row() {
	g.routine("q8row", "q8Args", "quantises a vector in groups of 32.")
	for _, a := range [][2]string{
		{q8X, "SI"},
		{q8Q, "DI"},
		{q8Scale, "R8"},
		{q8NSum, "R9"},
		{q8XSum, "R10"},
		{q8NSum16, "R11"},
		{q8XSum16, "DX"},
		{q8Groups, "R13"},
		{q8Stride, "CX"},
	} {
		g.p("MOVQ", m(a[0], "AX"), a[1])
	}
	g.p("SHLQ", "$2", "CX")
	g.constant(0x7fffffff, "Y8")
	g.constant(0x42fe0000, "Y9")  // 127
	g.constant(0x01010101, "Y10") // ones
	g.constant(0x007fffff, "Y12") // the greatest subnormal number
	g.p("VPXOR", "Y11", "Y11", "Y11")
	loop, regular := g.label("group"), g.label("regular")
	zero := g.label("zero")
	g.at(loop)
	for i := range 4 {
		g.load(m(32*i, "SI"), fmt.Sprintf("Y%d", i))
		g.p("VPAND", "Y8", fmt.Sprintf("Y%d", i), fmt.Sprintf("Y%d", 4+i))
	}
	// Subnormal numbers round to 0 beside a maximum of 2^-100, and multiplying them
	// would hold up the processor a hundred cycles each time.
	for i := range 4 {
		g.p("VPCMPGTD", "Y12", fmt.Sprintf("Y%d", 4+i), "Y13")
		g.p("VPAND", "Y13", fmt.Sprintf("Y%d", i), fmt.Sprintf("Y%d", i))
	}
	// The bits of magnitudes order as the magnitudes do, NaN above all.
	g.p("VPMAXUD", "Y5", "Y4", "Y4")
	g.p("VPMAXUD", "Y7", "Y6", "Y6")
	g.p("VPMAXUD", "Y6", "Y4", "Y4")
	g.p("VEXTRACTI128", "$1", "Y4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VPSHUFD", "$0x4e", "X4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VPSHUFD", "$0xb1", "X4", "X5")
	g.p("VPMAXUD", "X5", "X4", "X4")
	g.p("VMOVD", "X4", "BX")
	g.p("CMPL", "BX", "$0x7f800000")
	g.p("JCC", zero) // not finite: unsigned >=
	g.p("CMPL", "BX", "$0x0d800000")
	g.p("JCC", regular) // at least 2^-100
	g.at(zero)
	g.p("VPXOR", "X5", "X5", "X5")
	g.p("CMPL", "BX", "$0x7f800000")
	finite := g.label("finite")
	g.p("JCS", finite)
	g.constant(0x7fc00000, "Y5")
	g.at(finite)
	g.p("VMOVSS", "X5", m(0, "R8"))
	g.p("VMOVSS", "X5", m(0, "R10"))
	g.p("VMOVSS", "X5", m(0, "DX"))
	g.p("VMOVSS", "X5", "(DX)(CX*1)")
	g.p("VPXOR", "X5", "X5", "X5")
	g.p("VMOVD", "X5", m(0, "R9"))
	g.p("VMOVD", "X5", m(0, "R11"))
	g.p("VMOVD", "X5", "(R11)(CX*1)")
	g.p("VMOVDQU", "Y11", m(0, "DI"))
	next := g.label("next")
	g.p("JMP", next)
	g.at(regular)
	g.p("VDIVSS", "X9", "X4", "X5") // scale = a / 127
	g.p("VDIVSS", "X4", "X9", "X6") // inv = 127 / a
	g.p("VBROADCASTSS", "X6", "Y6")
	for i := range 4 {
		y := fmt.Sprintf("Y%d", i)
		g.p("VMULPS", "Y6", y, y)
		g.p("VCVTPS2DQ", y, y)
	}
	// Packing interleaves the halves of registers; one permutation of dwords mends it.
	g.p("VPACKSSDW", "Y1", "Y0", "Y0")
	g.p("VPACKSSDW", "Y3", "Y2", "Y2")
	g.p("VPACKSSWB", "Y2", "Y0", "Y0")
	g.load("packOrder<>(SB)", "Y1")
	g.p("VPERMD", "Y0", "Y1", "Y0")
	g.p("VMOVDQU", "Y0", m(0, "DI"))
	g.p("VPSIGNB", "Y0", "Y10", "Y2") // ±1 …
	g.p("VPABSB", "Y0", "Y3")
	g.p("VPMADDUBSW", "Y2", "Y3", "Y2") // … times |q|, pairs in 16 bits
	g.constant(0x00010001, "Y3")
	g.p("VPMADDWD", "Y3", "Y2", "Y2") // sums of four
	g.p("VPSHUFD", "$0x4e", "Y2", "Y3")
	g.p("VPADDD", "Y3", "Y2", "Y2")
	g.p("VPSHUFD", "$0xb1", "Y2", "Y3")
	g.p("VPADDD", "Y3", "Y2", "Y2") // each half of the register: the sum of its 16
	g.p("VEXTRACTI128", "$1", "Y2", "X3")
	g.p("VPADDD", "X3", "X2", "X4")
	for _, s := range []struct{ sum, xsum, nsum string }{
		{"X2", m(0, "DX"), m(0, "R11")}, {"X3", "(DX)(CX*1)", "(R11)(CX*1)"}, {"X4", m(0, "R10"), m(0, "R9")},
	} {
		g.p("VCVTDQ2PS", s.sum, "X6")
		g.p("VMULSS", "X5", "X6", "X6")
		g.p("VMOVSS", "X6", s.xsum)
		g.p("VPSLLD", "$7", s.sum, "X6")
		g.p("VPSUBD", "X6", "X11", "X6")
		g.p("VMOVD", "X6", s.nsum)
	}
	g.p("VMOVSS", "X5", m(0, "R8"))
	g.at(next)
	g.p("ADDQ", "$128", "SI")
	g.p("LEAQ", "(DI)(CX*8)", "DI")
	for _, r := range []string{"R8", "R9", "R10"} {
		g.p("ADDQ", "CX", r)
	}
	g.p("LEAQ", "(R11)(CX*2)", "R11")
	g.p("LEAQ", "(DX)(CX*2)", "DX")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// packOrder emits the permutation that undoes the interleaving of two packings.
func (g *gen) packOrder() {
	g.out.WriteString("\n")
	for i, v := range []uint64{4 << 32, 1 | 5<<32, 2 | 6<<32, 3 | 7<<32} {
		fmt.Fprintf(&g.out, "DATA packOrder<>+%d(SB)/8, $0x%016x\n", 8*i, v)
	}
	g.out.WriteString("GLOBL packOrder<>(SB), RODATA|NOPTR, $32\n")
}

// Fields of turnArgs (../attention_amd64.go).
const (
	turnDst    = "turnArgs_dst"
	turnSrc    = "turnArgs_src"
	turnStride = "turnArgs_stride"
	turnN      = "turnArgs_n"
)

// turnTiles emits the transposition of tiles of 16 positions × 16 elements: quads of
// four positions × four elements turn by a shuffle, and the quads change places.
func (g *gen) turnTiles() {
	g.routine("turnTiles", "turnArgs", "turns tiles of keys into tiles of values.")
	g.p("MOVQ", m(turnDst, "AX"), "DI")
	g.p("MOVQ", m(turnSrc, "AX"), "SI")
	g.p("MOVQ", m(turnStride, "AX"), "R8")
	g.p("MOVQ", m(turnN, "AX"), "R13")
	g.p("VMOVDQU", "turnQuad<>(SB)", "X15")
	loop := g.label("tile")
	g.at(loop)
	for s := range 4 {
		for t := range 4 {
			x := fmt.Sprintf("X%d", 4*(s%2)+t)
			g.p("VMOVDQU", m(64*s+16*t, "SI"), x)
			g.p("VPSHUFB", "X15", x, x)
			g.p("VMOVDQU", x, m(64*t+16*s, "DI"))
		}
	}
	g.p("ADDQ", "$256", "SI")
	g.p("ADDQ", "R8", "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// turnQuad emits the shuffle that turns 4 × 4 bytes.
func (g *gen) turnQuad() {
	g.out.WriteString("\nDATA turnQuad<>+0(SB)/8, $0x0d0905010c080400\nDATA turnQuad<>+8(SB)/8, $0x0f0b07030e0a0602\n")
	g.out.WriteString("GLOBL turnQuad<>(SB), RODATA|NOPTR, $16\n")
}
