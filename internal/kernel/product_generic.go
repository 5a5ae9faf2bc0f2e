package kernel

// productGeneric is the definition of the quantised product: for each output the
// blocks in ascending order, an exact integer sum in each, one rounded product of
// the two scales, one fused multiply-add.
func productGeneric(y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int) {
	var p rowBlockProduct
	for b := b0; b < b1; b++ {
		rows := min(RowBlock, m.Rows-b*RowBlock)
		block := m.block(b)
		for i := range tiles(x.T) {
			count, n, first := tileAt(x.T, i)
			p.multiply(x, m, block, count, n, first)
			for t := range count {
				out := y[(first+t)*ldy+b*RowBlock:]
				for r := range rows {
					v := p.acc[t][r]
					if m.Format.Scales.HasMin() {
						v -= p.accm[t][r]
					}
					if m.Bias != nil {
						v += m.Bias[b*RowBlock+r]
					}
					out[r] = v
				}
			}
		}
	}
}

// rowBlockProduct multiplies one row block with a tile of vectors.
type rowBlockProduct struct {
	tile      [tileBytes]byte
	w         [tileBytes]int8
	acc, accm [Tile][RowBlock]float32
	s, m      [RowBlock]float32
}

func (p *rowBlockProduct) multiply(x *Q8, m *Matrix, block []byte, count, n, first int) {
	f := &m.Format
	for t := range count {
		p.acc[t], p.accm[t] = [RowBlock]float32{}, [RowBlock]float32{}
	}
	steps := f.Block / 4
	for g := range m.Cols / Group {
		f.unpackGroup(&p.tile, block[g*f.Layout.GroupBytes():])
		for i, b := range p.tile {
			p.w[i] = int8(f.integer(b))
		}
		for h := range Group / f.Block {
			for r := range RowBlock {
				p.s[r], p.m[r] = m.scaleAt(block, g*Group/f.Block+h, r)
			}
			for t := range count {
				at := first*x.groups + g*n + t
				q := x.q[at*Group+h*f.Block:][:f.Block]
				isum := dotSteps(p.w[h*steps*64:], q)
				xsum := x.xsum[at]
				if f.Block == 16 {
					xsum = x.xsum16[2*first*x.groups+(2*g+h)*n+t]
				}
				for r := range RowBlock {
					p.acc[t][r] = FMA(float32(isum[r]), float32(p.s[r]*x.scale[at]), p.acc[t][r])
					if f.Scales.HasMin() {
						p.accm[t][r] = FMA(p.m[r], xsum, p.accm[t][r])
					}
				}
			}
		}
	}
}

// dotSteps returns the integer dot products of sixteen rows with q, four columns
// a step.
func dotSteps(w []int8, q []int8) (sum [RowBlock]int32) {
	for len(q) >= 4 {
		q0, q1, q2, q3 := int32(q[0]), int32(q[1]), int32(q[2]), int32(q[3])
		step := w[:64]
		for r := range RowBlock {
			v := step[4*r : 4*r+4 : 4*r+4]
			sum[r] += int32(v[0])*q0 + int32(v[1])*q1 + int32(v[2])*q2 + int32(v[3])*q3
		}
		w, q = w[64:], q[4:]
	}
	return sum
}

// floatProductGeneric is the definition of the float product: one accumulator an
// output, columns in ascending order, a fused multiply-add each.
func floatProductGeneric(y []float32, ldy int, x *F32, m *Matrix, b0, b1, add int) {
	var w [RowBlock]float32
	var acc [Tile][RowBlock]float32
	for b := b0; b < b1; b++ {
		rows := min(RowBlock, m.Rows-b*RowBlock)
		block := m.block(b)
		for i := range tiles(x.T) {
			count, n, first := tileAt(x.T, i)
			acc = [Tile][RowBlock]float32{}
			for k := range m.Cols {
				for r := range w {
					w[r] = m.floatAt(block, k, r)
				}
				for t, v := range x.x[first*x.K+k*n:][:count] {
					for r := range w {
						acc[t][r] = FMA(w[r], v, acc[t][r])
					}
				}
			}
			for t := range count {
				out := y[(first+t)*ldy+b*RowBlock:]
				for r := range rows {
					v := acc[t][r]
					if m.Bias != nil {
						v += m.Bias[b*RowBlock+r]
					}
					if add != 0 {
						v += out[r]
					}
					out[r] = v
				}
			}
		}
	}
}
