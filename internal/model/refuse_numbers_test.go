package model

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// notFinite are bytes that make an element of a type, or the scale of its first block,
// a NaN or an infinity: where they stand and what they are.
var notFinite = map[tensor.DType]struct {
	at    int
	bytes []byte
}{
	tensor.F32:    {8, []byte{0, 0, 0xc0, 0x7f}},
	tensor.F16:    {6, []byte{0, 0xfc}},
	tensor.BF16:   {6, []byte{0x80, 0x7f}},
	tensor.F8E4M3: {5, []byte{0xff}},
	tensor.Q8_0:   {0, []byte{0, 0x7c}},
	tensor.Q4_1:   {2, []byte{1, 0x7c}},
	tensor.Q2_K:   {82, []byte{0, 0xfc}},
	tensor.Q6_K:   {208, []byte{0, 0x7e}},
	tensor.MXFP4:  {0, []byte{0xff}},
}

// TestRefusedNumbers opens models one of whose tensors holds a NaN or an infinity, each
// of their tensors in turn: matrices, norms, biases, routers, indexers, embeddings,
// heads, block scales. The file and the tensor are named.
func TestRefusedNumbers(t *testing.T) {
	for name, types := range map[string][]tensor.DType{
		"deepseek-v32": {tensor.F32, tensor.Q8_0}, "qwen2": {tensor.BF16}, "gemma3-text": {tensor.F16},
	} {
		model, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, dt := range types {
			g, err := model.GGUF(dt, tiny.Split)
			if err != nil {
				t.Fatal(err)
			}
			refuseEach(t, name+" as "+dt.String(), g.Tensors, func(all []tiny.Stored) error {
				changed := *g
				changed.Tensors = all
				return openError(t, filepath.Join(t.TempDir(), "model.gguf"), changed.Write)
			}, func(x string) bool { return strings.Contains(x, "blk.1.") || !strings.Contains(x, "blk.") })
		}
	}
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3-fp8"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := model.FP8(false)
	if err != nil {
		t.Fatal(err)
	}
	refuseEach(t, "deepseek-v3-fp8", k.Tensors, func(all []tiny.Stored) error {
		return openError(t, t.TempDir(), func(path string) error { return (&tiny.Checkpoint{Config: k.Config, Tensors: all}).Write(path, 1) })
	}, func(x string) bool { return !strings.Contains(x, "experts.") || strings.Contains(x, "experts.3.") })
}

// refuseEach makes one number of each tensor that pick names, in turn, no number.
func refuseEach(t *testing.T, what string, all []tiny.Stored, open func([]tiny.Stored) error, pick func(name string) bool) {
	t.Helper()
	n := 0
	for _, x := range all {
		bad, ok := notFinite[x.Type]
		if !ok || !pick(x.Name) {
			continue
		}
		n++
		err := open(edit(all, x.Name, func(x *tiny.Stored) {
			x.Data = slices.Clone(x.Data)
			copy(x.Data[min(bad.at, len(x.Data)-len(bad.bytes)):], bad.bytes)
		}))
		if !errors.Is(err, ErrTensor) || !strings.Contains(err.Error(), "tensor "+x.Name+": ") || !strings.Contains(err.Error(), "want numbers") {
			t.Errorf("%s: a bad number in %s (%s): %v, want an error that names it", what, x.Name, x.Type, err)
		}
	}
	if n < 8 {
		t.Errorf("%s: %d tensors were tried", what, n)
	}
}

// openError writes a model and returns the error of opening it.
func openError(t *testing.T, path string, write func(path string) error) error {
	t.Helper()
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	m, err := openPath(path, Options{})
	if err == nil {
		m.Close()
	}
	return err
}

// TestRefusedBlockScales opens a model with a matrix of a quantised type one of whose
// scales or minima is no number.
func TestRefusedBlockScales(t *testing.T) {
	const weight = "blk.1.ffn_down.weight"
	for dt, bad := range notFinite {
		if !dt.IsQuantised() {
			continue
		}
		model, err := tiny.Load(filepath.Join("testdata", "llama"))
		if err != nil {
			t.Fatal(err)
		}
		g, err := model.GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		for _, spoil := range []bool{false, true} {
			g.Tensors = edit(g.Tensors, weight, func(x *tiny.Stored) {
				if x.Shape[1]%dt.Block() != 0 {
					x.Shape = []int{x.Shape[0], 256}
				}
				x.Type, x.Data = dt, make([]byte, x.Shape[0]*dt.RowBytes(x.Shape[1]))
				if spoil {
					copy(x.Data[3*dt.BlockBytes()+bad.at:], bad.bytes)
				}
			})
			err := openError(t, filepath.Join(t.TempDir(), "model.gguf"), g.Write)
			if spoil != errors.Is(err, ErrTensor) || spoil && !strings.Contains(err.Error(), "tensor "+weight+": row ") {
				t.Errorf("%s, spoilt %v: %v", dt, spoil, err)
			}
		}
	}
}
