package kernel

// RopeHalves rotates the pairs (i, i+d/2) of x [d] in place, the NEOX order.
//
//	cos, sin [d/2]   Su et al. 2021, eq. 34.
func RopeHalves(x, cos, sin []float32) {
	h := len(x) / 2
	x0, x1 := x[:h], x[h:2*h]
	n := vectorPart(h)
	if n > 0 {
		vectorAsm(opRopeHalves, &vectorArgs{n: n, dst: ptr(sin), a: ptr(x0), b: ptr(x1), c: ptr(cos)})
	}
	for i := n; i < h; i++ {
		a, b := x0[i], x1[i]
		x0[i], x1[i] = FMA(a, cos[i], -float32(b*sin[i])), FMA(a, sin[i], float32(b*cos[i]))
	}
}

// RopePairs rotates the pairs (2i, 2i+1) of x [d] in place.
//
//	mul [d] = cos, sin, cos, sin …   cross [d] = -sin, cos, -sin, cos …
func RopePairs(x, mul, cross []float32) {
	n := vectorPart(len(x))
	if n > 0 {
		vectorAsm(opRopePairs, &vectorArgs{n: n, dst: ptr(x), b: ptr(mul), c: ptr(cross)})
	}
	for i := n; i+1 < len(x); i += 2 {
		x0, x1 := x[i], x[i+1]
		x[i], x[i+1] = FMA(x0, mul[i], float32(x1*cross[i])), FMA(x0, mul[i+1], float32(x1*cross[i+1]))
	}
}

// RopeFrequencies returns theta^(-2i/d) for i < d/2, without scaling.
func RopeFrequencies(d int, theta float64) []float64 {
	freq := make([]float64, d/2)
	log := Log64(theta)
	for i := range freq {
		freq[i] = Exp64(float64(-(2 * float64(i) / float64(d)) * log))
	}
	return freq
}

// InterleaveRope writes the tables of RopePairs from cosines and sines.
//
//	mul, cross [d]   cos, sin [d/2]
func InterleaveRope(mul, cross, cos, sin []float32) {
	for i, c := range cos {
		s := sin[i]
		mul[2*i], mul[2*i+1] = c, s
		cross[2*i], cross[2*i+1] = -s, c
	}
}

// UnturnHalves turns the pairs of x [d] back, in place: what RopeHalves does to a vector,
// transposed, which is the backward of it.
//
//	cos, sin, tmp [d/2]
func UnturnHalves(x, cos, sin, tmp []float32) {
	Scale(tmp, sin, -1)
	RopeHalves(x, cos, tmp[:len(sin)])
}

// UnturnPairs is UnturnHalves for RopePairs.
//
//	mul, cross [d]   tmp [2d]
func UnturnPairs(x, mul, cross, tmp []float32) {
	d := len(x)
	m, c := tmp[:d], tmp[d:2*d]
	for i := 0; i+1 < d; i += 2 {
		m[i], m[i+1] = mul[i], -mul[i+1]
		c[i], c[i+1] = -cross[i], cross[i+1]
	}
	RopePairs(x, m, c)
}
