package main

import (
	"fmt"
	"math"
)

// The levels of the types IQ4: the nearest one to each number, by four comparisons.

// iq4Levels are the levels of the types IQ4.
var iq4Levels = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// iq4Border returns the border between the levels c-1 and c.
func iq4Border(c int) float32 { return (iq4Levels[c-1] + iq4Levels[c]) / 2 }

// floats emits a table.
func (g *gen) floats(name string, v []float32) {
	g.out.WriteString("\n")
	for i, x := range v {
		fmt.Fprintf(&g.out, "DATA %s<>+%d(SB)/4, $0x%08x\n", name, 4*i, math.Float32bits(x))
	}
	fmt.Fprintf(&g.out, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, 4*len(v))
}

// iq4Tables emits the borders that the third and the fourth comparison of a search
// take, and the levels of the codes from 0 and from 8.
func (g *gen) iq4Tables() {
	var third, fourth [8]float32
	for i := range 8 {
		third[i] = iq4Border(4*(i&3) + 2)
		fourth[i] = iq4Border(2*i + 1)
	}
	g.floats("iq4Third", third[:])
	g.floats("iq4Fourth", fourth[:])
	g.floats("iq4Low", iq4Levels[:8])
	g.floats("iq4High", iq4Levels[8:])
	g.packOrder()
}

// iq4Borders fills three registers with the borders of the first two comparisons.
func (g *gen) iq4Borders(first, low, high string) {
	g.float(iq4Border(8), first)
	g.float(iq4Border(4), low)
	g.float(iq4Border(12), high)
}

// iq4Code finds the codes of the levels nearest to t by four comparisons, the first of
// which is left in half; it clobbers tmp.
func (g *gen) iq4Code(t, first, low, high, half, code, tmp string) {
	g.cmp(atLeast, t, first, half)
	g.p("VBLENDVPS", half, high, low, tmp)
	g.cmp(atLeast, t, tmp, tmp)
	g.p("VPADDD", half, half, code) // comparisons that hold are -1
	g.p("VPADDD", tmp, code, code)
	g.zero(tmp)
	g.p("VPSUBD", code, tmp, code)
	for _, table := range []string{"iq4Third", "iq4Fourth"} {
		g.p("VPERMPS", table+"<>(SB)", code, tmp)
		g.cmp(atLeast, t, tmp, tmp)
		g.p("VPADDD", code, code, code)
		g.p("VPSUBD", tmp, code, code)
	}
}

// iq4Level replaces t by the level nearest to it; it clobbers the temporaries.
func (g *gen) iq4Level(t, first, low, high, half, code, tmp string) {
	g.iq4Code(t, first, low, high, half, code, tmp)
	g.p("VPERMPS", "iq4Low<>(SB)", code, tmp)
	g.p("VPERMPS", "iq4High<>(SB)", code, code)
	g.p("VBLENDVPS", half, code, tmp, t)
}
