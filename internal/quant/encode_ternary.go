package quant

import (
	"math"
	"slices"
)

// ternaryScale returns the scale d of least error for numbers of 256 that become -d,
// 0 or d: those that do not become 0 are the greatest in magnitude, however many, and
// d is their weighted mean.
func ternaryScale(x, w *[256]float32) uint16 {
	var keys [256]uint64 // magnitude, then place
	for i, v := range x {
		keys[i] = uint64(math.Float32bits(v)&0x7fffffff)<<32 | uint64(i)
	}
	slices.Sort(keys[:])
	var sum, weight, best, d float64
	for _, key := range slices.Backward(keys[:]) {
		v, u := float64(math.Float32frombits(uint32(key>>32))), float64(w[uint8(key)])
		sum += float64(v * u)
		weight += u
		if gain := sum * sum / weight; gain > best {
			best, d = gain, sum/weight
		}
	}
	return half16(float32(d))
}

// eachTernary finds the scale and the codes 0, 1, 2 of every block of a row.
func eachTernary(row, importance []float32, put func(at int, d uint16, q *[256]byte)) {
	var (
		w [256]float32
		z = quantiser{lo: -1, hi: 1}
	)
	weigh(w[:], nil)
	for at := 0; at < len(row); at += 256 {
		x := (*[256]float32)(row[at:])
		if importance != nil {
			weigh(w[:], importance[at:at+256])
		}
		d := ternaryScale(x, &w)
		z.x = x
		z.spread(0, 256, F16ToF32(d), 0)
		z.quantise()
		put(at, d, &z.q)
	}
}

func writeTQ2_0(dst []byte, row, importance []float32) {
	eachTernary(row, importance, func(at int, d uint16, q *[256]byte) {
		b := dst[at/256*66:][:66]
		putPairs(b[:64], q)
		le.PutUint16(b[64:], d)
	})
}

func writeTQ1_0(dst []byte, row, importance []float32) {
	eachTernary(row, importance, func(at int, d uint16, q *[256]byte) {
		b := dst[at/256*54:][:54]
		for j := range 32 {
			b[j] = fraction(q[j], q[j+32], q[j+64], q[j+96], q[j+128])
		}
		for j := range 16 {
			b[32+j] = fraction(q[160+j], q[176+j], q[192+j], q[208+j], q[224+j])
		}
		for j := range 4 {
			b[48+j] = fraction(q[240+j], q[244+j], q[248+j], q[252+j], 0)
		}
		le.PutUint16(b[52:], d)
	})
}

// fraction returns 0.abcde in base three, in 256ths and rounded up.
func fraction(a, b, c, d, e uint8) uint8 {
	x := (((uint(a)*3+uint(b))*3+uint(c))*3+uint(d))*3 + uint(e)
	return uint8((x*256 + 242) / 243)
}
