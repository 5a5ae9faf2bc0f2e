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

// peakOf returns the loops with the instructions of an implementation.
func peakOf(impl kernel.Impl) (peak, bool) {
	const n = 8 << 10 // times: some 30 µs
	switch impl {
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
