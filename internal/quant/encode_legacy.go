package quant

// putHalves writes the low four bits of 32 codes: the first sixteen are low halves.
func putHalves(b, q []byte) {
	b, q = b[:16], q[:32]
	for j := range b {
		b[j] = q[j]&15 | q[j+16]<<4
	}
}

// putFifths writes the fifth bits of 32 codes.
func putFifths(b, q []byte) {
	x := uint32(0)
	for j, c := range q[:32] {
		x |= uint32(c>>4&1) << j
	}
	le.PutUint32(b, x)
}

func writeQ4_0(dst []byte, row, importance []float32) {
	eachScale(dst, 18, row, importance, &levelsQ4, func(b, q []byte) { putHalves(b, q) })
}

func writeQ5_0(dst []byte, row, importance []float32) {
	eachScale(dst, 22, row, importance, &levelsQ5, func(b, q []byte) {
		putFifths(b, q)
		putHalves(b[4:], q)
	})
}

func writeQ4_1(dst []byte, row, importance []float32) {
	eachRange(dst, 20, row, importance, 15, func(b, q []byte) { putHalves(b, q) })
}

func writeQ5_1(dst []byte, row, importance []float32) {
	eachRange(dst, 24, row, importance, 31, func(b, q []byte) {
		putFifths(b, q)
		putHalves(b[4:], q)
	})
}

// eachPanel calls do for every 256 numbers of a row, and for the rest of it, with
// their weights in groups of n, or nil.
func eachPanel(row, importance []float32, n int, do func(at int, x, w *panel)) {
	var x, weights panel
	for at := 0; at < len(row); at += 256 {
		end := min(at+256, len(row))
		x.load(row[at:end], n)
		var w *panel
		if importance != nil {
			w = &weights
			w.loadWeights(importance[at:end], n)
		}
		do(at, &x, w)
	}
}

// halfOf returns half of a panel of weights, or nil.
func halfOf(w *panel, h, n int) []float32 {
	if w == nil {
		return nil
	}
	return w.half(h, n)
}

// eachRange writes blocks of 32 numbers of size bytes: a float16 scale, a float16
// minimum that is added, and codes 0..hi, which put stores.
func eachRange(dst []byte, size int, row, importance []float32, hi float32, put func(b, q []byte)) {
	var f rangeFit
	eachPanel(row, importance, 32, func(at int, x, w *panel) {
		f.fit(x[:], halfOf(w, 0, 32), hi, true)
		for g := range f.d {
			if at+32*g == len(row) {
				return
			}
			var q [32]byte
			b := dst[(at/32+g)*size:][:size]
			half := half16(f.d[g])
			d := F16ToF32(half)
			base := half16Base(f.least[g] + (f.wy[g]-float32(d*f.wl[g]))/f.w1[g])
			le.PutUint16(b, half)
			le.PutUint16(b[2:], base)
			quantise(q[:], row[at+32*g:][:32], inverse(d), F16ToF32(base), 0, hi)
			put(b[4:], q[:])
		}
	})
}
