package main

import "fmt"

// With VBMI the codes of a group, a byte a row, are looked up together: VPERMI2B does so
// among 128 of them, and bits 7 and 8 choose among the results. What is looked up are the
// levels of coordinates, two bits each in a low and a high byte of a code of eight
// columns, three bits each in both bytes of one of four columns. A step spreads the
// bytes of its octet over the columns, and a table makes integers of levels.

// Registers of the VBMI form, behind those of gemv.
const (
	pCodes  = 4  // the low bytes of codes
	pLow    = 3  // low bytes
	pHigh   = 5  // high bytes
	pLow2   = 6  // of the second half of a group of quads
	pHigh2  = 7  //
	pSpread = 17 // control of the shift to the bits of each column
	pValues = 19 // integers by levels
	pRows   = 20 // controls that pick octet 0 to 3
	pTables = 24 // of 256 codes: low bytes in 24 to 27, high ones behind
	pHighs  = 25 // bit 8 of each octet's codes, where there are more
	pBits   = 26 // and 27: the bits of the eighth code of seven bits
)

// Offsets in the tables of a grid: a byte for each code in the first two.
const (
	lowLevels    = 0
	highLevels   = 512
	levelsValues = 1024
)

// permuteTables emits the controls.
func (g *gen) permuteTables() {
	if !g.wide() {
		return
	}
	table := func(name string, at func(i int) int) {
		g.out.WriteString("\n")
		for q := range 8 {
			v := uint64(0)
			for j := range 8 {
				v |= uint64(uint8(at(8*q+j))) << (8 * j)
			}
			fmt.Fprintf(&g.out, "DATA %s<>+%d(SB)/8, $0x%016x\n", name, 8*q, v)
		}
		fmt.Fprintf(&g.out, "GLOBL %s<>(SB), RODATA|NOPTR, $64\n", name)
	}
	for o := range 4 {
		table(fmt.Sprintf("octetRows%d", o), func(i int) int { return 16*o + i/4 })
		table(fmt.Sprintf("quadRows%d", o), func(i int) int { return 16*o + i/4 + 64*(i&1) })
	}
	table("spread2", func(i int) int { return 32*(i/4&1) + 2*(i%4) })
	table("spread3", func(i int) int { return 32*(i/4&1) + 3*(i%4) })
	for h := range 2 {
		table(fmt.Sprint("sevenBits", h), func(i int) int { return 1 << (4*h + i/16) & 127 })
	}
	table("highOctets", func(i int) int { return 1 << (2 * (i / 16)) })
}

// permuteConstants loads what decodePermuted needs.
func (g *gen) permuteConstants(l layout) {
	control := func(name string, dst int) { g.p("VMOVDQU64", name+"<>(SB)", g.r(dst)) }
	rows, spread := "octetRows", "spread2"
	if l.name == "Quads" {
		rows, spread = "quadRows", "spread3"
	}
	for o := range 4 {
		control(fmt.Sprint(rows, o), pRows+o)
	}
	control(spread, pSpread)
	if l.high > 0 {
		control("highOctets", pHighs)
	}
	if l.name == "Ternary" {
		g.ternaryConstants()
	}
	if l.name == "Sevens" {
		control("sevenBits0", pBits)
		control("sevenBits1", pBits+1)
	}
}

// permuteValues loads the table of integers, and those of 256 codes, once the grid is
// in rGrid.
func (g *gen) permuteValues(l layout) {
	g.p("VMOVDQU64", m(levelsValues, rGrid), g.r(pValues))
	switch {
	case l.high > 0:
		return
	case l.codes == 128:
		g.p("VMOVDQU64", m(lowLevels, rGrid), g.r(pTables))
		g.p("VMOVDQU64", m(lowLevels+64, rGrid), g.r(pTables+1))
		return
	}
	for i := range 4 {
		g.p("VMOVDQU64", m(lowLevels+64*i, rGrid), g.r(pTables+i))
		g.p("VMOVDQU64", m(highLevels+64*i, rGrid), g.r(pTables+4+i))
	}
}

// chunks sets K1 and K2 to bits 7 and 8 of the codes, whose bytes are in pCodes.
func (g *gen) chunks(l layout, w string) {
	g.p("VPMOVB2M", g.r(pCodes), "K1")
	if l.high > 0 {
		g.p("VBROADCASTI32X4", m(64, w), g.r(rStep))
		g.p("VPTESTMB", g.r(pHighs), g.r(rStep), "K2")
	}
}

// lookUpLevels sets low and high to what the codes in pCodes stand for.
func (g *gen) lookUpLevels(l layout, low, high int) {
	for at, dst := range []int{low, high} {
		g.chunkPair(l, at, 0, dst)
		if l.high > 0 {
			g.chunkPair(l, at, 1, rPlane)
			g.p("VPBLENDMB", g.r(rPlane), g.r(dst), "K2", g.r(dst))
		}
	}
}

// chunkPair looks bytes up in 256 codes of a table: in the halves, and takes what bit 7
// says.
func (g *gen) chunkPair(l layout, table, pair, dst int) {
	for half, reg := range []string{g.r(dst), g.r(rStep)} {
		g.p("VMOVDQA64", g.r(pCodes), reg)
		if l.high == 0 {
			at := pTables + 4*table + 2*half
			g.p("VPERMI2B", g.r(at+1), g.r(at), reg)
			continue
		}
		offset := []int{lowLevels, highLevels}[table] + 256*pair + 128*half
		g.p("VMOVDQU64", m(offset, rGrid), g.r(pTables))
		g.p("VPERMI2B", m(offset+64, rGrid), g.r(pTables), reg)
	}
	g.p("VPBLENDMB", g.r(rStep), g.r(dst), "K1", g.r(dst))
}

// levels makes integers of the levels in reg, which are spread over it.
func (g *gen) levels(reg string) {
	g.p("VPMULTISHIFTQB", reg, g.r(pSpread), reg)
	g.p("VPERMB", g.r(pValues), reg, reg)
}

// decodePermuted is decodePoints with VBMI.
func (g *gen) decodePermuted(l layout, w string, sink func(step int, reg string)) {
	step := g.r(rStep)
	if l.name == "Ternary" {
		g.permutedTernary(w, sink)
		return
	}
	if l.name == "Sevens" {
		g.permutedSevens(w)
		for s := range 8 {
			g.p("VPERMB", g.r([]int{pLow, pLow2}[s/4]), g.r(pRows+s%4), step)
			g.levels(step)
			g.negate(l.signs(), w, s, step)
			sink(s, step)
		}
		return
	}
	if l.name == "Quads" {
		for h, regs := range [][2]int{{pLow, pHigh}, {pLow2, pHigh2}} {
			g.load(m(64*h, w), g.r(pCodes))
			g.chunks(l, w)
			g.lookUpLevels(l, regs[0], regs[1])
		}
		for s := range 8 {
			regs := [][2]int{{pLow, pHigh}, {pLow2, pHigh2}}[s/4]
			g.p("VMOVDQA64", g.r(pRows+s%4), step)
			g.p("VPERMI2B", g.r(regs[1]), g.r(regs[0]), step)
			g.levels(step)
			g.negate(l.signs(), w, s, step)
			sink(s, step)
		}
		return
	}
	g.load(m(0, w), g.r(pCodes))
	g.chunks(l, w)
	g.lookUpLevels(l, pLow, pHigh)
	for o := range 4 {
		for i, src := range []int{pLow, pHigh} {
			g.p("VPERMB", g.r(src), g.r(pRows+o), step)
			g.levels(step)
			g.negate(l.signs(), w, 2*o+i, step)
			sink(2*o+i, step)
		}
	}
}

// permutedSevens sets pLow and pLow2 to the levels of codes of seven bits. VPERMI2B does
// not look at the eighth, of which the last code is made.
func (g *gen) permutedSevens(w string) {
	low, high, last := g.r(pLow), g.r(pLow2), g.r(rPlane)
	g.load(m(0, w), low)
	g.load(m(64, w), high)
	g.p("VPMOVB2M", low, "K1")
	g.p("VPMOVB2M", high, "K2")
	g.p("VMOVDQU8.Z", g.r(pBits), "K1", last)
	g.p("VPADDB", g.r(pBits+1), last, "K2", last)
	g.p("VEXTRACTI64X4", "$1", last, fmt.Sprintf("Y%d", rStep))
	g.p("VPOR", fmt.Sprintf("Y%d", rStep), fmt.Sprintf("Y%d", rPlane), fmt.Sprintf("Y%d", rPlane))
	g.p("VEXTRACTI128", "$1", fmt.Sprintf("Y%d", rPlane), fmt.Sprintf("X%d", rStep))
	g.p("VPOR", fmt.Sprintf("X%d", rStep), fmt.Sprintf("X%d", rPlane), fmt.Sprintf("X%d", rPlane))
	g.p("VINSERTI32X4", "$3", fmt.Sprintf("X%d", rPlane), high, high)
	g.p("VPERMI2B", g.r(pTables+1), g.r(pTables), low)
	g.p("VPERMI2B", g.r(pTables+1), g.r(pTables), high)
}
