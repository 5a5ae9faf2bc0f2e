//go:build amd64 && !purego

package quant

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// fitRoutines says which routines of fit_amd64.s this processor runs. They give the same
// bits as the portable functions. Tests switch it.
var fitRoutines = bestFitRoutines()

const (
	fitPortable = iota
	fitAVX2
	fitAVX512
)

func bestFitRoutines() int {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasBMI1 || !x.HasBMI2:
		return fitPortable
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ:
		return fitAVX512
	}
	return fitAVX2
}

func hasFitRoutines() bool { return fitRoutines != fitPortable }

// fitArgs is what the routines take. Offsets are written out in fit_amd64.s.
type fitArgs struct {
	w, wx   *float32       // 0, 8
	n       int            // 16: registers of eight weights
	moves   *uint32        // 24
	ids     *uint16        // 32
	points  *[8]float32    // 40
	levels  unsafe.Pointer // 48: *ternary or *octal
	a, aa   float32        // 56, 60
	out     *uint16        // 64
	sums    *fitSums       // 72
	step    int            // 80: bytes from the sums of eight weights to the next, or 0
	x       *float32       // 88: of the ladder, with n weights
	inverse *[8]float32    // 96
}

//go:noescape
func fit3AVX2(args *fitArgs)

//go:noescape
func fit8AVX2(args *fitArgs)

//go:noescape
func fit3AVX512(args *fitArgs)

//go:noescape
func fit8AVX512(args *fitArgs)

//go:noescape
func climb3AVX2(args *fitArgs)

//go:noescape
func climb8AVX2(args *fitArgs)

func (c *codebook) fit3Fast(ids *[8]uint16, s []fitSums, w, wx []float32, a float32, t *ternary) {
	n, step := len(w)/8, 0
	if len(s) > 1 {
		step = int(unsafe.Sizeof(s[0]))
		_ = s[:n]
	}
	_, _ = wx[:len(w)], ids[:n]
	args := fitArgs{
		w: &w[0], wx: &wx[0], n: n, moves: &c.moves[0], ids: &c.ids[0], points: &c.points[0],
		levels: unsafe.Pointer(t), a: a, aa: float32(a * a), out: &ids[0], sums: &s[0], step: step,
	}
	if fitRoutines == fitAVX512 {
		fit3AVX512(&args)
	} else {
		fit3AVX2(&args)
	}
}

func (c *codebook) fit8Fast(ids *[8]uint16, s *fitSums, w, wx []float32, a float32, o *octal) {
	_, _ = wx[:len(w)], ids[:len(w)/4]
	args := fitArgs{
		w: &w[0], wx: &wx[0], n: len(w) / 8, moves: &c.moves[0], ids: &c.ids[0], points: &c.points[0],
		levels: unsafe.Pointer(o), a: a, aa: float32(a * a), out: &ids[0], sums: s,
	}
	if fitRoutines == fitAVX512 {
		fit8AVX512(&args)
	} else {
		fit8AVX2(&args)
	}
}

func (c *codebook) climb3Fast(s *fitSums, x, w, wx []float32, inverse *[8]float32) {
	_, _ = w[:len(x)], wx[:len(x)]
	climb3AVX2(&fitArgs{w: &w[0], wx: &wx[0], n: len(x), levels: unsafe.Pointer(&c.levels[0]), sums: s, x: &x[0], inverse: inverse})
}

func (c *codebook) climb8Fast(s *fitSums, x, w, wx []float32, inverse *[8]float32) {
	_, _ = w[:len(x)], wx[:len(x)]
	climb8AVX2(&fitArgs{w: &w[0], wx: &wx[0], n: len(x), levels: unsafe.Pointer(&c.levels[0]), sums: s, x: &x[0], inverse: inverse})
}
