package tiny

import (
	"encoding/binary"
	"math"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// blockLaw says where the float16 scales of a block stand, and the root mean square of
// a decoded random block whose scale is 1.
var blockLaw = map[tensor.DType]struct {
	scale, min int     // bytes in the block; min < 0: none
	rms        float64 // with a minimum of minRatio scales
}{
	tensor.Q4_K: {scale: 0, min: 2, rms: 263},
	tensor.Q6_K: {scale: 208, min: -1, rms: 1334},
}

// minRatio is a minimum that makes the mean of 4-bit weights zero.
const minRatio = 7.5

// randomBlocks returns random blocks of a K type instead of w, as large as w is: there
// is no encoder for these types here, and the same bits in every batch need none.
func randomBlocks(seed int, name string, t tensor.DType, w []float32) []byte {
	law := blockLaw[t]
	var square float64
	for _, v := range w {
		square += float64(v) * float64(v)
	}
	scale := math.Sqrt(square/float64(len(w))) / law.rms
	x := noise(seed, name+":"+t.String(), t.RowBytes(len(w)))
	b := make([]byte, 0, len(x))
	for _, v := range x {
		b = append(b, byte(int(v*1000)))
	}
	size := t.RowBytes(t.Block())
	for at := 0; at < len(b); at += size {
		d := scale * (1 + x[at]/8)
		binary.LittleEndian.PutUint16(b[at+law.scale:], quant.F32ToF16(float32(d)))
		if law.min >= 0 {
			binary.LittleEndian.PutUint16(b[at+law.min:], quant.F32ToF16(float32(d*minRatio)))
		}
	}
	return b
}
