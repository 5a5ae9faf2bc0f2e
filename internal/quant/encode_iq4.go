package quant

// iq4Nearest finds the code of the nearest level of the types IQ4: all borders
// between them are multiples of a half, so the integer below 2*t+iq4Shift tells.
var iq4Nearest = func() (t [512]uint8) {
	for i := range t {
		twice := i - iq4Shift
		for c := 1; c < 16; c++ {
			if twice >= int(iq4Level(c-1))+int(iq4Level(c)) {
				t[i] = uint8(c)
			}
		}
	}
	return t
}()

const iq4Shift = 256

// iq4Level returns the level of a code.
func iq4Level(c int) int8 { return int8(iq4Codes[c]) }

// iq4Levels has them as floats.
var iq4Levels = func() (t [16]float32) {
	for c := range t {
		t[c] = float32(iq4Level(c))
	}
	return t
}()

// codeIQ4 returns the code of the level nearest to t.
func codeIQ4(t float32) uint8 {
	if t < -127 {
		t = -127
	}
	if t > 113 {
		t = 113
	}
	return iq4Nearest[int32(float64(2*t)+iq4Shift)&511]
}

func writeIQ4_NL(dst []byte, row, importance []float32) {
	eachScale(dst, 18, row, importance, &levelsIQ4, putHalves)
}

var scalesIQ4 = scaleRange{top: 31, tops: []float32{27}, window: [2]float32{-9, 1}}

func writeIQ4_XS(dst []byte, row, importance []float32) {
	scaleBlocks(row, importance, 32, &levelsIQ4, &scalesIQ4, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*136:][:136]
		le.PutUint16(b, s.half)
		high, low := uint16(0), uint32(0)
		for g, x := range s.scale[0] {
			x := uint8(int32(x) + 32)
			low |= uint32(x&15) << (4 * g)
			high |= uint16(x>>4) << (2 * g)
		}
		le.PutUint16(b[2:], high)
		le.PutUint32(b[4:], low)
		for g := range 8 {
			putHalves(b[8+16*g:], q[32*g:])
		}
	})
}
