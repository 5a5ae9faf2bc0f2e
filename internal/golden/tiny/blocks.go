package tiny

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// blockLaw is how random blocks of a type get weights of a wanted size.
type blockLaw struct {
	rms   float64 // of a decoded random block whose float16 scale is 1
	scale int     // where the scale stands in a block, in bytes
	min   int     // where the minimum stands; 0: the type has none
	ratio float64 // minimum by scale, which makes the mean weight zero
}

// blockLaws are the types of which a model can be made of random blocks; MXFP4 and
// NVFP4, whose scales are no float16, are two more.
var blockLaws = map[tensor.DType]blockLaw{
	tensor.Q4_0:    {rms: 4.626},
	tensor.Q4_1:    {rms: 4.606, min: 2, ratio: -7.5},
	tensor.Q5_0:    {rms: 9.231},
	tensor.Q5_1:    {rms: 9.235, min: 2, ratio: -15.5},
	tensor.Q8_0:    {rms: 74.16},
	tensor.Q2_K:    {rms: 13.8, scale: 80, min: 82, ratio: 1.5},
	tensor.Q3_K:    {rms: 43.4, scale: 108},
	tensor.Q4_K:    {rms: 263, min: 2, ratio: 7.5},
	tensor.Q5_K:    {rms: 525, min: 2, ratio: 15.5},
	tensor.Q6_K:    {rms: 1334, scale: 208},
	tensor.IQ2_XXS: {rms: 53.2},
	tensor.IQ2_XS:  {rms: 54.5},
	tensor.IQ2_S:   {rms: 56.8},
	tensor.IQ3_XXS: {rms: 140.7},
	tensor.IQ3_S:   {rms: 139.9},
	tensor.IQ1_S:   {rms: 7.1},
	tensor.IQ1_M:   {rms: 7.15},
	tensor.IQ4_NL:  {rms: 67.7},
	tensor.IQ4_XS:  {rms: 1237},
	tensor.TQ1_0:   {rms: 0.814, scale: 52},
	tensor.TQ2_0:   {rms: 0.832, scale: 64},
	tensor.Q1_0:    {rms: 1},
	tensor.Q2_0:    {rms: 1.22},
}

// RMS of decoded random blocks with the scales that randomBlocks gives them.
const (
	rmsMXFP4 = 3.87
	rmsNVFP4 = 277
)

// randomStream returns n numbers of splitmix64, started from the first bytes of the
// key's SHA-256.
func randomStream(key string, n int) []uint64 {
	sum := sha256.Sum256([]byte(key))
	z := binary.LittleEndian.Uint64(sum[:])
	list := make([]uint64, n)
	for i := range list {
		z += 0x9E3779B97F4A7C15
		x := (z ^ z>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		list[i] = x ^ x>>31
	}
	return list
}

// weightRMS returns the root mean square of weights to three digits: it is the same
// everywhere then, in whatever order they are added.
func weightRMS(w []float32) float64 {
	var square float64
	for _, v := range w {
		square += float64(v) * float64(v)
	}
	short, _ := strconv.ParseFloat(fmt.Sprintf("%.3g", math.Sqrt(square/float64(len(w)))), 64) // it was just written
	return short
}

// randomBlocks returns random blocks of a quantised type in the place of w, with the
// same root mean square: types without an encoder can be tried too, and the reference
// that was computed of the same blocks needs none.
func randomBlocks(seed int, name string, t tensor.DType, w []float32) []byte {
	size, n := t.RowBytes(t.Block()), len(w)/t.Block()
	key, rms := fmt.Sprintf("%d:%s:%s", seed, t, name), weightRMS(w)
	raw := make([]byte, 0, n*size+8)
	for _, v := range randomStream(key, (n*size+7)/8) {
		raw = binary.LittleEndian.AppendUint64(raw, v)
	}
	raw = raw[:n*size]
	for i, v := range randomStream(key+":scale", n) {
		scaleBlock(raw[i*size:(i+1)*size], t, rms, v)
	}
	return raw
}

// scaleBlock sets the scales of a block of random bytes. Of v the top bit is the sign
// and the low 16 bits make the scale 0.5 … 1.5 times the middle one.
func scaleBlock(b []byte, t tensor.DType, rms float64, v uint64) {
	switch t {
	case tensor.MXFP4:
		e := 127 + int(math.RoundToEven(math.Log2(rms/rmsMXFP4))) + int(v%3) - 1
		b[0] = byte(min(max(e, 0), 254))
		return
	case tensor.NVFP4: // four codes from 8 to 240; the tensor's factor does the rest
		for i := range 4 {
			b[i] = 0x50 + b[i]%0x28
		}
		return
	}
	law := blockLaws[t]
	d := (0.5 + float64(v&0xffff)/65536) * rms / (1.04 * law.rms)
	if v>>63 == 1 {
		d = -d
	}
	half := quant.F32ToF16(float32(d))
	switch t {
	case tensor.IQ1_M: // the scale lies in the top nibbles of four words
		for i := range 4 {
			b[49+2*i] = b[49+2*i]&15 | byte(half>>(4*i)&15)<<4
		}
		return
	case tensor.TQ1_0: // five digits to a byte, then four, as an encoder would make them
		for i := range 52 {
			digits := int(b[i]) * 243 / 256
			if i >= 48 {
				digits = int(b[i]) * 81 / 256 * 3
			}
			b[i] = byte((digits*256 + 242) / 243)
		}
	case tensor.TQ2_0: // the code 3 does not occur
		for i := range 64 {
			var codes byte
			for k := range 4 {
				code := b[i] >> (2 * k) & 3
				if code == 3 {
					code = byte(k % 3)
				}
				codes |= code << (2 * k)
			}
			b[i] = codes
		}
	}
	binary.LittleEndian.PutUint16(b[law.scale:], half)
	if law.min > 0 {
		m := float64(quant.F16ToF32(half)) * law.ratio
		binary.LittleEndian.PutUint16(b[law.min:], quant.F32ToF16(float32(m)))
	}
}

// factors returns the tensor that holds the factor of an NVFP4 matrix of that RMS, one
// for each expert.
func factors(x ggufTensor) Stored {
	n := 1
	if strings.Contains(x.name, "_exps") {
		n = x.shape[0]
	}
	var bits []byte
	for i := range n {
		f := float32(weightRMS(x.w)/rmsNVFP4) * (1 + float32(i)/8)
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(f))
	}
	return Stored{Name: strings.Replace(x.name, ".weight", ".scale", 1), Type: tensor.F32, Shape: []int{n}, Data: bits}
}
