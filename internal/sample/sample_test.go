package sample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// plainDraw is CANON section 7 as it reads: sort everything, then cut.
func plainDraw(s Settings, logits []float32, u float32) int32 {
	x := slices.Clone(logits)
	for i := range x {
		x[i] /= s.Temperature
	}
	order := make([]int32, len(x))
	for i := range order {
		order[i] = int32(i)
	}
	sort.SliceStable(order, func(a, b int) bool { return x[order[a]] > x[order[b]] })
	if s.TopK > 0 && s.TopK < len(order) {
		order = order[:s.TopK]
	}
	e := make([]float32, len(x))
	for _, id := range order {
		e[id] = kernel.Exp(x[id] - x[order[0]])
	}
	total := kernel.LaneSum(e)
	run := make([]float32, len(order))
	var sum float32
	for i, id := range order {
		sum += e[id]
		run[i] = sum
	}
	keep := len(order)
	if s.TopP < 1 {
		for i := range run {
			if run[i] >= float32(s.TopP*total) {
				keep = i + 1
				break
			}
		}
	}
	if s.MinP > 0 {
		n := 0
		for _, id := range order {
			if e[id] >= s.MinP {
				n++
			}
		}
		keep = min(keep, n)
	}
	if keep < len(order) {
		total = run[keep-1]
	}
	for i := range keep {
		if run[i] > float32(u*total) {
			return order[i]
		}
	}
	return order[keep-1]
}

func TestDraw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		V := 1 + rng.IntN([]int{400, 3000, 400, 3 * partLogits}[n%4])
		x := make([]float32, V)
		for i := range x {
			x[i] = float32(math.Round(rng.NormFloat64()*8) / float64(1+rng.IntN(4))) // many ties
		}
		s := Settings{
			Temperature: []float32{0.3, 0.7, 1, 2, 10}[rng.IntN(5)], TopK: []int{0, 1, 5, 40, 1000}[rng.IntN(5)],
			TopP: []float32{1, 0.999, 0.9, 0.5, 0.01}[rng.IntN(5)], MinP: []float32{0, 0, 0.05, 0.5, 1}[rng.IntN(5)],
		}
		u := Uniform(rng.Uint64())
		sampler := Sampler{Settings: s}
		if got, want := sampler.Draw(slices.Clone(x), u), plainDraw(s, x, u); got != want {
			t.Fatalf("%+v, %d logits, u=%v: drew %d, want %d", s, V, u, got, want)
		}
	}
}

// TestParts: draws whose parts are done by several threads, in any order, are those that one
// thread comes to.
func TestParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 300 {
		x := make([]float32, 1+rng.IntN(5*partLogits))
		if n%7 == 0 {
			x = make([]float32, partLogits*(1+n%3)+n%2)
		}
		for i := range x {
			x[i] = float32(math.Round(rng.NormFloat64() * 9))
		}
		s := Settings{
			Temperature: []float32{0, 0.7, 1, 1e-40}[rng.IntN(4)], TopK: []int{0, 0, 40, len(x)}[rng.IntN(4)], TopP: []float32{1, 0.9}[rng.IntN(2)],
			MinP: []float32{0, 0.05}[rng.IntN(2)], Penalties: Penalties{Repetition: []float32{1, 1.3}[rng.IntN(2)]}, Seed: uint64(n),
		}
		alone, parted := New(s, []int32{0}), New(s, []int32{0})
		for k := range 4 {
			if k == 2 {
				x[rng.IntN(len(x))] = 30
			}
			want, err := alone.Next(x, nil)
			if err != nil {
				t.Fatal(err)
			}
			parts, err := parted.Begin(x, nil)
			if err != nil {
				t.Fatal(err)
			}
			together(parts, parted.Scan)
			if parts, err = parted.Spread(); err != nil {
				t.Fatal(err)
			}
			together(parts, parted.Weigh)
			if got := parted.End(); got != want {
				t.Fatalf("%+v, %d logits: drew %d in parts, %d alone", s, len(x), got, want)
			}
		}
	}
	s := New(Settings{TopP: 1, Penalties: Penalties{Repetition: 1}}, nil)
	x := make([]float32, 3*partLogits)
	x[2*partLogits+5] = float32(math.NaN())
	parts, err := s.Begin(x, nil)
	together(parts, s.Scan)
	if _, spread := s.Spread(); err != nil || parts != 3 || !errors.Is(spread, ErrLogits) {
		t.Errorf("a logit that is no number: %d parts, %v, %v", parts, err, spread)
	}
	if _, err := s.Begin(x, make([]uint64, MaskWords(len(x)))); !errors.Is(err, ErrMask) {
		t.Errorf("an empty mask: got %v, want %v", err, ErrMask)
	}
}

// together does parts on as many goroutines.
func together(parts int, do func(part int)) {
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() { do(part) })
	}
	all.Wait()
}

// TestDrawIsFair draws often and compares with the probabilities.
func TestDrawIsFair(t *testing.T) {
	x := []float32{1, 2, 0, -1, 2}
	s := New(Settings{Temperature: 1, TopP: 1, Penalties: Penalties{Repetition: 1}, Seed: 3}, nil)
	const n = 40000
	count := make([]int, len(x))
	for range n {
		id, err := s.Next(x, nil)
		if err != nil {
			t.Fatal(err)
		}
		count[id]++
	}
	p := make([]float32, len(x))
	kernel.Softmax(p, x)
	for i := range p {
		got, dev := float64(count[i])/n, math.Sqrt(float64(p[i])*(1-float64(p[i]))/n)
		if math.Abs(got-float64(p[i])) > 5*dev {
			t.Errorf("token %d was drawn %.4f of the times, want %.4f", i, got, p[i])
		}
	}
}

func TestNext(t *testing.T) {
	x := []float32{3, 1, 2, 2.5}
	greedy := Settings{TopP: 1, Penalties: Penalties{Repetition: 1}}
	next := func(s Settings, prompt []int32, mask []uint64) int32 {
		id, err := New(s, prompt).Next(x, mask)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if id := next(greedy, nil, nil); id != 0 {
		t.Errorf("greedy drew %d, want 0", id)
	}
	penalised := greedy
	penalised.Repetition = 2
	if id := next(penalised, []int32{0}, nil); id != 3 {
		t.Errorf("with token 0 penalised came %d, want 3", id)
	}
	biased := greedy
	biased.Bias = map[int32]float32{1: 10, 99: 5, -1: 5}
	if id := next(biased, nil, nil); id != 1 {
		t.Errorf("with token 1 biased came %d, want 1", id)
	}
	if id := next(greedy, nil, []uint64{1 << 2}); id != 2 {
		t.Errorf("with token 2 alone allowed came %d", id)
	}
	if x[0] != 3 || x[1] != 1 {
		t.Errorf("the logits were changed: %v", x)
	}
	wide := make([]float32, 100) // of which registers take most
	wide[20] = float32(math.NaN())
	for _, bad := range [][]float32{{1, float32(math.NaN())}, wide, {float32(math.Inf(1)), 0}} {
		if _, err := New(greedy, nil).Next(bad, nil); !errors.Is(err, ErrLogits) {
			t.Errorf("logits %v: got %v, want %v", bad, err, ErrLogits)
		}
	}
	for _, mask := range [][]uint64{{}, {0}, {1 << 4}} { // the last allows what is behind the vocabulary
		if _, err := New(greedy, nil).Next(x, mask); !errors.Is(err, ErrMask) || errors.Is(err, ErrLogits) {
			t.Errorf("nothing allowed: got %v, want %v", err, ErrMask)
		}
	}
	tiny := greedy
	tiny.Temperature = 1e-40
	x = []float32{1, 3, 2, 2.5} // all of which overflow
	if id := next(tiny, nil, nil); id != 1 {
		t.Errorf("at a temperature near 0 came %d, want 1, the greatest", id)
	}
}

// TestSeeds draws the same tokens from the same seed.
func TestSeeds(t *testing.T) {
	x := make([]float32, 100)
	draw := func(seed uint64) (ids []int32) {
		s := New(Settings{Temperature: 1, TopP: 1, Penalties: Penalties{Repetition: 1}, Seed: seed}, nil)
		for range 20 {
			id, err := s.Next(x, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	if !slices.Equal(draw(5), draw(5)) {
		t.Error("the same seed drew other tokens")
	}
	if slices.Equal(draw(5), draw(6)) {
		t.Error("another seed drew the same tokens")
	}
}

func TestValidate(t *testing.T) {
	good := Settings{Temperature: 1, TopP: 1, Penalties: Penalties{Repetition: 1}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	nan := float32(math.NaN())
	for name, change := range map[string]func(*Settings){
		"temperature": func(s *Settings) { s.Temperature = -1 }, "top-k": func(s *Settings) { s.TopK = -1 },
		"top-p": func(s *Settings) { s.TopP = 1.5 }, "min-p": func(s *Settings) { s.MinP = nan },
		"repeat-penalty": func(s *Settings) { s.Repetition = 0 }, "presence-penalty": func(s *Settings) { s.Presence = nan },
		"frequency-penalty": func(s *Settings) { s.Frequency = float32(math.Inf(1)) }, "token 7": func(s *Settings) { s.Bias = map[int32]float32{7: nan} },
	} {
		s := good
		change(&s)
		if err := s.Validate(); !errors.Is(err, ErrSetting) || !strings.Contains(err.Error(), name) {
			t.Errorf("a bad %s: got %v, want %v", name, err, ErrSetting)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 49152)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * 3)
	}
	for name, s := range map[string]Settings{
		"greedy": {TopP: 1}, "plain": {Temperature: 1, TopP: 1}, "top-p": {Temperature: 0.6, TopP: 0.95}, "top-k": {Temperature: 0.8, TopK: 40, TopP: 0.95},
	} {
		s.Repetition = 1
		b.Run(name, func(b *testing.B) {
			p := New(s, nil)
			for b.Loop() {
				if _, err := p.Next(x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
