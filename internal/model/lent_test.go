package model

import (
	"math/rand/v2"
	"testing"
)

// TestLent lends and takes back memory of random sizes: nobody has what another has, and
// what is held stays close to what was lent at once.
func TestLent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l lent
	var out [][]float32
	for i := range 5000 {
		if len(out) > 0 && (len(out) > 20 || rng.IntN(2) == 0) {
			k := rng.IntN(len(out))
			x := out[k]
			for _, v := range x {
				if v != x[0] {
					t.Fatalf("what was written as %v is %v", x[0], v)
				}
			}
			l.give(x)
			out = append(out[:k], out[k+1:]...)
			continue
		}
		n := 1 + rng.IntN(1<<rng.IntN(15))
		x := l.room(n)
		if len(x) != n {
			t.Fatalf("%d numbers, want %d", len(x), n)
		}
		for k := range x {
			x[k] = float32(i)
		}
		out = append(out, x)
		if most := int64(l.most) * 4; l.bytes() > most+most/4 {
			t.Fatalf("%d bytes are held, %d were lent at once", l.bytes(), most)
		}
	}
	for _, x := range out {
		l.give(x)
	}
	if l.used != 0 {
		t.Errorf("%d numbers are lent to nobody", l.used)
	}
}
