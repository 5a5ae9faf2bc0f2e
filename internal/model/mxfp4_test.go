package model

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// TestPackedTensor holds rows of MXFP4, as they are gathered and packed, to their numbers: any
// powers beside one another, zeros of any power, no -0.
func TestPackedTensor(t *testing.T) {
	const cols = 160
	p := packedTensor{codes: make([]byte, 3*cols/2), cols: cols, exponents: []byte{
		127, 127, 127, 127, 120,
		127, 90, 1, 0, 252,
		254, 113, 120, 125, 90, // the first of zeros
	}}
	for i := range p.codes {
		p.codes[i] = byte(i*37 + i/16*5)
	}
	for i := range 16 {
		p.codes[2*cols/2+i] = 0x80
	}
	want := make([]float32, 3*cols)
	for i := range want {
		if code := p.codes[i/2] >> (4 * (i % 2)) & 15; code&7 != 0 {
			want[i] = []float32{0, .5, 1, 1.5, 2, 3, 4, 6}[code&7] * float32(math.Ldexp(1, int(p.exponents[i/32])-127))
			if code > 8 {
				want[i] = -want[i]
			}
		}
	}
	g := p.gather("", func(r int) int { return 2 - r })
	raw := make([]byte, 3*tensor.MXFP4.RowBytes(cols))
	if err := g.rows(raw, nil, 0, 3); err != nil {
		t.Fatal(err)
	}
	m, err := weights.NewFloat("test", tensor.MXFP4, 3, cols)
	if err != nil {
		t.Fatal(err)
	}
	src := weights.Source{Type: tensor.MXFP4, Data: raw, Factor: 1}
	if err := weights.Check(&m, src, 0, 1); err != nil {
		t.Fatal(err)
	}
	weights.Pack(&m, src)
	got := make([]float32, cols)
	for r := range 3 {
		m.Row(got, r)
		for i, v := range got {
			if w := want[(2-r)*cols+i]; math.Float32bits(v) != math.Float32bits(w) {
				t.Fatalf("row %d, column %d is %v, want %v", r, i, v, w)
			}
		}
	}
}

// TestPackedExperts opens checkpoints of gpt-oss whose powers are far apart, and some that
// are no numbers or make none, which are refused.
func TestPackedExperts(t *testing.T) {
	model, e := loadExpectation(t, "gpt-oss-mxfp4")
	c, err := model.Checkpoint(tensor.BF16)
	m := openCheckpoint(t, c, err, Options{})
	if got := m.net.(*gptOSS).layers[0].experts.Gate[0].Float; got != tensor.MXFP4 {
		t.Errorf("experts are %s, want MXFP4", got)
	}
	const name = "model.layers.0.mlp.experts.down_proj_scales"
	change := func(power byte) *tiny.Checkpoint {
		d := *c
		d.Tensors = edit(slices.Clone(c.Tensors), name, func(x *tiny.Stored) {
			x.Data = bytes.Clone(x.Data)
			x.Data[5] = power
		})
		return &d
	}
	m = openCheckpoint(t, change(90), nil, Options{})
	if err := finite(newRunner(t, m, kernel.CacheF32, 1).run(t, e.ids, whole).logits); err != nil {
		t.Error(err)
	}
	folder := t.TempDir()
	if err := change(0xff).Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, ErrTensor, name, "element 5")
	folder = t.TempDir()
	if err := change(253).Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, ErrTensor, "down_proj_blocks", "infinity")
}
