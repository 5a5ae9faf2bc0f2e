package main

import "fmt"

// The integer dot products of one group for one token are one sum, or one for each half of
// the group. With VNNI a step is one instruction. The AVX2 form is for integers that are
// looked up, which are signed: VPMADDUBSW wants one unsigned operand, so that the sign moves
// to the activation.

// Further registers of the AVX2 form, among those that the layout leaves free.
const (
	vOnes = 3
	vQ    = vTmp
	vPair = vS
	vAbs  = 7
)

// dotStart sets the accumulator of half h to what makes the offset of the stored
// integers vanish: -128 Σq shifted down to -offset Σq.
func (g *gen) dotStart(l layout, f form, h int) {
	dot := g.r(vDot + h)
	if f.minimum || !g.wide() { // the AVX2 form multiplies signed integers
		g.zero(dot)
		return
	}
	g.p("VPBROADCASTD", m(4*h, "CX"), dot)
	if shift := 7 - offsetBits(l, f); shift > 0 {
		g.p("VPSRAD", fmt.Sprintf("$%d", shift), dot, dot)
	}
}

// offsetBits returns the logarithm of the offset of a layout's unsigned
// integers: 4-bit integers are 8 above what they mean, and so on.
func offsetBits(l layout, f form) int {
	switch {
	case l.table || l.bits == 8:
		return 7
	case l.bits == 2:
		return 0
	}
	return l.bits - 1
}

// dotStep adds four columns: the step's integers in reg, times the four activations at q.
func (g *gen) dotStep(h int, q, reg string) {
	dot := g.r(vDot + h)
	if g.wide() {
		g.p("VPDPBUSD.BCST", q, reg, dot)
		return
	}
	act, pair := g.r(vQ), g.r(vPair)
	g.p("VPBROADCASTD", q, act)
	g.p("VPSIGNB", reg, act, act)
	g.p("VPABSB", reg, g.r(vAbs))
	g.p("VPMADDUBSW", act, g.r(vAbs), pair)
	g.p("VPMADDWD", g.r(vOnes), pair, pair)
	g.p("VPADDD", pair, dot, dot)
}

// dotConstants loads what dotStep needs.
func (g *gen) dotConstants() {
	if !g.wide() {
		g.constant(0x00010001, g.r(vOnes))
	}
}
