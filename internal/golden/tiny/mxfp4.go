package tiny

import (
	"math"
	"strings"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// e2m1 are the numbers of the codes of four bits.
var e2m1 = [8]float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}

// mxfp4 returns a block of 32 numbers as codes and the power of two that they share, plus
// 127: floor(log2(largest)) - 2, ties to the even code.
func mxfp4(x []float64) (codes [32]byte, e byte) {
	big := 0.0
	for _, v := range x {
		big = max(big, math.Abs(v))
	}
	if big == 0 {
		return codes, 0
	}
	_, exp := math.Frexp(big)
	power := math.Ldexp(1, exp-3)
	for i, v := range x {
		y := math.Abs(v) / power
		for k := range 7 {
			if edge := (e2m1[k] + e2m1[k+1]) / 2; y > edge || y == edge && k%2 == 1 {
				codes[i]++
			}
		}
		if v < 0 && codes[i] > 0 {
			codes[i] |= 8
		}
	}
	return codes, byte(exp - 3 + 127)
}

// packed returns a tensor of gpt-oss's MXFP4, NAME_blocks or NAME_scales.
func (m *Model) packed(t Tensor) Stored {
	name := strings.TrimSuffix(strings.TrimSuffix(t.Name, "_scales"), "_blocks") + "_blocks"
	E, rows, n := t.Shape[0], t.Shape[1], t.Shape[2]
	_, dev := m.Config.laterLaw(Tensor{name, []int{E, rows, n, 16}})
	x := Noise(m.Seed, name, E*rows*n*32)
	for i := range x {
		x[i] *= dev
	}
	s := Stored{Name: t.Name, Type: tensor.U8, Shape: t.Shape}
	for at := 0; at < len(x); at += 32 {
		codes, e := mxfp4(x[at:][:32])
		if strings.HasSuffix(t.Name, "_scales") {
			s.Data = append(s.Data, e)
			continue
		}
		for j := 0; j < 32; j += 2 {
			s.Data = append(s.Data, codes[j]|codes[j+1]<<4)
		}
	}
	return s
}
