package receipt

import "testing"

// BenchmarkChain sums up a row of a vocabulary of 152k.
func BenchmarkChain(b *testing.B) {
	row := make([]float32, 152_000)
	c := NewChain(NewSalt())
	b.SetBytes(int64(4 * len(row)))
	for b.Loop() {
		c.Add(1, row)
	}
}

// BenchmarkVerify verifies a receipt without an engine.
func BenchmarkVerify(b *testing.B) {
	for _, q := range questions(b) {
		if q.Op != "receipt" || !q.Want.OK {
			continue
		}
		for b.Loop() {
			if _, err := check(&q); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
}
