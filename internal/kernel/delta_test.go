package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// The recurrence has the same bits on every implementation, and is that of its formula in
// float64.
func TestDeltaRule(t *testing.T) {
	normal := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	onEach(t, func(t *testing.T) {
		for _, size := range [][2]int{{1, 1}, {2, 16}, {3, 17}, {16, 31}, {32, 32}, {7, 64}, {128, 128}, {64, 100}} {
			DK, DV := size[0], size[1]
			before := normal(DK * DV)
			q, k, v := normal(DK), normal(DK), normal(DV)
			Unit(k, k, 1e-6)
			alpha, beta := float32(0.9), float32(0.4)
			what := fmt.Sprintf("%d × %d", DK, DV)
			state, check := guarded(DK * DV)
			out, checkOut := guarded(DV)
			copy(state, before)
			DeltaRule(out, state, q, k, v, make([]float32, DV), alpha, beta)
			check(t, what+": state")
			checkOut(t, what+": output")
			silent := append([]float32(nil), before...)
			DeltaRule(nil, silent, nil, k, v, make([]float32, DV), alpha, beta)
			same(t, what+": the state without an output", silent, state)
			want, wantOut := append([]float32(nil), before...), make([]float32, DV)
			portably(func() { DeltaRule(wantOut, want, q, k, v, make([]float32, DV), alpha, beta) })
			same(t, what+": state", state, want)
			same(t, what+": output", out, wantOut)
			for j := range DV {
				u, o := 0.0, 0.0
				for i := range DK {
					u += float64(alpha) * float64(before[i*DV+j]) * float64(k[i])
				}
				d := float64(beta) * (float64(v[j]) - u)
				for i := range DK {
					s := float64(alpha)*float64(before[i*DV+j]) + float64(k[i])*d
					o += s * float64(q[i])
				}
				if math.Abs(o-float64(out[j])) > 1e-4*(1+math.Abs(o)) {
					t.Fatalf("%s: output %d is %v, want %v", what, j, out[j], o)
				}
			}
		}
	})
}

func TestMulAdd(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, n := range lengths() {
			a, b, c := random(n), random(n), random(n)
			dst, check := guarded(n)
			copy(dst, c)
			MulAdd(dst, a, b)
			check(t, "MulAdd")
			want := append([]float32(nil), c...)
			for i := range want {
				want[i] = FMA(a[i], b[i], c[i])
			}
			same(t, fmt.Sprintf("MulAdd of %d", n), dst, want)
		}
	})
}

// Softplus keeps small values, for which ln(1 + e^x) in float32 is 0, and is x where x is
// large.
func TestSoftplus(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x := float32(r.NormFloat64() * 30)
		want := math.Log1p(math.Exp(-math.Abs(float64(x)))) + max(float64(x), 0)
		if got := float64(Softplus(x)); math.Abs(got-want) > 1e-7*want+1e-44 {
			t.Fatalf("softplus(%v) is %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float32]float32{-1e30: 0, 1e30: 1e30, 0: 0.6931472, 200: 200} {
		if got := Softplus(x); got != want {
			t.Errorf("softplus(%v) is %v, want %v", x, got, want)
		}
	}
	if got := Softplus(float32(math.NaN())); got == got {
		t.Errorf("softplus of NaN is %v", got)
	}
}

func BenchmarkDeltaRule(b *testing.B) {
	const D = 128
	s, q, k, v, o, d := make([]float32, D*D), make([]float32, D), make([]float32, D), make([]float32, D), make([]float32, D), make([]float32, D)
	for i := range q {
		q[i], k[i], v[i] = float32(i%5)-2, 0.05, float32(i%3)
	}
	b.SetBytes(4 * 4 * D * D)
	for b.Loop() {
		DeltaRule(o, s, q, k, v, d, 0.9, 0.5)
	}
}
