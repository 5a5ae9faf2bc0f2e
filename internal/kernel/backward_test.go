package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// differences holds gradients to differences of a scalar function of x: the sum of w·f(x).
//
//	gradient [n] of x [n]
func differences(t *testing.T, what string, gradient, x []float32, f func() float64) {
	t.Helper()
	large := 0.0
	for _, v := range gradient {
		large = max(large, math.Abs(float64(v)))
	}
	for i := range x {
		at, h := x[i], float32(1e-2)
		x[i] = at + h
		up, high := f(), x[i]
		x[i] = at - h
		down, low := f(), x[i]
		x[i] = at
		got, want := float64(gradient[i]), (up-down)/(float64(high)-float64(low))
		if !(math.Abs(got-want) <= 5e-3*max(large, 0.1)) {
			t.Fatalf("%s: gradient %d is %v, differences say %v", what, i, got, want)
		}
	}
}

// small returns n numbers of about one.
func small(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// weighed returns the sum of w*y.
func weighed(y, w []float32) (sum float64) {
	for i, v := range y {
		sum += float64(v) * float64(w[i])
	}
	return sum
}

// TestNormBackward holds the backward of norms to differences.
func TestNormBackward(t *testing.T) {
	for _, n := range []int{1, 15, 16, 33} {
		x, w, dy, y := small(n), small(n), small(n), make([]float32, n)
		dx, dw := make([]float32, n), make([]float32, n)
		eps := float32(0.5) // a smaller one bends what differences take for straight
		RMSNormBackward(dx, dw, dy, x, w, eps, make([]float32, n))
		f := func() float64 { RMSNorm(y, x, w, eps); return weighed(y, dy) }
		differences(t, fmt.Sprint("x of ", n), dx, x, f)
		differences(t, fmt.Sprint("w of ", n), dw, w, f)
	}
}

// TestGateBackward holds the backward of gates to differences.
func TestGateBackward(t *testing.T) {
	for name, c := range map[string]struct {
		forward  func(y, gate, up []float32)
		backward func(dgate, dup, dy, gate, up, tmp []float32)
	}{"silu": {SiluMul, SiluMulBackward}, "gelu": {GeluMul, GeluMulBackward}} {
		n := 37
		gate, up, dy, y := small(n), small(n), small(n), make([]float32, n)
		dgate, dup := make([]float32, n), make([]float32, n)
		c.backward(dgate, dup, dy, gate, up, make([]float32, 3*n))
		f := func() float64 { c.forward(y, gate, up); return weighed(y, dy) }
		differences(t, name+" gate", dgate, gate, f)
		differences(t, name+" up", dup, up, f)
	}
}

// TestSoftcapBackward holds the backward of the soft cap to differences.
func TestSoftcapBackward(t *testing.T) {
	x, dy, y, dx := small(20), small(20), make([]float32, 20), make([]float32, 20)
	f := func() float64 {
		Div(y, x, 1.5)
		TanhAll(y, y)
		Scale(y, y, 1.5)
		return weighed(y, dy)
	}
	f()
	SoftcapBackward(dx, dy, y, 1.5)
	differences(t, "softcap", dx, x, f)
}

// TestRopeBackward turns vectors back, which gives their length times the factor's square.
func TestRopeBackward(t *testing.T) {
	d := 40
	cos, sin := make([]float32, d/2), make([]float32, d/2)
	for i := range cos {
		s, c := math.Sincos(float64(i))
		cos[i], sin[i] = float32(c), float32(s)
	}
	mul, cross := make([]float32, d), make([]float32, d)
	InterleaveRope(mul, cross, cos, sin)
	for name, turn := range map[string]func(x []float32, back bool){
		"halves": func(x []float32, back bool) {
			if back {
				UnturnHalves(x, cos, sin, make([]float32, d/2))
			} else {
				RopeHalves(x, cos, sin)
			}
		},
		"pairs": func(x []float32, back bool) {
			if back {
				UnturnPairs(x, mul, cross, make([]float32, 2*d))
			} else {
				RopePairs(x, mul, cross)
			}
		},
	} {
		x, dy := small(d), small(d)
		dx := append([]float32{}, dy...)
		turn(dx, true)
		differences(t, name, dx, x, func() float64 {
			y := append([]float32{}, x...)
			turn(y, false)
			return weighed(y, dy)
		})
	}
}

// TestRouterBackward holds the backward of the weights of chosen experts to differences.
func TestRouterBackward(t *testing.T) {
	E, K := 12, 3
	for _, r := range []Router{{}, {Normalise: true}, {Sigmoid: true}, {Sigmoid: true, Normalise: true, Groups: 4, GroupsKept: 2}} {
		r.TopK, r.Factor = K, 1.7
		logits, dw := small(E), small(K)
		for i := range logits {
			logits[i] += float32(i%5) / 2 // no two are close
		}
		ids, weights := make([]int32, K), make([]float32, K)
		var s RouteScratch
		r.Route(ids, weights, logits, &s)
		score, dscore := make([]float32, E), small(E)
		r.Scores(score, logits)
		of := append([]float32{}, dscore...)
		d := make([]float32, E)
		r.Backward(d, dscore, score, make([]float32, E), ids, dw)
		chosen := append([]int32{}, ids...)
		differences(t, fmt.Sprintf("%+v", r), d, logits, func() float64 {
			r.Scores(score, logits)
			sum, y := weighed(score, of), make([]float64, K)
			total := 0.0
			for k, id := range chosen {
				y[k] = float64(score[id])
				total += y[k]
			}
			for k := range y {
				if r.Normalise {
					y[k] /= total
				}
				sum += y[k] * float64(r.Factor) * float64(dw[k])
			}
			return sum
		})
	}
}

// attendPlain is causal attention of one head in float64.
func attendPlain(a *AttentionBackward) (out [][]float64) {
	for i := range a.N {
		var p []float64
		from, sum := a.first(i), 0.0
		for j := from; j <= i; j++ {
			s := 0.0
			for d, v := range a.Q.Row(i, a.KeyDim) {
				s += float64(v) * float64(a.K.Row(j, a.KeyDim)[d])
			}
			s *= float64(a.Scale)
			if c := float64(a.Cap); c != 0 {
				s = c * math.Tanh(s/c)
			}
			p = append(p, math.Exp(s))
			sum += p[j-from]
		}
		y := make([]float64, a.ValueDim)
		for j, v := range p {
			for d := range y {
				y[d] += v / sum * float64(a.V.Row(from+j, a.ValueDim)[d])
			}
		}
		out = append(out, y)
	}
	return out
}

// TestAttentionBackward holds the backward of attention to differences, for windows, soft
// caps, values that are a part of the keys, and sequences of several runs of queries.
func TestAttentionBackward(t *testing.T) {
	for _, c := range []struct {
		n, dk, dv, window int
		cap               float32
		shared            bool
	}{{1, 8, 8, 0, 0, false}, {9, 8, 5, 0, 0, false}, {9, 8, 8, 3, 0, false}, {9, 8, 8, 0, 2, false}, {9, 20, 16, 0, 0, true}, {70, 3, 2, 0, 0, false}, {70, 3, 2, 7, 0, false}} {
		rows := func(d int) Rows { return Rows{small(c.n*(d+1) + d), d + 1} }
		a := AttentionBackward{
			N: c.n, KeyDim: c.dk, ValueDim: c.dv, Scale: 0.4, Cap: c.cap, Window: c.window, Shared: c.shared,
			Q: rows(c.dk), K: rows(c.dk), V: rows(c.dv), Out: rows(c.dv), DOut: rows(c.dv), DQ: rows(c.dk), DK: rows(c.dk), DV: rows(c.dv),
		}
		clear(a.DQ.X)
		if c.shared {
			a.V = a.K
		}
		for i, y := range attendPlain(&a) {
			for d, v := range y {
				a.Out.Row(i, c.dv)[d] = float32(v)
			}
		}
		a.Backward(new(Thread))
		f := func() (sum float64) {
			for i, y := range attendPlain(&a) {
				for d, v := range y {
					sum += v * float64(a.DOut.Row(i, c.dv)[d])
				}
			}
			return sum
		}
		for i := 0; i < c.n; i += max(1, c.n/9) {
			what := fmt.Sprintf("%+v row %d of ", c, i)
			differences(t, what+"queries", a.DQ.Row(i, c.dk), a.Q.Row(i, c.dk), f)
			differences(t, what+"keys", a.DK.Row(i, c.dk), a.K.Row(i, c.dk), f)
			if !c.shared {
				differences(t, what+"values", a.DV.Row(i, c.dv), a.V.Row(i, c.dv), f)
			}
		}
	}
}

// TestTurned holds turned columns to the rows of the matrix, on every implementation.
func TestTurned(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.BF16} {
		for _, c := range [][2]int{{1, 1}, {16, 32}, {33, 40}, {50, 17}, {33, 150}} {
			m := NewFloatMatrix(c[0], c[1], dt, nil)
			m.Data = tensor.Aligned(m.Bytes())
			for i := 0; i+1 < len(m.Data); i += 2 {
				m.Data[i+1] = byte(0x3f + i%7)
			}
			row := make([]float32, c[1])
			for _, i := range Implementations() {
				before := impl
				impl = i
				var s BackScratch
				for c0, groups := 0, 1; c0 < c[1]; c0, groups = c0+groups*Group, 3-groups {
					turned := s.Turned(&m, c0, groups)
					got := make([]float32, c[0])
					for k := range turned.Rows {
						turned.Row(got, k)
						for r, v := range got {
							if m.Row(row, r); v != row[c0+k] {
								t.Fatalf("%v %v %v: row %d, column %d is %v, want %v", i, dt, c, r, c0+k, v, row[c0+k])
							}
						}
					}
				}
				impl = before
			}
		}
	}
}

// TestColumns holds columns and elements that are set to the rows that are.
func TestColumns(t *testing.T) {
	for _, n := range []int{1, 3, 16, 21} {
		K := 19
		var byRow, byElement, byTile F32
		byTile.Reset(n, K)
		byRow.Reset(n, K)
		byElement.Reset(n, K)
		var memory, other []byte
		rows, columns := floatMatrix(&memory, n, K), floatMatrix(&other, n, K)
		x := small(n * K)
		for r := range n {
			byRow.Set(r, x[r*K:])
		}
		rows.SetRows(x, K, new(BackScratch))
		for i := range byTile.Tiles() {
			byTile.SetTile(i, x, K, new(BackScratch))
		}
		turned := make([]float32, K*(n+3))
		for k := range K {
			for r := range n {
				turned[k*(n+3)+r] = x[r*K+k]
			}
		}
		for k := 0; k < K; k += 7 {
			byElement.SetElements(k, turned[k*(n+3):], n+3, min(7, K-k))
			columns.SetColumns(k, turned[k*(n+3):], n+3, min(7, K-k))
		}
		var a, b, c F32
		c.Reset(1, K)
		a.Reset(1, K)
		b.Reset(1, K)
		got, want := make([]float32, K), make([]float32, K)
		for r := range n {
			a.Copy(0, &byRow, r)
			b.Copy(0, &byElement, r)
			c.Copy(0, &byTile, r)
			rows.Row(want, r)
			columns.Row(got, r)
			for k := range K {
				if a.x[k] != x[r*K+k] || b.x[k] != x[r*K+k] || c.x[k] != x[r*K+k] || got[k] != want[k] || want[k] != x[r*K+k] {
					t.Fatalf("%d rows: row %d, column %d: %v %v %v %v, want %v", n, r, k, a.x[k], b.x[k], got[k], want[k], x[r*K+k])
				}
			}
		}
	}
}

// TestAddFloatProduct holds products that are added to those that are written, with the same
// bits on every implementation, and to what stands behind them.
func TestAddFloatProduct(t *testing.T) {
	defer UseImpl(impl)
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3} {
		for _, rows := range []int{1, 7, 8, 9, 16, 40, 65} {
			for T := 1; T <= 2*Tile+1; T++ {
				const K, canary = 37, 12345
				m := floatsOf(t, dt, rows, K)
				var x F32
				x.Reset(T, K)
				for v := range T {
					x.Set(v, small(K))
				}
				ldy := rows + 3
				before := small(T * ldy)
				var want []float32
				for _, i := range Implementations() {
					UseImpl(i)
					y := make([]float32, T*ldy)
					FloatProduct(y, ldy, &x, &m, 0, m.Blocks(), new(Scratch))
					got := append([]float32{}, before...)
					for v := range T {
						for r := rows; r < ldy; r++ {
							got[v*ldy+r] = canary
						}
					}
					AddFloatProduct(got, ldy, &x, &m, 0, m.Blocks(), new(Scratch))
					for v := range T {
						for r := range ldy {
							at := v*ldy + r
							if r >= rows && got[at] != canary {
								t.Fatalf("%v %v: %d rows, %d vectors: wrote behind row %d of vector %d", i, dt, rows, T, r, v)
							}
							if sum := before[at] + y[at]; r < rows && math.Float32bits(got[at]) != math.Float32bits(sum) {
								t.Fatalf("%v %v: %d rows, %d vectors: row %d of vector %d is %v, want %v", i, dt, rows, T, r, v, got[at], sum)
							}
						}
					}
					if want == nil {
						want = got
					}
					for at, v := range want {
						if math.Float32bits(v) != math.Float32bits(got[at]) {
							t.Fatalf("%v %v: %d rows, %d vectors: number %d is %v, want %v", i, dt, rows, T, at, got[at], v)
						}
					}
				}
			}
		}
	}
}

// floatsOf returns a random float matrix.
func floatsOf(t *testing.T, dt tensor.DType, rows, cols int) Matrix {
	t.Helper()
	m := NewFloatMatrix(rows, cols, dt, nil)
	m.Data = tensor.Aligned(m.Bytes())
	for i := range m.Data {
		m.Data[i] = byte(rng.Uint32()) &^ 0x44 // no infinities, no NaNs
	}
	if dt == tensor.F8E4M3 {
		for b := range m.Blocks() {
			scales, _, _, _ := m.ScaleRegions(m.block(b))
			for i := range FloatsOf(scales) {
				FloatsOf(scales)[i] = 0.5 + float32(i%7)
			}
		}
	}
	return m
}
