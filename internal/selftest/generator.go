package selftest

// generator is the xorshift64* of CANON section 8.
type generator struct{ s uint64 }

func newGenerator() *generator { return &generator{88172645463325252} }

func (g *generator) next() uint64 {
	g.s ^= g.s >> 12
	g.s ^= g.s << 25
	g.s ^= g.s >> 27
	return g.s * 2685821657736338717 >> 40
}

// floats returns n numbers in [-1, 1).
func (g *generator) floats(n int) []float32 {
	y := make([]float32, n)
	for i := range y {
		y[i] = float32(float32(g.next())*0x1p-23) - 1
	}
	return y
}
