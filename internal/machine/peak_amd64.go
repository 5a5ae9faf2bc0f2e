//go:build amd64 && !purego

package machine

import "github.com/blitz-r1/blitz/internal/kernel"

//go:noescape
func int8AVX512(n int)

//go:noescape
func f32AVX512(n int)

//go:noescape
func int8AVX2(n int)

//go:noescape
func f32AVX2(n int)

// tileShapes is what LDTILECFG reads, and how often a loop runs: palette 1, then bytes of a
// row of each tile, then rows of each.
type tileShapes struct {
	palette  byte
	_        [15]byte
	rowBytes [16]uint16
	rows     [16]byte
	times    int
}

// int8Tiles multiplies 6 n times 16 × 16 × 64 integers on the tiles of AMX.
func int8Tiles(n int) float64 {
	s := tileShapes{palette: 1, times: n}
	for t := range 8 {
		s.rowBytes[t], s.rows[t] = 64, 16
	}
	int8AMX(&s)
	return float64(n) * 6 * 16 * 16 * 64
}

// peakOf returns the loops with the instructions of an implementation.
func peakOf(impl kernel.Impl) (peak, bool) {
	const n = 8 << 10 // times: some 30 µs
	switch impl {
	case kernel.AMX:
		return peak{
			int8: func(int) float64 { return int8Tiles(n / 8) },
			f32:  func(int) float64 { f32AVX512(n); return n * 24 * 16 * 2 },
		}, true
	case kernel.AVX512:
		return peak{
			int8: func(int) float64 { int8AVX512(n); return n * 24 * 64 },
			f32:  func(int) float64 { f32AVX512(n); return n * 24 * 16 * 2 },
		}, true
	case kernel.AVX2:
		return peak{
			int8: func(int) float64 { int8AVX2(n / 2); return n / 2 * 4 * 8 * 32 },
			f32:  func(int) float64 { f32AVX2(2 * n); return 2 * n * 12 * 8 * 2 },
		}, true
	case kernel.Portable:
		return portablePeak, true
	}
	return peak{}, false
}
