package quant

// Ternary types: blocks of 256 weights of -1, 0, 1 times a float16 scale.

// intsTQ1_0: five weights in a byte [48], four in a byte [4], d. A byte is the
// fraction 0.t0 t1 t2 t3 t4 in base three, in 256ths and rounded up: three times
// a byte has a digit above and the other digits' fraction below. Digit n of the
// first 32 bytes is the weights 32n.., of the next 16 160+16n.., of the last four
// 240+4n...
func intsTQ1_0(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[54]byte)(src[54*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		fill(si[:], F16ToF32(le.Uint16(b[52:54])))
		for l := 0; l < 32; l += 8 {
			t := newTrits(le.Uint64(b[l : l+8]))
			for n := 0; n < 160; n += 32 {
				le.PutUint64(o[n+l:n+l+8], minus(t.next(), 1))
			}
		}
		for l := 0; l < 16; l += 8 {
			t := newTrits(le.Uint64(b[32+l : 40+l]))
			for n := 160; n < 240; n += 16 {
				le.PutUint64(o[n+l:n+l+8], minus(t.next(), 1))
			}
		}
		t := newTrits(uint64(le.Uint32(b[48:52])))
		for n := 240; n < 256; n += 4 {
			le.PutUint32(o[n:n+4], uint32(minus(t.next(), 1)))
		}
	}
}

// trits holds eight fractions in base three, in 256ths, spaced by 16 bits: the
// even bytes and the odd ones.
type trits struct{ even, odd uint64 }

const evens = 0x00ff00ff00ff00ff

func newTrits(x uint64) trits { return trits{x & evens, x >> 8 & evens} }

// next takes the first digit off each fraction and returns them, one a byte.
func (t *trits) next() uint64 {
	even, odd := t.even*3, t.odd*3
	t.even, t.odd = even&evens, odd&evens
	return even>>8&evens | odd&^evens
}

// intsTQ2_0: codes [64], d. Two bits of each of 32 bytes are 32 weights; the code
// 3, which encoders do not write, is 2.
func intsTQ2_0(w []byte, s []float32, src []byte) {
	for i := range len(w) / 256 {
		b, o, si := (*[66]byte)(src[66*i:]), (*[256]byte)(w[256*i:]), (*[8]float32)(s[8*i:])
		fill(si[:], F16ToF32(le.Uint16(b[64:66])))
		for half := range 2 {
			q, o := (*[32]byte)(b[32*half:]), (*[128]byte)(o[128*half:])
			for l := 0; l < 32; l += 8 {
				x := le.Uint64(q[l : l+8])
				le.PutUint64(o[l:l+8], minus(x&bits2, 1))
				le.PutUint64(o[l+32:l+40], minus(x>>2&bits2, 1))
				le.PutUint64(o[l+64:l+72], minus(x>>4&bits2, 1))
				le.PutUint64(o[l+96:l+104], minus(x>>6&bits2, 1))
			}
		}
	}
}

// fill repeats a block's scale for every 32 weights.
func fill(s []float32, d float32) {
	for i := range s {
		s[i] = d
	}
}
