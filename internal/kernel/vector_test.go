package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// onEach runs f on every implementation of this machine but the portable one,
// which is the definition that f compares with.
func onEach(t *testing.T, f func(t *testing.T)) {
	before := impl
	defer func() { impl = before }()
	for _, i := range Implementations() {
		t.Run(i.String(), func(t *testing.T) {
			impl = i
			f(t)
		})
	}
}

// portably runs f on the portable implementation.
func portably(f func()) {
	before := impl
	impl = Portable
	f()
	impl = before
}

// guarded returns n numbers with a canary on both sides, and a function that checks
// the canaries.
func guarded(n int) (x []float32, check func(t *testing.T, what string)) {
	const guard = 32
	canary := math.Float32frombits(0x7fbadbad)
	all := make([]float32, n+2*guard)
	for i := range all {
		all[i] = canary
	}
	return all[guard : guard+n : guard+n], func(t *testing.T, what string) {
		t.Helper()
		for i := range guard {
			if math.Float32bits(all[i]) != 0x7fbadbad || math.Float32bits(all[guard+n+i]) != 0x7fbadbad {
				t.Fatalf("%s of %d: wrote outside its output, at distance %d", what, n, i)
			}
		}
	}
}

// same fails where got and want differ in a bit; NaN equals NaN.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d of %d is %v (%#x), want %v (%#x)", what, i, len(want), got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

var rng = rand.New(rand.NewPCG(11, 12))

// random returns numbers of many magnitudes, some special.
func random(n int) []float32 {
	x := make([]float32, n)
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-45, 1e-39, -1e-38, 3e38, 88.7, -87.3, 1, -1}
	for i := range x {
		switch rng.IntN(12) {
		case 0:
			x[i] = special[rng.IntN(len(special))]
		case 1:
			x[i] = float32(rng.NormFloat64() * 40)
		default:
			x[i] = float32(rng.NormFloat64())
		}
	}
	return x
}

// lengths are 0 to twice the widest register and one more, and real widths.
func lengths() []int {
	var list []int
	for n := range 34 {
		list = append(list, n)
	}
	return append(list, 47, 48, 63, 64, 65, 127, 576, 1000)
}

func TestElementwise(t *testing.T) {
	ops := map[string]func(y, a, b []float32){
		"exp":        func(y, a, b []float32) { ExpAll(y, a) },
		"sigmoid":    func(y, a, b []float32) { SigmoidAll(y, a) },
		"tanh":       func(y, a, b []float32) { TanhAll(y, a) },
		"silu":       func(y, a, b []float32) { SiluAll(y, a) },
		"gelu":       func(y, a, b []float32) { GeluAll(y, a) },
		"geluErf":    func(y, a, b []float32) { GeluErfAll(y, a) },
		"siluMul":    SiluMul,
		"geluMul":    GeluMul,
		"add":        Add,
		"scale":      func(y, a, b []float32) { Scale(y, a, 0.3) },
		"div":        func(y, a, b []float32) { Div(y, a, 3) },
		"addScaled":  func(y, a, b []float32) { copy(y, b); AddScaled(y, a, 0.7) },
		"combine":    func(y, a, b []float32) { copy(y, b); combineRows(y, a, 0.9, 1.1) },
		"rmsnorm":    func(y, a, b []float32) { RMSNorm(y, a, b, 1e-6) },
		"layernorm":  func(y, a, b []float32) { LayerNorm(y, a, b, a, 1e-5) },
		"softmax":    func(y, a, b []float32) { Softmax(y, a) },
		"ropeHalves": func(y, a, b []float32) { copy(y, a); RopeHalves(y[:len(y)&^1], b[:len(b)/2], b[len(b)/2:]) },
		"ropePairs":  func(y, a, b []float32) { copy(y, a); RopePairs(y[:len(y)&^1], b, a) },
	}
	onEach(t, func(t *testing.T) {
		for name, op := range ops {
			for _, n := range lengths() {
				if n == 0 && (name == "rmsnorm" || name == "layernorm") {
					continue // a mean of nothing
				}
				a, b := random(n), random(n)
				y, check := guarded(n)
				op(y, a, b)
				check(t, name)
				want := make([]float32, n)
				portably(func() { op(want, a, b) })
				same(t, name, y, want)
			}
		}
	})
}

func TestSums(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, n := range lengths() {
			a, b := random(n), random(n)
			got := []float32{LaneSum(a), LaneDot(a, b), Max(a)}
			var want []float32
			portably(func() { want = []float32{LaneSum(a), LaneDot(a, b), Max(a)} })
			same(t, "sum, dot, max", got, want)
		}
	})
}

// TestMaxNaN finds one NaN wherever it stands: a token must not be drawn from logits
// that hold one.
func TestMaxNaN(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, n := range lengths() {
			for at := range n {
				x := random(n)
				x[at] = float32(math.NaN())
				if got := Max(x); got == got {
					t.Fatalf("the greatest of %d with NaN at %d is %v, want NaN", n, at, got)
				}
			}
		}
	})
}

// TestExp holds exp to the float64 exponential; its error is about one unit in the
// last place.
func TestExp(t *testing.T) {
	for range 20000 {
		x := float32(rng.Float64()*175 - 87)
		got, want := float64(Exp(x)), math.Exp(float64(x))
		if e := math.Abs(got-want) / want; e > 1.2e-7 {
			t.Fatalf("exp(%v) = %v, want %v: off by %.2g", x, got, want, e)
		}
	}
}

func TestFMA(t *testing.T) {
	for range 200000 {
		a, b, c := math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32())
		if rng.IntN(2) == 0 { // nearly cancels
			c = -float32(a * b)
		}
		p := float64(a) * float64(b) // exact, and one rounding from there is two from the sum
		if math.IsInf(p, 0) || p != p || c-c != 0 {
			continue
		}
		got := FMA(a, b, c)
		want := fmaExact(a, b, c)
		if math.Float32bits(got) != math.Float32bits(want) && got == got {
			t.Fatalf("fma(%v, %v, %v) = %v, want %v", a, b, c, got, want)
		}
	}
}
