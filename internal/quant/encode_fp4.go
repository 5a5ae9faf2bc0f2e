package quant

import "math"

// e2m1Nearest has the code of the magnitude nearest to a number below 8, by four
// times the number: all borders are multiples of a quarter.
var e2m1Nearest = func() (t [32]uint8) {
	for i := range t {
		for c := 1; c < 8; c++ {
			if i >= int(e2m1Codes[c]&0xff)+int(e2m1Codes[c-1]&0xff) {
				t[i] = uint8(c)
			}
		}
	}
	return t
}()

// codeE2M1 returns the code of the four-bit float nearest to t, with the sign bit of t
// unless it is zero.
func codeE2M1(t float32) uint8 {
	a := min(max(t, -t), 7)
	c := e2m1Nearest[uint32(4*a)&31]
	if t < 0 && c != 0 {
		c |= 8
	}
	return c
}

// e2m1Error adds up the weighted squared errors of numbers x as four-bit floats, in
// units of the squared scale, whose inverse is given.
//
//	x [n]   w [n]
func e2m1Error(x, w []float32, inv float32) float32 {
	var sum float32
	w = w[:len(x)]
	for i, v := range x {
		a := float32(v * inv)
		a = max(a, -a)
		off := a - float32(e2m1Codes[e2m1Nearest[uint32(4*min(a, 7))&31]]&0xff)/2
		sum += float32(float32(off*off) * w[i])
	}
	return sum
}

// writeMXFP4 tries the exponent with which no number is beyond the greatest code, the
// one below it, which cuts numbers above 3/4 of the range, and one more.
func writeMXFP4(dst []byte, row, importance []float32) {
	var x, w [32]float32
	for i := 0; i < len(row); i += 32 {
		b := dst[i/32*17:][:17]
		if importance == nil {
			weigh(w[:], nil)
		} else {
			weigh(w[:], importance[i:i+32])
		}
		top := greatest(row[i : i+32])
		if top == 0 {
			clear(b)
			continue
		}
		_, exponent := math.Frexp(float64(top)) // top lies in [1/2, 1) * 2^exponent
		unit := math.Ldexp(1, 3-exponent)
		for j, v := range row[i : i+32] {
			x[j] = float32(float64(v) * unit) // below 8
		}
		best, e, inv := float32(math.MaxFloat32), 0, float32(0)
		for more := -1; more <= 1; more++ {
			code := min(max(exponent-3+127+more, 0), 252)
			scale := float32(math.Ldexp(1, code-127-exponent+3))
			if off := float32(float32(scale*scale) * e2m1Error(x[:], w[:], 1/scale)); off < best {
				best, e, inv = off, code, 1/scale
			}
		}
		b[0] = uint8(e)
		for j := range 16 {
			b[1+j] = codeE2M1(float32(x[j]*inv)) | codeE2M1(float32(x[j+16]*inv))<<4
		}
	}
}

// writeNVFP4 tries the scales with which the greatest number is a little beyond the
// greatest code, to those with which it is the code before.
func writeNVFP4(dst []byte, row, importance []float32) {
	var w [64]float32
	for i := 0; i < len(row); i += 64 {
		b := dst[i/64*36:][:36]
		if importance == nil {
			weigh(w[:], nil)
		} else {
			weigh(w[:], importance[i:i+64])
		}
		for g := range 4 {
			x := row[i+16*g:][:16]
			code, inv := scaleNVFP4(x, w[16*g:][:16])
			b[g] = code
			for j := range 8 {
				b[4+8*g+j] = codeE2M1(float32(x[j]*inv)) | codeE2M1(float32(x[j+8]*inv))<<4
			}
		}
	}
}

// scaleNVFP4 returns the code and the inverse of the best scale of sixteen numbers.
func scaleNVFP4(x, w []float32) (code uint8, inv float32) {
	const greatestCode = 0x7e
	top := greatest(x)
	first := 0
	for below, above := 0, greatestCode; below < above; { // the greatest scale that is at most a sixth of top
		middle := (below + above + 1) / 2
		if 12*halfUE4M3[middle] <= top {
			below = middle
		} else {
			above = middle - 1
		}
		first = below
	}
	best := float32(0)
	for i, v := range x {
		best += float32(float32(v*v) * w[i])
	}
	for c := max(first-3, 1); c <= min(first+6, greatestCode); c++ {
		scale := 2 * halfUE4M3[c]
		if off := float32(float32(scale*scale) * e2m1Error(x, w, 1/scale)); off < best {
			best, code, inv = off, uint8(c), 1/scale
		}
	}
	return code, inv
}
