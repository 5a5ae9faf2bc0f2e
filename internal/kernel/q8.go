package kernel

import (
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// Q8 holds T vectors of K elements quantised in groups of 32 (CANON section 2),
// in the order in which products read them: tiles of sixteen vectors, in a tile
// the groups in ascending order, in a group the vectors side by side.
type Q8 struct {
	T, K   int
	groups int
	q      []int8    // of a tile n wide [groups][n][32]
	scale  []float32 // [groups][n]
	nsum   []int32   // [groups][n]: -128 Σq
	xsum   []float32 // [groups][n]: scale * Σq
	nsum16 []int32   // [groups][2][n]: the same for each half
	xsum16 []float32
}

// Reset makes room for T vectors of K elements. Routines may read Tile vectors of a group
// where the last tile is narrower: there is room for as many behind it.
func (a *Q8) Reset(T, K int) {
	a.T, a.K, a.groups = T, K, (K+Group-1)/Group
	n := paddedVectors(T)*a.groups + Tile
	a.q = tensor.Resize(a.q, n*Group)
	a.scale = tensor.Resize(a.scale, n)
	a.nsum = tensor.Resize(a.nsum, n)
	a.xsum = tensor.Resize(a.xsum, n)
	a.nsum16 = tensor.Resize(a.nsum16, 2*n)
	a.xsum16 = tensor.Resize(a.xsum16, 2*n)
}

// Quantise sets vector t to x [K]. Several goroutines may set vectors of their own.
func (a *Q8) Quantise(t int, x []float32) {
	_, n, first := tileAt(a.T, t/Tile)
	v := q8Vector{n: n, at: first*a.groups + t - first, at16: 2*first*a.groups + t - first}
	whole := a.K / Group
	if whole > 0 {
		if impl == Portable {
			for g := range whole {
				a.group(v, g, x[g*Group:][:Group])
			}
		} else {
			a.quantiseAsm(v, x[:whole*Group])
		}
	}
	if whole < a.groups {
		var rest [Group]float32
		copy(rest[:], x[whole*Group:a.K])
		a.group(v, whole, rest[:])
	}
}

// q8Vector is the place of one vector: group g is n*g behind at, 2n*g behind at16.
type q8Vector struct{ n, at, at16 int }

// group quantises one group in portable Go.
func (a *Q8) group(v q8Vector, g int, x []float32) {
	at, at16 := v.at+v.n*g, v.at16+2*v.n*g
	q := a.q[at*Group:][:Group]
	scale := quantiseGroup(q, x)
	var sums [2]int32
	for i, w := range q {
		sums[i/16] += int32(w)
	}
	a.scale[at] = scale
	a.nsum[at] = -128 * (sums[0] + sums[1])
	a.xsum[at] = scale * float32(sums[0]+sums[1])
	for h, s := range sums {
		a.nsum16[at16+h*v.n] = -128 * s
		a.xsum16[at16+h*v.n] = scale * float32(s)
	}
}

// quantiseGroup sets q to the integers of x, however long, and returns their
// scale.
func quantiseGroup(q []int8, x []float32) (scale float32) {
	var bits uint32 // magnitudes order as their bits do, NaN above all
	for _, v := range x {
		bits = max(bits, math.Float32bits(v)&0x7fffffff)
	}
	a := math.Float32frombits(bits)
	switch {
	case bits >= 0x7f800000:
		clear(q)
		return float32(math.NaN())
	case a < 0x1p-100:
		clear(q)
		return 0
	}
	scale = a / 127
	inv := 127 / a
	for i, v := range x {
		q[i] = int8(roundEven(float32(v * inv)))
	}
	return scale
}

// roundEven rounds to the nearest integer, ties to even; |x| is below 2^22.
func roundEven(x float32) int32 {
	const magic = 3 << 22
	return int32(float32(x+magic) - magic)
}

// Groups returns the integers, scales and sums of all vectors, one vector after
// the other: q [T, G*32], scale and xsum [T, G].
func (a *Q8) Groups() (q []int8, scale, xsum []float32) {
	for t := range a.T {
		_, n, first := tileAt(a.T, t/Tile)
		for g := range a.groups {
			at := first*a.groups + g*n + t - first
			q = append(q, a.q[at*Group:][:Group]...)
			scale = append(scale, a.scale[at])
			xsum = append(xsum, a.xsum[at])
		}
	}
	return q, scale, xsum
}

// Copy sets vector t to vector from of src, which has as many elements, without
// quantising it again: a token that goes to an expert.
func (a *Q8) Copy(t int, src *Q8, from int) {
	_, n, first := tileAt(a.T, t/Tile)
	_, srcN, srcFirst := tileAt(src.T, from/Tile)
	for g := range a.groups {
		at, srcAt := first*a.groups+g*n+t-first, srcFirst*a.groups+g*srcN+from-srcFirst
		copy(a.q[at*Group:][:Group], src.q[srcAt*Group:][:Group])
		a.scale[at], a.nsum[at], a.xsum[at] = src.scale[srcAt], src.nsum[srcAt], src.xsum[srcAt]
		for h := range 2 {
			at, srcAt := 2*first*a.groups+(2*g+h)*n+t-first, 2*srcFirst*a.groups+(2*g+h)*srcN+from-srcFirst
			a.nsum16[at], a.xsum16[at] = src.nsum16[srcAt], src.xsum16[srcAt]
		}
	}
}
