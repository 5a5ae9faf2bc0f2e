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
	return iq4Nearest[int32(2*t+iq4Shift)&511]
}

// tryIQ4 is trySums with the levels of the types IQ4; it leaves wl out.
func (s *sums) tryIQ4(x, w []float32, inv *lanes) {
	for g := range 8 {
		var wll, wxl float32
		in := inv[g]
		for i := g; i < len(x); i += 8 {
			l := iq4Levels[codeIQ4(float32(x[i]*in))&15]
			v := l
			if w != nil {
				v = float32(w[i] * l)
			}
			wll += float32(v * l)
			wxl += float32(v * x[i])
		}
		s.wll[g], s.wyl[g] = wll, wxl
	}
}

func quantiseIQ4(q []byte, x []float32, inv float32) {
	q = q[:len(x)]
	for i, v := range x {
		q[i] = codeIQ4(float32(v * inv))
	}
}

func writeIQ4_NL(dst []byte, row, importance []float32) {
	eachScale(dst, 18, row, importance, &levelsIQ4, func(b, q []byte) { putHalves(b, q) })
}

var scalesIQ4 = scaleRange{top: 31, tops: []float32{27}, window: [2]float32{-9, 1}}

func writeIQ4_XS(dst []byte, row, importance []float32) {
	eachScaleBlock(row, importance, 32, &levelsIQ4, &scalesIQ4, func(at int, s *scaleBlock, q *[256]byte) {
		b := dst[at/256*136:][:136]
		le.PutUint16(b, s.half)
		high, low := uint16(0), uint32(0)
		for g, x := range s.scale[:8] {
			x := uint8(x + 32)
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

// tryIQ4Scale is tryScale with the levels of the types IQ4.
func tryIQ4Scale(e *lanes, x, w []float32, inv *lanes) {
	for g := range 8 {
		var sum float32
		in := inv[g]
		for i := g; i < len(x); i += 8 {
			t := float32(x[i] * in)
			off := t - iq4Levels[codeIQ4(t)&15]
			v := float32(off * off)
			if w != nil {
				v = float32(v * w[i])
			}
			sum += v
		}
		e[g] = sum
	}
}
