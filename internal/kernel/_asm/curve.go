package main

// Float weights of IQ6_K: codes of six bits, and in bit 6 which of two tables, the second one
// above the first. What a code stands for is a polynomial, every step of it rounded
// (../../quant/ik.go).

// curveConstants are those of the polynomial.
var curveConstants = []struct {
	name  string
	value float32
}{{"curveCubic", 0.0011972}, {"curveSquare", 0.11218}, {"curveLinear", 6.2568}, {"curveFirst", 127}}

// curveTables emits the constants.
func (g *gen) curveTables() {
	for _, c := range curveConstants {
		list := make([]float32, g.lanes())
		for i := range list {
			list[i] = c.value
		}
		g.floats(c.name, list)
	}
	g.dwords("curveMask", 63)
}

// curve loads one vector of weights of IQ6_K as float32; scale is where their scales stand.
// It clobbers registers 4 and 5, of the wide form 24 and 25.
func (g *gen) curve(mem, scale, dst string) {
	x, shift := g.r(4), g.r(5)
	if g.wide() {
		x, shift = g.r(24), g.r(25)
	}
	g.p("VPMOVZXBD", mem, x)
	g.p("VPSRLD", "$6", x, shift)
	g.p("VCVTDQ2PS", shift, shift)
	g.and("curveMask<>(SB)", x, x)
	g.p("VCVTDQ2PS", x, x)
	g.p("VMULPS", "curveCubic<>(SB)", x, dst)
	g.p("VSUBPS", "curveSquare<>(SB)", dst, dst)
	g.p("VMULPS", x, dst, dst)
	g.p("VADDPS", "curveLinear<>(SB)", dst, dst)
	g.p("VMULPS", x, dst, dst)
	g.p("VSUBPS", "curveFirst<>(SB)", dst, dst)
	g.p("VADDPS", shift, dst, dst)
	g.p("VMULPS", scale, dst, dst)
}
