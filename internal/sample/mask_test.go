package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMask draws under masks and compares with the plain definition, where the logits
// of tokens that are not in the mask are -Inf before all else.
func TestMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		V := 1 + rng.IntN(300)
		x := make([]float32, V)
		for i := range x {
			x[i] = float32(math.Round(rng.NormFloat64() * 4))
		}
		mask := make([]uint64, MaskWords(V))
		FillMask(mask, V)
		allowed := make([]bool, V)
		share := rng.Float64()
		for id := range allowed {
			allowed[id] = rng.Float64() < share || id == V/2
			if !allowed[id] {
				mask[id/64] &^= 1 << (id % 64)
			}
		}
		s := Settings{
			Temperature: []float32{0, 0.7, 1.5}[rng.IntN(3)], TopK: []int{0, 1, 40}[rng.IntN(3)], TopP: []float32{0, 0.9, 1}[rng.IntN(3)],
			Penalties: Penalties{Repetition: 1}, Seed: rng.Uint64(),
		}
		masked := slices.Clone(x)
		for id := range masked {
			if !allowed[id] {
				masked[id] = negInf
			}
		}
		want, err := New(s, nil).Next(masked, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := New(s, nil).Next(x, mask)
		if err != nil || got != want || !allowed[got] {
			t.Fatalf("%+v, %d logits: drew %d, %v, want %d", s, V, got, err, want)
		}
	}
}

// TestMaskShort: what a mask has no bit for is not allowed, what is behind the
// vocabulary does not count.
func TestMaskShort(t *testing.T) {
	x := make([]float32, 200)
	x[150] = 9
	x[70] = 1
	s := Settings{TopP: 1, Penalties: Penalties{Repetition: 1}}
	if id, err := New(s, nil).Next(x, []uint64{^uint64(0), ^uint64(0)}); err != nil || id != 70 {
		t.Errorf("got %d, %v, want 70", id, err)
	}
	full := make([]uint64, MaskWords(200))
	FillMask(full, 200)
	if full[3] != 1<<8-1 || full[0] != ^uint64(0) {
		t.Errorf("the mask of all is %x", full)
	}
	if id, err := New(s, nil).Next(x, full); err != nil || id != 150 {
		t.Errorf("got %d, %v, want 150", id, err)
	}
}

// TestTopPZero keeps the likeliest token alone.
func TestTopPZero(t *testing.T) {
	s := New(Settings{Temperature: 2, Penalties: Penalties{Repetition: 1}, Seed: 1}, nil)
	for range 50 {
		if id, err := s.Next([]float32{1, 2, 3, 2.9}, nil); err != nil || id != 2 {
			t.Fatalf("drew %d, %v, want 2", id, err)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for name, word := range map[string]uint64{"none": 0, "few": 1 << 17, "half": 0x5555555555555555, "most": ^uint64(1 << 9), "all": ^uint64(0)} {
		b.Run(name, func(b *testing.B) {
			x := make([]float32, 151936)
			mask := make([]uint64, MaskWords(len(x)))
			for i := range mask {
				mask[i] = word
			}
			for b.Loop() {
				apply(x, mask)
			}
		})
	}
}

// TestAccept wants the answer behind a forced token to be that behind a token which
// was the only candidate, with penalties and without a temperature too.
func TestAccept(t *testing.T) {
	logits := make([]float32, 200)
	for i := range logits {
		logits[i] = float32(i%17) / 4
	}
	for _, temperature := range []float32{0, 1} {
		settings := Settings{Temperature: temperature, TopP: 1, Seed: 7, Penalties: Penalties{Repetition: 1.5, Frequency: 0.3}}
		forced, only := New(settings, []int32{1}), New(settings, []int32{1})
		mask := make([]uint64, 4)
		mask[100/64] = 1 << (100 % 64)
		for i := range 20 {
			if i%3 == 1 {
				forced.Accept(100)
				if id, err := only.Next(logits, mask); id != 100 || err != nil {
					t.Fatalf("the only candidate: %d, %v", id, err)
				}
				continue
			}
			a, errA := forced.Next(logits, nil)
			b, errB := only.Next(logits, nil)
			if a != b || errA != nil || errB != nil {
				t.Fatalf("temperature %g, token %d: %d behind forced ones, %d behind only candidates (%v, %v)", temperature, i, a, b, errA, errB)
			}
		}
	}
}
