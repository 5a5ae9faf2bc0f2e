package main

import "fmt"

// dots accumulates integer dot products of one group for one token: one sum, or
// one for each half of it.
//
// With VNNI that is one instruction a step. AVX2 has VPMADDUBSW, which adds two
// products to 16 bits and saturates: where the stored integers are small and
// unsigned, several steps are added in 16 bits first; where they are signed, the
// sign moves to the activation.
type dots struct {
	layout
	signed bool
	steps  int    // steps that 16 bits can hold
	left   [2]int // steps of a half that are still to come
	count  [2]int // steps added in 16 bits and not yet in 32
}

// Further registers of the AVX2 form, among those that the layout leaves free.
const (
	vQ    = vTmp
	vPair = vS
	vAbs  = 7
)

// ones is the register of sixteen-bit ones.
func (d *dots) ones() int {
	if d.signed {
		return 3
	}
	return 6
}

// sum16 is the register of the sixteen-bit sums of half h.
func (d *dots) sum16(h int) int {
	if d.bits == 6 { // the only layout whose halves alternate; it has no minimum
		return []int{vAccM, vDM}[h]
	}
	return 3
}

// newDots returns the accumulator for a layout.
func (g *gen) newDots(l layout) *dots {
	d := &dots{layout: l, signed: l.table || l.bits == 8, steps: 8}
	switch l.bits {
	case 5:
		d.steps = 4
	case 6:
		d.steps = 2
	}
	return d
}

// dotStart sets the accumulator of half h to what makes the offset of the stored
// integers vanish: -128 Σq shifted down to -offset Σq.
func (g *gen) dotStart(l layout, f form, d *dots, h int) {
	dot := g.r(vDot + h)
	d.count[h], d.left[h] = 0, f.block/4
	signed := d.signed && !g.wide() // the AVX2 form multiplies signed integers
	if f.minimum || signed {
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

// dotStep adds four columns: the step's integers in reg, which it may clobber,
// times the four activations at q.
func (g *gen) dotStep(d *dots, h int, q, reg string) {
	dot := g.r(vDot + h)
	if g.wide() {
		g.p("VPDPBUSD.BCST", q, reg, dot)
		return
	}
	act, pair := g.r(vQ), g.r(vPair)
	g.p("VPBROADCASTD", q, act)
	if d.signed {
		if d.bits == 8 {
			g.xor(g.r(rMask), reg, reg)
		}
		g.p("VPSIGNB", reg, act, act)
		g.p("VPABSB", reg, g.r(vAbs))
		g.p("VPMADDUBSW", act, g.r(vAbs), pair)
		g.p("VPMADDWD", g.r(d.ones()), pair, pair)
		g.p("VPADDD", pair, dot, dot)
		return
	}
	sum := g.r(d.sum16(h))
	if d.count[h] == 0 {
		g.p("VPMADDUBSW", act, reg, sum)
	} else {
		g.p("VPMADDUBSW", act, reg, pair)
		g.p("VPADDW", pair, sum, sum)
	}
	d.count[h]++
	d.left[h]--
	if d.count[h] == d.steps || d.left[h] == 0 {
		g.p("VPMADDWD", g.r(d.ones()), sum, sum)
		g.p("VPADDD", sum, dot, dot)
		d.count[h] = 0
	}
}

// dotConstants loads what dotStep needs.
func (g *gen) dotConstants(l layout) {
	if g.wide() {
		return
	}
	d := g.newDots(l)
	g.constant(0x00010001, g.r(d.ones()))
	if l.bits == 8 {
		g.constant(0x80808080, g.r(rMask))
	}
}
