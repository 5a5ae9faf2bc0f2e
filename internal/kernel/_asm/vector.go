package main

import (
	"fmt"
	"math"
)

// Fields of vectorArgs (../vector.go).
const (
	vecN   = "vectorArgs_n" // elements, a multiple of 16
	vecDst = "vectorArgs_dst"
	vecA   = "vectorArgs_a"
	vecB   = "vectorArgs_b"
	vecC   = "vectorArgs_c"
	vecS   = "vectorArgs_s" // float32
	vecT   = "vectorArgs_t" // float32
)

// elementwise emits a loop over n elements, a register at a time. Pointers: DI
// dst, SI a, DX b, CX c; setup runs once, body for each register.
func (g *gen) elementwise(name, doc string, setup, body func()) {
	g.routine(name, "vectorArgs", doc)
	g.p("MOVQ", m(vecN, "AX"), "R13")
	g.p("MOVQ", m(vecDst, "AX"), "DI")
	g.p("MOVQ", m(vecA, "AX"), "SI")
	g.p("MOVQ", m(vecB, "AX"), "DX")
	g.p("MOVQ", m(vecC, "AX"), "CX")
	if setup != nil {
		setup()
	}
	loop := g.label("next")
	g.at(loop)
	body()
	for _, r := range []string{"DI", "SI", "DX", "CX"} {
		g.p("ADDQ", fmt.Sprintf("$%d", g.bytes), r)
	}
	g.p("SUBQ", fmt.Sprintf("$%d", g.lanes()), "R13")
	g.p("JG", loop)
	g.ret()
}

// Constants of exp (CANON section 1), each a whole register in a table at R8.
const (
	expLog2e = iota
	expLn2hi
	expLn2lo
	expC0
	expC1
	expC2
	expC3
	expC4
	expC5
	expOne
	expLow
	expHigh
	expLimit
	expUnder
	expInf
	expSign // of -0
	expTwo
	expHalf
	gelu0
	gelu1
)

var expValues = []float64{
	1.44269504, -0.693145752, -1.42860677e-6, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
	4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, -88, 89, 88.72283, -87.33654, math.Inf(1), math.Copysign(0, -1),
	2, 0.5, 0.7978845608, 0.044715,
}

// expTable emits the table of a file; every routine that uses exp calls expSetup.
func (g *gen) expTable() {
	g.out.WriteString("\n")
	for i, v := range expValues {
		bits := uint64(math.Float32bits(float32(v)))
		for at := 0; at < g.bytes; at += 8 {
			fmt.Fprintf(&g.out, "DATA expTable<>+%d(SB)/8, $0x%016x\n", g.bytes*i+at, bits<<32|bits)
		}
	}
	fmt.Fprintf(&g.out, "GLOBL expTable<>(SB), RODATA|NOPTR, $%d\n", g.bytes*len(expValues))
}

func (g *gen) expSetup() { g.p("LEAQ", "expTable<>(SB)", "R8") }

// k returns a constant of the table.
func (g *gen) k(i int) string { return m(g.bytes*i, "R8") }

// exp replaces x by exp(x); it clobbers registers t to t+3. Where the result is 0
// anyway, exp(0) is computed: a product that becomes subnormal would hold up the
// processor a hundred cycles.
func (g *gen) exp(x string, t int) {
	n, r, p, s := g.r(t), g.r(t+1), g.r(t+2), g.r(t+3)
	g.p("VMAXPS", g.k(expLow), x, s) // a NaN is put back at the end
	g.p("VMINPS", g.k(expHigh), s, s)
	if g.wide() {
		g.p("VCMPPS", "$17", g.k(expUnder), x, "K3")
		g.p("VXORPS", s, s, "K3", s)
	} else {
		g.p("VCMPPS", "$17", g.k(expUnder), x, n)
		g.p("VANDNPS", s, n, s)
	}
	g.p("VMULPS", g.k(expLog2e), s, n)
	if g.wide() {
		g.p("VRNDSCALEPS", "$8", n, n)
	} else {
		g.p("VROUNDPS", "$8", n, n)
	}
	g.p("VMOVAPS", s, r)
	g.p("VFMADD231PS", g.k(expLn2hi), n, r)
	g.p("VFMADD231PS", g.k(expLn2lo), n, r)
	g.load(g.k(expC0), p)
	for c := expC1; c <= expC5; c++ {
		g.p("VFMADD213PS", g.k(c), r, p) // p = p*r + c
	}
	g.p("VMULPS", r, r, s)
	g.p("VFMADD213PS", r, s, p) // p = p*(r*r) + r
	g.p("VADDPS", g.k(expOne), p, p)
	if g.wide() {
		g.p("VSCALEFPS", n, p, p) // p * 2^n, rounded once
		g.p("VCMPPS", "$30", g.k(expLimit), x, "K2")
		g.p("VMOVUPS", g.k(expInf), "K2", p)
		g.p("VXORPS", p, p, "K3", p)
		g.p("VCMPPS", "$3", x, x, "K2")
		g.p("VMOVAPS", x, "K2", p)
		g.p("VMOVAPS", p, x)
		return
	}
	g.p("VCVTPS2DQ", n, n)
	g.p("VPSRAD", "$1", n, r)
	g.p("VPSUBD", r, n, n)
	for _, half := range []string{r, n} { // 2^n in two steps
		g.p("VPSLLD", "$23", half, half)
		g.p("VPADDD", g.k(expOne), half, half)
		g.p("VMULPS", half, p, p)
	}
	g.p("VCMPPS", "$30", g.k(expLimit), x, n)
	g.p("VBLENDVPS", n, g.k(expInf), p, p)
	g.p("VCMPPS", "$17", g.k(expUnder), x, n)
	g.p("VANDNPS", p, n, p)
	g.p("VCMPPS", "$3", x, x, n)
	g.p("VBLENDVPS", n, x, p, x)
}

// tanh replaces x by tanh(x) = 1 - 2/(exp(2x) + 1).
func (g *gen) tanh(x string, t int) {
	g.p("VMULPS", g.k(expTwo), x, x)
	g.exp(x, t)
	g.p("VADDPS", g.k(expOne), x, x)
	g.load(g.k(expTwo), g.r(t))
	g.p("VDIVPS", x, g.r(t), x)
	g.load(g.k(expOne), g.r(t))
	g.p("VSUBPS", x, g.r(t), x)
}

// bcastArg loads a float32 argument into every lane.
func (g *gen) bcastArg(field, dst string) { g.p("VBROADCASTSS", m(field, "AX"), dst) }

// vectors emits the elementwise operations.
func (g *gen) vectors() {
	x, y, z := g.r(0), g.r(1), g.r(2)
	s, t := g.r(3), g.r(4)
	args := func() { g.bcastArg(vecS, s); g.bcastArg(vecT, t) }
	unary := func(name, doc string, f func()) {
		g.elementwise(name, doc, g.expSetup, func() {
			g.load(m(0, "SI"), x)
			f()
			g.store(x, m(0, "DI"))
		})
	}
	sigmoidDenominator := func() { // z = 1 + exp(-x)
		g.xor(g.k(expSign), x, z)
		g.exp(z, 5)
		g.p("VADDPS", g.k(expOne), z, z)
	}
	geluX := func() {
		g.p("VMULPS", g.k(gelu1), x, z)
		g.p("VMULPS", x, x, y)
		g.p("VFMADD213PS", x, y, z) // 0.044715x * x² + x
		g.p("VMULPS", g.k(gelu0), z, z)
		g.tanh(z, 5)
		g.p("VADDPS", g.k(expOne), z, z)
		g.p("VMULPS", g.k(expHalf), x, x)
		g.p("VMULPS", z, x, x)
	}
	unary("vexp", "dst = exp(a)", func() { g.exp(x, 5) })
	unary("vsigmoid", "dst = 1 / (1 + exp(-a))", func() {
		sigmoidDenominator()
		g.load(g.k(expOne), x)
		g.p("VDIVPS", z, x, x)
	})
	unary("vtanh", "dst = tanh(a)", func() { g.tanh(x, 5) })
	unary("vsilu", "dst = a / (1 + exp(-a))", func() { sigmoidDenominator(); g.p("VDIVPS", z, x, x) })
	unary("vgelu", "dst = gelu(a)", geluX)
	unary("vsiluMul", "dst = silu(a) * b", func() {
		sigmoidDenominator()
		g.p("VDIVPS", z, x, x)
		g.p("VMULPS", m(0, "DX"), x, x)
	})
	unary("vgeluMul", "dst = gelu(a) * b", func() { geluX(); g.p("VMULPS", m(0, "DX"), x, x) })
	simple := func(name, doc string, f func()) {
		g.elementwise(name, doc, args, func() {
			g.load(m(0, "SI"), x)
			f()
			g.store(x, m(0, "DI"))
		})
	}
	simple("vadd", "dst = a + b", func() { g.p("VADDPS", m(0, "DX"), x, x) })
	simple("vscale", "dst = a * s", func() { g.p("VMULPS", s, x, x) })
	simple("vdiv", "dst = a / s", func() { g.p("VDIVPS", s, x, x) })
	simple("vfma", "dst = fma(s, a, dst)", func() { g.load(m(0, "DI"), y); g.p("VFMADD213PS", y, s, x) })
	simple("vnorm", "dst = (a * s) * b", func() { g.p("VMULPS", s, x, x); g.p("VMULPS", m(0, "DX"), x, x) })
	simple("vlayernorm", "dst = fma((a - t) * s, b, c)", func() {
		g.p("VSUBPS", t, x, x)
		g.p("VMULPS", s, x, x)
		g.load(m(0, "DX"), y)
		g.p("VFMADD213PS", m(0, "CX"), y, x)
	})
	simple("vcombine", "dst = fma(dst, s, a * t)", func() {
		g.p("VMULPS", t, x, x)
		g.load(m(0, "DI"), y)
		g.p("VFMADD231PS", y, s, x)
	})
	g.elementwise("vmulF16", "dst = a * b, b float16", nil, func() {
		g.p("VCVTPH2PS", m(0, "DX"), x)
		g.p("VMULPS", m(0, "SI"), x, x)
		g.store(x, m(0, "DI"))
		g.p("SUBQ", fmt.Sprintf("$%d", g.bytes/2), "DX") // half as wide as the others
	})
	g.elementwise("vropeHalves", "a, b = rotated pairs (a, b); c cosines, dst sines", nil, func() {
		g.load(m(0, "SI"), x)
		g.load(m(0, "DX"), y)
		g.load(m(0, "CX"), s)
		g.load(m(0, "DI"), t)
		g.p("VMULPS", t, y, z)
		g.p("VMULPS", s, y, y)
		g.p("VFMSUB231PS", s, x, z) // x0*c - (x1*s)
		g.p("VFMADD231PS", t, x, y) // x0*s + x1*c
		g.store(z, m(0, "SI"))
		g.store(y, m(0, "DX"))
	})
	g.elementwise("vropePairs", "dst = rotated neighbours; b = c0 s0 c1 s1 …, c = -s0 c0 -s1 c1 …", nil, func() {
		g.p("VMOVSLDUP", m(0, "DI"), x)
		g.p("VMOVSHDUP", m(0, "DI"), y)
		g.p("VMULPS", m(0, "CX"), y, y)
		g.p("VFMADD132PS", m(0, "DX"), y, x) // x = x*b + y
		g.store(x, m(0, "DI"))
	})
}
