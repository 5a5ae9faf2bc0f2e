package model

import (
	"bytes"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestPackedRow holds both forms of rows of MXFP4 to its numbers, exactly: powers as far
// apart as E4M3 holds, and one further, where the row is none of it.
func TestPackedRow(t *testing.T) {
	codes := make([]byte, 80)
	for i := range codes {
		codes[i] = byte(i*37 + i/16*5)
	}
	for _, c := range []struct {
		exponents []byte
		fits      bool
	}{
		{[]byte{127, 127, 127, 127, 120}, true},
		{[]byte{127, 113, 120, 125, 90}, true},
		{[]byte{127, 112, 120, 125, 90}, false},
		{[]byte{14, 0, 3, 9, 254}, true},
		{[]byte{254, 240, 250, 249, 1}, true},
	} {
		r := packedRow{codes, c.exponents}
		if r.fits() != c.fits {
			t.Errorf("powers %v: fits is %v", c.exponents, !c.fits)
		}
		n := 32 * len(c.exponents)
		want := make([]float32, n)
		for i := range want {
			want[i] = e2m1[codes[i/2]>>(4*(i%2))&15] * float32(ldexp(int(c.exponents[i/32])-127))
		}
		half := make([]byte, 2*n)
		r.bf16(half)
		got := make([]float32, n)
		if err := quant.Decode(got, tensor.BF16, half); err != nil || !slices.Equal(got, want) {
			t.Errorf("powers %v as bfloat16: %v, want %v, error %v", c.exponents, got, want, err)
		}
		if !c.fits {
			continue
		}
		small, scales := make([]byte, n), make([]float32, (n+127)/128)
		r.e4m3(small, scales)
		for i, b := range small {
			if got[i] = quant.F8E4M3ToF32(b) * scales[i/128]; got[i] != want[i] {
				t.Fatalf("powers %v as E4M3: number %d is %v, want %v", c.exponents, i, got[i], want[i])
			}
		}
	}
	zero := packedRow{make([]byte, 64), []byte{200, 1, 1, 1}}
	if !zero.fits() {
		t.Error("a row of zeros does not fit")
	}
}

func ldexp(n int) float64 {
	x := 1.0
	for ; n > 0; n-- {
		x *= 2
	}
	for ; n < 0; n++ {
		x /= 2
	}
	return x
}

// TestPackedExperts opens checkpoints of gpt-oss whose powers are too far apart for E4M3: the
// experts are bfloat16 then; and one whose powers are no numbers, which is refused.
func TestPackedExperts(t *testing.T) {
	model, e := loadExpectation(t, "gpt-oss-mxfp4")
	c, err := model.Checkpoint(tensor.BF16)
	m := openCheckpoint(t, c, err, Options{})
	if got := m.net.(*gptOSS).layers[0].experts.Gate[0].Float; got != tensor.F8E4M3 {
		t.Errorf("experts are %s, want F8_E4M3", got)
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
	x := m.net.(*gptOSS).layers[0].experts
	if x.Down[0].Float != tensor.BF16 || x.Gate[0].Float != tensor.F8E4M3 {
		t.Errorf("experts are %s and %s, want BF16 and F8_E4M3", x.Down[0].Float, x.Gate[0].Float)
	}
	if err := finite(newRunner(t, m, kernel.CacheF32, 1).run(t, e.ids, whole).logits); err != nil {
		t.Error(err)
	}
	folder := t.TempDir()
	if err := change(0xff).Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	refused(t, folder, ErrTensor, name, "element 5")
}
