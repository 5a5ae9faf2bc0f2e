package dataset

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPack lays random samples out: each is there once and whole, in a row that holds it,
// and the batch says the same.
func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(2, 40).Draw(t, "length")
		s := &Samples{}
		for i := range rapid.IntRange(1, 60).Draw(t, "samples") {
			x := Sample{}
			for j := range rapid.IntRange(2, length).Draw(t, "size") {
				x.IDs = append(x.IDs, int32(1000*i+j))
				x.Learned = append(x.Learned, rapid.Bool().Draw(t, "learned"))
			}
			if err := s.add(x, Place{}); err != nil {
				t.Fatal(err)
			}
		}
		p := Pack(s, length, 7, 0)
		b := p.Batch(0, len(p.Rows))
		seen := map[int32]bool{}
		targets := 0
		for r := range b.B {
			row := b.Segments[r*length : (r+1)*length]
			for at := 0; at < length; {
				segment, from := row[at], at
				for at < length && row[at] == segment {
					at++
				}
				if segment == 0 {
					continue
				}
				ids := b.IDs[r*length+from : r*length+at]
				i := ids[0] / 1000
				if seen[i] || !slices.Equal(ids, s.At(int(i)).IDs) {
					t.Fatalf("row %d from %d: ids %v are not sample %d, or are there twice", r, from, ids, i)
				}
				seen[i] = true
				for j := range ids {
					want := float32(0)
					if j > 0 && s.At(int(i)).Learned[j] {
						want, targets = 1, targets+1
					}
					if got := b.Weights[r*length+from+j]; got != want {
						t.Fatalf("sample %d, token %d: weight %g, want %g", i, j, got, want)
					}
				}
			}
		}
		if len(seen) != s.Len() || targets != s.Targets() || b.Targets() != float64(targets) || b.Tokens() != len(s.IDs) {
			t.Fatalf("%d of %d samples, %d targets of %d, %d tokens of %d", len(seen), s.Len(), targets, s.Targets(), b.Tokens(), len(s.IDs))
		}
	})
}

// TestPackOrder holds that seed and epoch alone decide the rows.
func TestPackOrder(t *testing.T) {
	s := &Samples{}
	for i := range 300 {
		n := 2 + i%17
		if err := s.add(Sample{IDs: make([]int32, n), Learned: make([]bool, n)}, Place{}); err != nil {
			t.Fatal(err)
		}
	}
	same := func(a, b *Packing) bool { return slices.EqualFunc(a.Rows, b.Rows, slices.Equal[[]int32]) }
	a := Pack(s, 32, 1, 0)
	if !same(a, Pack(s, 32, 1, 0)) {
		t.Error("the same seed and epoch gave other rows")
	}
	if same(a, Pack(s, 32, 1, 1)) || same(a, Pack(s, 32, 2, 0)) {
		t.Error("another seed or epoch gave the same rows")
	}
	if n, least := len(a.Rows), (len(s.IDs)+31)/32; n > least+least/20 {
		t.Errorf("%d rows, want about %d", n, least)
	}
}
