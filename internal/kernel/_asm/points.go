package main

import "fmt"

// Layouts of points look several columns up at once. A quarter of a register takes the
// points of two rows from A and of two from B; VSHUFPS then makes a step of the first
// four columns of all rows, and another one of the second four.
//
// The half of the row block, R15, scales addresses of the AVX2 form, since the parts of
// a group are of unequal widths.

const (
	rGrid  = "R9"  // the grid, of eight bytes a code
	rCode  = "R11" // a code
	rOther = "R14" // another one

	rA, rB   = 0, 5   // points of rows
	rTmpA    = 3      // of the wide form only; AVX2 has its ones there
	rTwos    = 4      // 2 in every byte
	rZero    = "Z16"  // of the wide form
	kSigns   = "K3"   // of a step
	codeWord = 2 * 16 // bytes of an octet's codes on the stack, or of those of two steps
)

// signs returns where the signs of a group begin.
func (l layout) signs() int { return l.group - 64 }

// frame returns the bytes of the stack that decoding uses.
func (g *gen) frame(l layout) int {
	if l.name == "Ternary" && !g.vbmi {
		return shiftWords + 4*halfWords
	}
	if (l.high > 0 || l.name == "Sevens") && !g.vbmi {
		return 4 * codeWord
	}
	return 0
}

// pointConstants loads what decodePoints needs.
func (g *gen) pointConstants(l layout) {
	if g.wide() {
		g.p("VPXORD", rZero, rZero, rZero)
	}
	if l.name == "Ternary" {
		g.constant(0x02020202, g.r(rTwos))
	}
	if g.vbmi {
		g.permuteConstants(l)
	}
}

// pointMasks emits the masks of points. With those of signs the AVX2 form finds which of
// four bytes holds the bit of a byte, and that bit.
func (g *gen) pointMasks() {
	g.sevenMasks()
	g.ternaryMasks()
	if g.wide() {
		return
	}
	g.out.WriteString("\n")
	for i := range 4 {
		fmt.Fprintf(&g.out, "DATA signBytes<>+%d(SB)/8, $0x%016x\n", 8*i, uint64(i)*0x0101010101010101)
		fmt.Fprintf(&g.out, "DATA signBits<>+%d(SB)/8, $0x8040201008040201\n", 8*i)
	}
	g.out.WriteString("GLOBL signBytes<>(SB), RODATA|NOPTR, $32\nGLOBL signBits<>(SB), RODATA|NOPTR, $32\n")
}

// part addresses a part of a group, of which a half has so many bytes.
func (g *gen) part(offset int, w string, half int) string {
	if g.wide() {
		return m(offset, w)
	}
	return fmt.Sprintf("%d(%s)(R15*%d)", offset, w, half)
}

// words returns the register whose words are the rows.
func (g *gen) words(i int) string {
	if g.wide() {
		return fmt.Sprintf("Y%d", i)
	}
	return fmt.Sprintf("X%d", i)
}

// decodePoints is decode for points.
func (g *gen) decodePoints(l layout, w string, sink func(step int, reg string)) {
	switch {
	case g.vbmi:
		g.decodePermuted(l, w, sink)
		return
	case l.name == "Ternary":
		g.decodeTernary(l, w, sink)
		return
	case l.name == "Quads":
		g.decodeQuads(l, w, func(code, row int) string { return g.part(16*code+row, w, 8) }, sink)
		return
	case l.name == "Sevens":
		g.sevens(w)
		g.decodeQuads(l, w, func(code, row int) string { return m(16*code+row, "SP") }, sink)
		return
	}
	if l.high > 0 {
		for o := range 4 {
			g.octetCodes(l, w, o)
		}
	}
	for o := range 4 {
		at := func(row int) (op, mem string) {
			if l.high == 0 {
				return "MOVBLZX", g.part(16*o+row, w, 8)
			}
			return "MOVWLZX", m(codeWord*o+2*row, "SP")
		}
		g.lookUp(rA, rTmpA, 0, at)
		g.lookUp(rB, 7, 2, at)
		g.p("VSHUFPS", "$0x88", g.r(rB), g.r(rA), g.r(rStep))
		g.p("VSHUFPS", "$0xDD", g.r(rB), g.r(rA), g.r(rA))
		for i, reg := range []string{g.r(rStep), g.r(rA)} {
			g.negate(l.signs(), w, 2*o+i, reg)
		}
		sink(2*o, g.r(rStep))
		sink(2*o+1, g.r(rA))
	}
}

// octetCodes puts the codes of octet o on the stack.
func (g *gen) octetCodes(l layout, w string, o int) {
	low, high, tmp := g.words(rLoad), g.words(rPlane), g.words(rStep)
	shift := func(op string, n int, src, dst string) { g.p(op, fmt.Sprintf("$%d", n), src, dst) }
	g.p("VPMOVZXBW", g.part(16*o, w, 8), low)
	if o == 0 {
		g.p("VPMOVZXBW", g.part(64, w, 8), high)
	}
	shift("VPSLLW", 15-2*o, high, tmp)
	shift("VPSRLW", 15, tmp, tmp)
	shift("VPSLLW", 8, tmp, tmp)
	g.p("VPOR", tmp, low, low)
	g.p("VMOVDQU", low, m(codeWord*o, "SP"))
}

// lookUp loads the points of two rows for each quarter of register dst, from row first
// on; tmp is another register.
func (g *gen) lookUp(dst, tmp, first int, at func(row int) (op, mem string)) {
	if !g.wide() {
		tmp = 6
	}
	quarter := func(i int, x string) {
		for j, code := range []string{rCode, rOther} {
			op, mem := at(4*i + first + j)
			g.p(op, mem, code)
		}
		g.p("VMOVQ", fmt.Sprintf("(%s)(%s*8)", rGrid, rCode), x)
		g.p("VMOVHPS", fmt.Sprintf("(%s)(%s*8)", rGrid, rOther), x, x)
	}
	x := func(i int) string { return fmt.Sprintf("X%d", i) }
	y := func(i int) string { return fmt.Sprintf("Y%d", i) }
	quarter(0, x(dst))
	quarter(1, x(tmp))
	g.p("VINSERTI128", "$1", x(tmp), y(dst), y(dst))
	if !g.wide() {
		return
	}
	quarter(2, x(tmp))
	quarter(3, x(6))
	g.p("VINSERTI128", "$1", x(6), y(tmp), y(tmp))
	g.p("VINSERTI64X4", "$1", y(tmp), g.r(dst), g.r(dst))
}

// negate negates the integers of a step whose signs are set.
func (g *gen) negate(signs int, w string, step int, reg string) {
	mem := g.part(signs+8*step, w, 4)
	if g.wide() {
		g.p("KMOVQ", mem, kSigns)
		g.p("VPSUBB", reg, rZero, kSigns, reg)
		return
	}
	mask := g.r(rPlane)
	g.p("VPBROADCASTD", mem, mask)
	g.p("VPSHUFB", "signBytes<>(SB)", mask, mask)
	g.p("VPAND", "signBits<>(SB)", mask, mask)
	g.p("VPCMPEQB", "signBits<>(SB)", mask, mask)
	g.xor(mask, reg, reg)
	g.p("VPSUBB", mask, reg, reg)
}

// sevens puts the codes of seven bits of a group on the stack: the eighth one of a row is
// the top bits of the others.
func (g *gen) sevens(w string) {
	load, code, bit, last := "VMOVDQU", "X0", "X1", "X2"
	if !g.wide() {
		load = "VMOVQ"
	}
	for i := range 7 {
		g.p(load, g.part(16*i, w, 8), code)
		g.p("VPSRLW", fmt.Sprintf("$%d", 7-i), code, bit) // the top bit down to bit i
		g.p("VPAND", fmt.Sprintf("sevenBits<>+%d(SB)", 16*i), bit, bit)
		if i == 0 {
			g.p("VMOVDQU", bit, last)
		} else {
			g.p("VPOR", bit, last, last)
		}
		g.p("VPAND", "sevenBits<>+112(SB)", code, code)
		g.p("VMOVDQU", code, m(16*i, "SP"))
	}
	g.p("VMOVDQU", last, m(16*7, "SP"))
}

// sevenMasks emits bytes of each bit from 0 to 6, then of all of them.
func (g *gen) sevenMasks() {
	g.out.WriteString("\n")
	for i := range 8 {
		v := uint64(1) << i
		if i == 7 {
			v = 127
		}
		for h := range 2 {
			fmt.Fprintf(&g.out, "DATA sevenBits<>+%d(SB)/8, $0x%016x\n", 16*i+8*h, v*0x0101010101010101)
		}
	}
	g.out.WriteString("GLOBL sevenBits<>(SB), RODATA|NOPTR, $128\n")
}

// decodeQuads is decode for points of four columns, whose codes are bytes at the
// addresses that code gives: of each pair of rows the low words.
func (g *gen) decodeQuads(l layout, w string, code func(code, row int) string, sink func(step int, reg string)) {
	for s := range 8 {
		at := func(row int) (op, mem string) { return "MOVBLZX", code(s, row) }
		g.lookUp(rA, rTmpA, 0, at)
		g.lookUp(rB, 7, 2, at)
		g.p("VSHUFPS", "$0x88", g.r(rB), g.r(rA), g.r(rStep))
		g.negate(l.signs(), w, s, g.r(rStep))
		sink(s, g.r(rStep))
	}
}
