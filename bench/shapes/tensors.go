package main

import (
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// stored is a tensor as it is published, and what writes its elements.
type stored struct {
	name  string
	t     tensor.DType
	shape []int
	fill  func(dst []byte) // the next elements, whole rows of the last axis
}

// writeTensors writes a model's tensors.
func writeTensors(path string, m *tiny.Model) error {
	var list []stored
	noise := newNoise()
	for _, t := range m.Tensors() {
		list = append(list, noise.published(m, t)...)
	}
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, t := range list {
		if err := w.Declare(t.name, safetensors.DType(t.t.String()), t.shape...); err != nil {
			return err
		}
	}
	for i := range list {
		if err := w.CopyTensor(list[i].name, list[i].reader()); err != nil {
			return err
		}
	}
	return w.Close()
}

// reader returns the bytes of the tensor, row by row.
func (t *stored) reader() io.Reader {
	rows, last := 1, t.shape[len(t.shape)-1]
	for _, n := range t.shape[:len(t.shape)-1] {
		rows *= n
	}
	return &rowReader{t: t, rows: rows, row: make([]byte, t.t.RowBytes(last))}
}

// rowReader makes a row when the one before was read.
type rowReader struct {
	t    *stored
	rows int // left to make
	row  []byte
	rest []byte // of it
}

func (r *rowReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.rows == 0 {
			return 0, io.EOF
		}
		r.rows--
		r.t.fill(r.row)
		r.rest = r.row
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// noise are random numbers, and many of mean 0 and deviation 1 that are drawn from.
type noise struct {
	rng    *rand.Rand
	normal [1 << 16]float32
}

func newNoise() *noise {
	n := &noise{rng: rand.New(rand.NewPCG(1, 2))}
	for i := range n.normal {
		n.normal[i] = float32(n.rng.NormFloat64())
	}
	return n
}

// each calls f with four random numbers of sixteen bits at a time, for n elements.
func (n *noise) each(count int, f func(i int, x uint16)) {
	for i := 0; i < count; i += 4 {
		bits := n.rng.Uint64()
		for k := range min(4, count-i) {
			f(i+k, uint16(bits>>(16*k)))
		}
	}
}

// published returns what a checkpoint has for a tensor: gpt-oss's experts and those of
// DeepSeek-V4 in MXFP4, the latter's other matrices in E4M3, the rest in bfloat16 but for a
// few of float32.
func (n *noise) published(m *tiny.Model, t tiny.Tensor) []stored {
	mean, dev := m.Law(t)
	cols := t.Shape[len(t.Shape)-1]
	switch {
	case strings.HasSuffix(t.Name, "_blocks"):
		return []stored{{t.Name, tensor.U8, t.Shape, n.bytes}}
	case strings.HasSuffix(t.Name, "_scales"):
		return []stored{{t.Name, tensor.U8, t.Shape, n.powers(1 / math.Sqrt(32*float64(cols)) / e2m1Deviation)}}
	case strings.HasSuffix(t.Name, "tid2eid"):
		return []stored{{t.Name, tensor.I64, t.Shape, n.experts(m.Config.Routed)}}
	case m.Config.ModelType != "deepseek_v4":
		return []stored{n.floats(t, tensor.BF16, mean, dev)}
	}
	scale := strings.TrimSuffix(t.Name, "weight") + "scale"
	switch {
	case tiny.IsV4FP8(t.Name):
		grid := []int{(t.Shape[0] + 127) / 128, (cols + 127) / 128}
		return []stored{{t.Name, tensor.F8E4M3, t.Shape, n.e4m3}, {scale, tensor.F8E8M0, grid, n.powers(dev / e4m3Deviation)}}
	case strings.Contains(t.Name, ".experts."):
		return []stored{
			{t.Name, tensor.I8, []int{t.Shape[0], cols / 2}, n.bytes},
			{scale, tensor.F8E8M0, []int{t.Shape[0], cols / 32}, n.powers(dev / e2m1Deviation)},
		}
	case tiny.IsV4F32(t.Name):
		return []stored{n.floats(t, tensor.F32, mean, dev)}
	}
	return []stored{n.floats(t, tensor.BF16, mean, dev)}
}

// Deviations of numbers of random codes.
const (
	e2m1Deviation = 2.96 // sqrt((0 + .25 + 1 + 2.25 + 4 + 9 + 16 + 36) / 8)
	e4m3Deviation = 0.6  // below 2
)

func (n *noise) floats(t tiny.Tensor, as tensor.DType, mean, dev float64) stored {
	return stored{t.Name, as, t.Shape, func(dst []byte) {
		n.each(len(dst)/as.RowBytes(1), func(i int, x uint16) {
			v := float32(mean) + float32(dev)*n.normal[x]
			if as == tensor.F32 {
				binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
			} else {
				binary.LittleEndian.PutUint16(dst[2*i:], quant.F32ToBF16(v))
			}
		})
	}}
}

// bytes writes codes of four bits.
func (n *noise) bytes(dst []byte) {
	n.each(len(dst)/2, func(i int, x uint16) { binary.LittleEndian.PutUint16(dst[2*i:], x) })
}

// e4m3 writes numbers below 2.
func (n *noise) e4m3(dst []byte) {
	n.bytes(dst)
	for i := range dst {
		dst[i] &^= 0x40
	}
}

// powers writes exponents of the powers of two around a number, plus 127.
func (n *noise) powers(around float64) func(dst []byte) {
	e := uint16(127 + math.Floor(math.Log2(around)))
	return func(dst []byte) {
		n.each(len(dst), func(i int, x uint16) { dst[i] = byte(e + x&1) })
	}
}

// experts writes different experts of E for each token.
func (n *noise) experts(E int) func(dst []byte) {
	return func(dst []byte) {
		ids := n.rng.Perm(E)[:len(dst)/8]
		slices.Sort(ids)
		for i, id := range ids {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(id))
		}
	}
}
