package pagestore

import (
	"testing"
)

// BenchmarkPage writes and reads pages of 3 MB, as a model of 135 million parameters has.
func BenchmarkPage(b *testing.B) {
	s := open(b, b.TempDir(), 1<<40)
	h := s.Shelf(testMake)
	groups := [][]byte{make([]byte, 3<<20)}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(3 << 20)
		for i := 0; b.Loop(); i++ {
			s.allowed = 1 << 40
			if err := h.Write(&Page{Sum: Sum{byte(i), byte(i >> 8), byte(i >> 16)}, Groups: groups}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(3 << 20)
		for b.Loop() {
			if err := h.Read(Sum{}, groups); err != nil {
				b.Fatal(err)
			}
		}
	})
}
