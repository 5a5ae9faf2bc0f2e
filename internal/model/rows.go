package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Operations on rows, each independent of the others, share one kind of items: rows are
// handed out in runs, so that a short step does not wake other threads for
// nothing.

// rowRun is how many numbers a thread should have to work on at least.
const rowRun = 16 << 10

type rowItems struct {
	T, run int
	f      rowOp
	x, y   *Act
	norm   *Norm
	rope   *Rope
	pos    []int32
	heads  int
	act    Activation
	scale  float32
	again  float32 // a second factor
	layer  *LayerNorm
	parts  []*Act // heads
}

// rowOp names what is done to a row.
type rowOp uint8

const (
	rowNorm rowOp = iota
	rowHeadNorm
	rowRope
	rowAdd
	rowGate
	rowQuantise
	rowSetFloat
	rowScale
	rowSoftcap
	rowNormPart
	rowLayerNorm
	rowRopeFirst
	rowScaleTwice
	rowHeads
)

// runRows does the operation set in s.rows on T rows of D numbers.
func (s *Step) runRows(T, D int) {
	r := &s.rows
	r.T, r.run = T, max(1, rowRun/max(D, 1))
	if r.f == rowQuantise || r.f == rowSetFloat || r.f == rowHeads { // whole tiles
		r.run = (r.run + kernel.Tile - 1) / kernel.Tile * kernel.Tile
	}
	s.run(OpRows, r, (T+r.run-1)/r.run)
}

// Do does one run of rows.
func (r *rowItems) Do(item int, th *kernel.Thread) {
	for t := item * r.run; t < min((item+1)*r.run, r.T); t++ {
		r.row(t)
	}
}

func (r *rowItems) row(t int) {
	switch r.f {
	case rowNorm:
		kernel.RMSNorm(r.y.Row(t), r.x.Row(t), r.norm.W, r.norm.Eps)
	case rowHeadNorm:
		row := r.x.Row(t)
		for d := len(r.norm.W); len(row) > 0; row = row[d:] {
			kernel.RMSNorm(row[:d], row[:d], r.norm.W, r.norm.Eps)
		}
	case rowRope:
		row, D := r.x.Row(t), r.x.D/r.heads
		for ; len(row) > 0; row = row[D:] {
			r.rope.rotate(row[D-r.rope.Dim:D], int(r.pos[t]))
		}
	case rowAdd:
		kernel.Add(r.y.Row(t), r.y.Row(t), r.x.Row(t))
	case rowGate:
		if r.act == GeluTanh {
			kernel.GeluMul(r.y.Row(t), r.y.Row(t), r.x.Row(t))
		} else {
			kernel.SiluMul(r.y.Row(t), r.y.Row(t), r.x.Row(t))
		}
	case rowQuantise:
		r.x.q8.Quantise(t, r.x.Row(t))
	case rowSetFloat:
		r.x.f32.Set(t, r.x.Row(t))
	case rowScale:
		kernel.Scale(r.x.Row(t), r.x.Row(t), r.scale)
	case rowNormPart:
		kernel.RMSNorm(r.y.Row(t), r.x.Row(t)[:len(r.norm.W)], r.norm.W, r.norm.Eps)
	case rowLayerNorm:
		kernel.LayerNorm(r.y.Row(t), r.x.Row(t), r.layer.W, r.layer.B, r.layer.Eps)
	case rowRopeFirst:
		row, D := r.x.Row(t), r.x.D/r.heads
		for ; len(row) > 0; row = row[D:] {
			r.rope.rotate(row[:r.rope.Dim], int(r.pos[t]))
		}
	case rowScaleTwice:
		kernel.Scale(r.x.Row(t), r.x.Row(t), r.scale)
		kernel.Scale(r.x.Row(t), r.x.Row(t), r.again)
	case rowHeads:
		row, stride := r.x.Row(t), r.x.D/len(r.parts)
		for h, a := range r.parts {
			head := row[h*stride:][:a.D]
			if a.q8 != nil {
				a.q8.Quantise(t, head)
			} else {
				a.f32.Set(t, head)
			}
		}
	case rowSoftcap:
		row := r.x.Row(t)
		kernel.Div(row, row, r.scale)
		kernel.TanhAll(row, row)
		kernel.Scale(row, row, r.scale)
	}
}
