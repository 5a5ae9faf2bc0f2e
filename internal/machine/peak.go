package machine

import "sync/atomic"

// peak is the arithmetic of an implementation in registers alone: nothing the
// kernels do can be faster.
type peak struct {
	int8 work // integer multiply-adds
	f32  work // float operations; a multiply-add is two
}

// portablePeak is what compiled Go does: one lane at a time.
var portablePeak = peak{int8Generic, f32Generic}

// sink takes what is computed for the time it takes.
var sink atomic.Uint64

func keep(v uint64) { sink.Store(v) }

// Factors of the portable chains. As variables they cannot be multiplied by in
// another way; the float chains approach one. Every chain starts elsewhere, or one
// would do for all.
var (
	int8Factor, int8Term int32   = 31, 127
	f32Factor, f32Term   float32 = 0.5, 0.5
)

// portableTimes is how often a call runs through the chains.
const portableTimes = 8 << 10

// int8Generic multiplies and adds integers in eight chains.
func int8Generic(int) float64 {
	w, q := int8Factor, int8Term
	a, b, c, d, e, f, g, h := q, q+1, q+2, q+3, q+4, q+5, q+6, q+7
	for range portableTimes {
		a = a*w + q
		b = b*w + q
		c = c*w + q
		d = d*w + q
		e = e*w + q
		f = f*w + q
		g = g*w + q
		h = h*w + q
	}
	keep(uint64(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h))
	return portableTimes * 8
}

// f32Generic multiplies and adds floats in twelve chains. Where Go fuses the two
// the machine can do that much more.
func f32Generic(int) float64 {
	w, x := f32Factor, f32Term
	a, b, c, d, e, f := x, x+1, x+2, x+3, x+4, x+5
	g, h, i, j, k, l := x+6, x+7, x+8, x+9, x+10, x+11
	for range portableTimes {
		a = a*w + x
		b = b*w + x
		c = c*w + x
		d = d*w + x
		e = e*w + x
		f = f*w + x
		g = g*w + x
		h = h*w + x
		i = i*w + x
		j = j*w + x
		k = k*w + x
		l = l*w + x
	}
	keep(uint64(a + b + c + d + e + f + g + h + i + j + k + l))
	return portableTimes * 12 * 2
}
