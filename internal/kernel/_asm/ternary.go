package main

import "fmt"

// The codes of Ternary have fourteen bits: the number of a point, a + 81 b of its halves,
// and whether it is shifted upwards.

// Constants of the VBMI form, behind two tables of halves.
const (
	tNumber = 26 // thirteen bits of a word
	tDivide = 27
	tHalves = 28
	tShift  = 29 // the shift in the high byte of a code
)

// A division by 81 of what has thirteen bits is a product and a shift by 16 and 6.
const (
	halves     = 81
	divideBy81 = 51782
)

// Where the scalar form keeps what it looks up: eight times words of halves, then four
// times words whose sign is the shift.
const (
	halfWords  = 32
	shiftWords = 8 * halfWords
)

// ternaryMasks emits what the fourth code of a row is picked from three bytes with, and
// the words of the division.
func (g *gen) ternaryMasks() {
	words := func(name string, n int, at func(i int) uint64) {
		g.out.WriteString("\n")
		for i := range n {
			fmt.Fprintf(&g.out, "DATA %s<>+%d(SB)/8, $0x%016x\n", name, 8*i, at(i))
		}
		fmt.Fprintf(&g.out, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, 8*n)
	}
	words("fourth", 6, func(i int) uint64 { return 0x0303030303030303 << (i / 2 * 2) })
	words("divide", 4, func(int) uint64 { return divideBy81 * 0x0001000100010001 })
	words("halves", 4, func(int) uint64 { return halves * 0x0001000100010001 })
}

// fourthHigh sets the low quarter of a register to the high bits of the fourth codes.
func (g *gen) fourthHigh(w string, dst, tmp int) {
	load, d, t := "VMOVDQU", fmt.Sprintf("X%d", dst), fmt.Sprintf("X%d", tmp)
	if !g.wide() {
		load = "VMOVQ"
	}
	for i := range 3 {
		x := t
		if i == 0 {
			x = d
		}
		g.p(load, g.part(64+16*i, w, 8), x)
		g.p("VPSRLW", fmt.Sprintf("$%d", 6-2*i), x, x)
		g.p("VPAND", fmt.Sprintf("fourth<>+%d(SB)", 16*i), x, x)
		if i > 0 {
			g.p("VPOR", t, d, d)
		}
	}
}

// decodeTernary is decodePoints for ternary points.
func (g *gen) decodeTernary(l layout, w string, sink func(step int, reg string)) {
	for o := range 4 {
		g.ternaryHalves(w, o)
	}
	for s := range 8 {
		at := func(row int) (op, mem string) { return "MOVWLZX", m(halfWords*s+2*row, "SP") }
		g.lookUp(rA, rTmpA, 0, at)
		g.lookUp(rB, 7, 2, at)
		step, shift := g.r(rStep), g.r(rPlane)
		g.p("VSHUFPS", "$0x88", g.r(rB), g.r(rA), step)
		g.p("VPMOVSXWD", m(shiftWords+halfWords*(s/2), "SP"), shift)
		g.p("VPSRAD", "$31", shift, shift)
		g.and(g.r(rTwos), shift, shift)
		g.p("VPADDB", shift, step, step)
		sink(s, step)
	}
}

// ternaryHalves puts the numbers of the halves of octet o on the stack, and its shifts.
func (g *gen) ternaryHalves(w string, o int) {
	code, high, b := g.words(rLoad), g.words(rPlane), g.words(rStep)
	g.p("VPMOVZXBW", g.part(16*o, w, 8), code)
	if o < 3 {
		g.p("VPMOVZXBW", g.part(64+16*o, w, 8), high)
	} else {
		g.fourthHigh(w, rPlane, rStep)
		g.p("VPMOVZXBW", fmt.Sprintf("X%d", rPlane), high)
	}
	g.p("VPSLLW", "$8", high, high)
	g.p("VPOR", high, code, code)
	g.p("VPSLLW", "$2", code, high)
	g.p("VMOVDQU", high, m(shiftWords+halfWords*o, "SP"))
	g.p("VPSLLW", "$3", code, code)
	g.p("VPSRLW", "$3", code, code)
	g.p("VPMULHUW", "divide<>(SB)", code, b)
	g.p("VPSRLW", "$6", b, b)
	g.p("VPMULLW", "halves<>(SB)", b, high)
	g.p("VPSUBW", high, code, code)
	g.p("VMOVDQU", code, m(halfWords*2*o, "SP"))
	g.p("VMOVDQU", b, m(halfWords*(2*o+1), "SP"))
}

// ternaryConstants loads what the VBMI form needs.
func (g *gen) ternaryConstants() {
	g.constant(0x1fff1fff, g.r(tNumber))
	g.constant(divideBy81*0x00010001, g.r(tDivide))
	g.constant(halves*0x00010001, g.r(tHalves))
	g.constant(0x20202020, g.r(tShift))
}

// permutedTernary is decodeTernary with VBMI: bytes become words to be divided, and
// bytes again.
func (g *gen) permutedTernary(w string, sink func(step int, reg string)) {
	const first, second = 6, pHigh
	low, high, tmp := g.r(pLow), g.r(pHigh), g.r(rStep)
	g.load(m(0, w), low)
	g.load(m(64, w), high)
	g.fourthHigh(w, rStep, rPlane)
	g.p("VINSERTI32X4", "$3", fmt.Sprintf("X%d", rStep), high, high)
	g.p("VPTESTMB", g.r(tShift), high, "K2")
	g.p("VPUNPCKLBW", high, low, g.r(6))
	g.p("VPUNPCKHBW", high, low, g.r(7))
	for i, b := range []string{low, high} {
		code := g.r(6 + i)
		g.and(g.r(tNumber), code, code)
		g.p("VPMULHUW", g.r(tDivide), code, b)
		g.p("VPSRLW", "$6", b, b)
		g.p("VPMULLW", g.r(tHalves), b, tmp)
		g.p("VPSUBW", tmp, code, code)
	}
	g.p("VPACKUSWB", g.r(7), g.r(6), g.r(first))
	g.p("VPACKUSWB", high, low, g.r(second))
	g.p("VPERMI2B", g.r(pTables+1), g.r(pTables), g.r(first))
	g.p("VPERMI2B", g.r(pTables+1), g.r(pTables), g.r(second))
	for o := range 4 {
		g.p("KSHIFTRQ", fmt.Sprintf("$%d", 16*o), "K2", "K4")
		for i, src := range []int{first, second} {
			g.p("VPERMB", g.r(src), g.r(pRows+o), tmp)
			g.levels(tmp)
			g.p("VPADDD", g.r(rTwos), tmp, "K4", tmp) // raised integers carry nothing over
			sink(2*o+i, tmp)
		}
	}
}
