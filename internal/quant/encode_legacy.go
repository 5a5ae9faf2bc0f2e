package quant

// putHalves writes the low four bits of 32 codes: the first sixteen are low halves.
func putHalves(b, q []byte) {
	b, q = b[:16], q[:32]
	le.PutUint64(b[:8], le.Uint64(q[:8])&bits4|le.Uint64(q[16:24])&bits4<<4)
	le.PutUint64(b[8:], le.Uint64(q[8:16])&bits4|le.Uint64(q[24:])&bits4<<4)
}

// putFifths writes the fifth bits of 32 codes.
func putFifths(b, q []byte) {
	for j := range 4 {
		b[j] = gather(le.Uint64(q[8*j:]) >> 4)
	}
}

func writeQ4_0(dst []byte, row, importance []float32) {
	eachScale(dst, 18, row, importance, &levelsQ4, putHalves)
}

func writeQ5_0(dst []byte, row, importance []float32) {
	eachScale(dst, 22, row, importance, &levelsQ5, func(b, q []byte) {
		putFifths(b, q)
		putHalves(b[4:], q)
	})
}

func writeQ4_1(dst []byte, row, importance []float32) {
	eachRange(dst, 20, row, importance, 15, putHalves)
}

func writeQ5_1(dst []byte, row, importance []float32) {
	eachRange(dst, 24, row, importance, 31, func(b, q []byte) {
		putFifths(b, q)
		putHalves(b[4:], q)
	})
}
