package main

import "fmt"

// Float weights of four bits (MXFP4): a group of a row block is 16 vectors of sixteen bytes,
// of which vector c holds columns c and c+16 in its low and high halves; behind all groups a
// power of two a row and group, as a byte.

const (
	fourGroup = 256 // bytes of the codes of a group
	fourRoom  = 512 // of its integers, a byte each
)

// fourTables emits what codes mean: numbers for the wide form; for the other one integers,
// twice as much, and the constants of a group. Of both zeros one is kept.
func (g *gen) fourTables() {
	numbers := []float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}
	if g.wide() {
		g.floats("fourNumbers", numbers)
		return
	}
	g.out.WriteString("\n")
	for i := range 32 {
		fmt.Fprintf(&g.out, "DATA fourIntegers<>+%d(SB)/1, $%d\n", i, int8(2*numbers[i%16]))
	}
	g.out.WriteString("GLOBL fourIntegers<>(SB), RODATA|NOPTR, $32\n")
	g.dwords("fourMask", 0x0f0f0f0f)
	g.dwords("fourLeast", leastPower)
	g.dwords("fourHalf", 0x3f000000)
}

// dwords emits a register of the same dword.
func (g *gen) dwords(name string, v uint32) {
	for i := range g.lanes() {
		fmt.Fprintf(&g.out, "DATA %s<>+%d(SB)/4, $0x%08x\n", name, 4*i, v)
	}
	fmt.Fprintf(&g.out, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, g.bytes)
}

// leastPower is 2^-127, whose exponent is no more than a bit of the mantissa.
const leastPower = 0x00400000

// powers makes the float32 numbers of the powers of two at mem.
func (g *gen) powers(mem, least, dst string) {
	g.p("VPMOVZXBD", mem, dst)
	g.p("VPSLLD", "$23", dst, dst)
	g.p("VPMAXUD", least, dst, dst)
}

// fourScale returns the register of the scales of a row block, of the wide form: those that
// neither weights nor accumulators take.
func (g *gen) fourScale(r, rows int) string {
	if rows == 8 {
		return g.r(16 + r)
	}
	return g.r(26 + r)
}

// fourColumns emits the loop over groups around body, which does one column: weights are at
// SI in the wide form, in the low halves of bytes first, and decoded at CX in the other one.
// DI are the powers, R11 the room for decoded groups, scales behind them.
func (g *gen) fourColumns(rows int, body func(kind string)) {
	group := g.label("group")
	g.p("MOVQ", m(argD, "AX"), "DI")
	if !g.wide() {
		g.p("MOVQ", m(argTmp, "AX"), "R11")
	}
	g.at(group)
	parts, columns := []string{"F4Low", "F4High"}, 16
	if g.wide() {
		for r := range rows {
			g.powers(rowBlockAt("DI", r), g.r(25), g.fourScale(r, rows))
		}
	} else {
		g.fourDecode(rows)
		parts, columns = []string{"F4"}, 32
	}
	for i, kind := range parts {
		if i > 0 {
			g.p("SUBQ", fmt.Sprintf("$%d", fourGroup), "SI")
		}
		loop := g.label("column")
		g.p("MOVQ", fmt.Sprintf("$%d", columns), "BX")
		g.at(loop)
		body(kind)
		g.p("SUBQ", "$1", "BX")
		g.p("JNE", loop)
	}
	if !g.wide() {
		g.p("ADDQ", fmt.Sprintf("$%d", fourGroup), "SI")
	}
	g.p("ADDQ", "$16", "DI")
	g.p("SUBQ", "$32", "R13")
	g.p("JNE", group)
}

// fourDecode writes the integers of a group of each row block to R11, and its scales, half of
// the powers, behind all of them. It leaves the first at CX and clobbers registers 0 to 3.
func (g *gen) fourDecode(rows int) {
	low, high, mask, table := g.r(0), g.r(1), g.r(2), g.r(3)
	g.load("fourMask<>(SB)", mask)
	g.load("fourIntegers<>(SB)", table)
	for r := range rows {
		for h := range 2 {
			g.powers(fmt.Sprint(8*h, rowBlockAt("DI", r)), "fourLeast<>(SB)", low)
			g.p("VMULPS", "fourHalf<>(SB)", low, low)
			g.store(low, m(rows*fourRoom+64*r+32*h, "R11"))
		}
		for v := range 8 {
			g.load(fmt.Sprint(32*v, rowBlockAt("SI", r)), low)
			g.p("VPSRLW", "$4", low, high)
			g.and(mask, low, low)
			g.and(mask, high, high)
			g.p("VPSHUFB", low, table, low)
			g.p("VPSHUFB", high, table, high)
			g.store(low, m(r*fourRoom+32*v, "R11"))
			g.store(high, m(r*fourRoom+fourGroup+32*v, "R11"))
		}
	}
	g.p("MOVQ", "R11", "CX")
}

// fourAt returns where the weights of half h of row block r stand, of `rows` that are decoded,
// and their scales.
func fourAt(r, h, rows int) (weights, scales string) {
	return m(r*fourRoom+8*h, "CX"), m(rows*fourRoom+64*r+32*h, "R11")
}
