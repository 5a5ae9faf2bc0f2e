package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// testTensor is a tensor to write into a file.
type testTensor struct {
	name, kind string
	shape      []int
	bytes      []byte
}

// randomTensor returns a tensor of random bytes.
func randomTensor(seed uint64, name, kind string, shape ...int) testTensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	dtype, ok := tensor.ParseDType(kind)
	if !ok {
		panic(kind)
	}
	n, _ := tensor.Elements(shape)
	b := make([]byte, dtype.RowBytes(n))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return testTensor{name, kind, shape, b}
}

// floatTensor returns an F32 tensor of numbers between 0.5 and 2.
func floatTensor(seed uint64, name string, shape ...int) testTensor {
	rng := rand.New(rand.NewPCG(seed, 2))
	n, _ := tensor.Elements(shape)
	var b []byte
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(0.5+1.5*rng.Float32()))
	}
	return testTensor{name, "F32", shape, b}
}

// values decodes all of a tensor at once.
func (x testTensor) values(t *testing.T) []float32 {
	t.Helper()
	dtype, _ := tensor.ParseDType(x.kind)
	n, _ := tensor.Elements(x.shape)
	v := make([]float32, n)
	if err := quant.Decode(v, dtype, x.bytes); err != nil {
		t.Fatal(err)
	}
	return v
}

func writeTestGGUF(t *testing.T, tensors ...testTensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Put("general.architecture", gguf.ValueOf("none")); err != nil {
		t.Fatal(err)
	}
	for _, x := range tensors {
		kind, _ := gguf.ParseType(x.kind)
		if err := w.Declare(x.name, kind, x.shape...); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range tensors {
		if err := w.WriteTensor(x.name, x.bytes); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeTestSafetensors(t *testing.T, tensors ...testTensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	w, err := safetensors.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, x := range tensors {
		if err := w.Declare(x.name, safetensors.DType(x.kind), x.shape...); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range tensors {
		if err := w.WriteTensor(x.name, x.bytes); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkDecoded runs decode and compares name, shape and bits.
func checkDecoded(t *testing.T, file string, x testTensor, want []float32) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.safetensors")
	if _, err := execute(t, "", "decode", file, "--tensor", x.name, "--out", out); err != nil {
		t.Errorf("%s %s %v: %v", filepath.Base(file), x.kind, x.shape, err)
		return
	}
	f, err := safetensors.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, ok := f.Tensor(x.name)
	if !ok || got.DType != safetensors.F32 || !slices.Equal(got.Shape, x.shape) || len(f.Tensors()) != 1 {
		t.Errorf("%s %s: got %+v, want F32 %v and nothing else", filepath.Base(file), x.kind, f.Tensors(), x.shape)
		return
	}
	b, err := f.Bytes(got)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if g := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])); math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Errorf("%s %s %v: element %d is %v, want %v", filepath.Base(file), x.kind, x.shape, i, g, w)
			return
		}
	}
}

// TestDecodeTypes decodes every type of both formats, in shapes that no slab fits.
func TestDecodeTypes(t *testing.T) {
	var list []testTensor
	for i, kind := range []string{"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"} {
		list = append(list, randomTensor(uint64(i), "t."+kind, kind, 3, i+1))
	}
	list = append(list,
		randomTensor(50, "t.scalar", "BF16"), randomTensor(51, "t.empty", "F16", 3, 0),
		randomTensor(52, "t.large", "F16", 3, decodeSlab/2+1), randomTensor(53, "t.four", "I8", 2, 3, 4, 5))
	file := writeTestSafetensors(t, list...)
	for _, x := range list {
		checkDecoded(t, file, x, x.values(t))
		checkDecoded(t, filepath.Dir(file), x, x.values(t)) // the folder
	}
	list = nil
	for i, kind := range []string{
		"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
		"IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "Q1_0", "Q2_0",
	} {
		list = append(list, randomTensor(uint64(i), "t."+kind, kind, 3, 512))
	}
	list = append(list, randomTensor(60, "t.large", "Q8_0", 2*decodeSlab/1024+1, 1024), randomTensor(61, "t.three", "Q4_K", 3, 2, 256))
	file = writeTestGGUF(t, list...)
	for _, x := range list {
		checkDecoded(t, file, x, x.values(t))
	}
}

// TestDecodeScales multiplies by the factors beside a tensor.
func TestDecodeScales(t *testing.T) {
	blocked := func(index, rows, cols int) int { // of the factor of an element of matrices [rows, cols]
		m, r, c := index/(rows*cols), index/cols%rows, index%cols
		down, across := (rows+127)/128, (cols+127)/128
		return (m*down+r/128)*across + c/128
	}
	for _, c := range []struct {
		name   string
		x, s   testTensor
		factor func(index int) int
	}{
		{"one block", randomTensor(1, "w", "F8_E4M3", 7, 9), floatTensor(1, "w_scale_inv", 1, 1), func(int) int { return 0 }},
		{"blocks", randomTensor(2, "a.weight", "F8_E4M3", 300, 257), floatTensor(2, "a.weight_scale_inv", 3, 3), func(i int) int { return blocked(i, 300, 257) }},
		{"whole blocks", randomTensor(3, "w", "F8_E5M2", 256, 512), floatTensor(3, "w_scale_inv", 2, 4), func(i int) int { return blocked(i, 256, 512) }},
		{"powers of two", randomTensor(4, "w", "F8_E4M3", 129, 300), randomTensor(4, "w_scale_inv", "F8_E8M0", 2, 3), func(i int) int { return blocked(i, 129, 300) }},
		{"experts", randomTensor(5, "w", "F8_E4M3", 3, 140, 130), floatTensor(5, "w_scale_inv", 3, 2, 2), func(i int) int { return blocked(i, 140, 130) }},
		{"a tensor", randomTensor(6, "w", "F8_E4M3", 2, 40, 30), floatTensor(6, "w_scale"), func(int) int { return 0 }},
		{"a row", randomTensor(7, "w", "F8_E4M3", 40, 30), floatTensor(7, "w_scale", 40, 1), func(i int) int { return i / 30 }},
		{"a row, flat", randomTensor(8, "w", "F8_E4M3", 500, 300), floatTensor(8, "w_scale", 500), func(i int) int { return i / 300 }},
		{"a vector", randomTensor(9, "w", "F8_E4M3", 300), floatTensor(9, "w_scale", 1), func(int) int { return 0 }},
	} {
		want, factors := c.x.values(t), c.s.values(t)
		for i := range want {
			want[i] *= factors[c.factor(i)]
		}
		checkDecoded(t, writeTestSafetensors(t, c.s, c.x), c.x, want)
		if t.Failed() {
			t.Fatalf("%s: %s %v with factors %v", c.name, c.x.kind, c.x.shape, c.s.shape)
		}
	}
	nv := randomTensor(20, "blk.0.ffn_up.weight", "NVFP4", 5, 128)
	s := floatTensor(20, "blk.0.ffn_up.scale", 1)
	want := nv.values(t)
	for i := range want {
		want[i] *= s.values(t)[0]
	}
	checkDecoded(t, writeTestGGUF(t, nv, s), nv, want)
	checkDecoded(t, writeTestGGUF(t, nv), nv, nv.values(t)) // none beside it
	nv, s = randomTensor(21, "blk.0.ffn_up_exps.weight", "NVFP4", 4, 5, 64), floatTensor(21, "blk.0.ffn_up_exps.scale", 4)
	want = nv.values(t)
	for i := range want {
		want[i] *= s.values(t)[i/(5*64)]
	}
	checkDecoded(t, writeTestGGUF(t, s, nv), nv, want)
	// Other types have no factors, whatever is called so.
	bf := randomTensor(22, "w", "BF16", 4, 4)
	checkDecoded(t, writeTestSafetensors(t, bf, floatTensor(22, "w_scale_inv", 1, 1), floatTensor(22, "w_scale", 1)), bf, bf.values(t))
}

func TestDecodeRefusesScales(t *testing.T) {
	fp8 := func(shape ...int) testTensor { return randomTensor(1, "w", "F8_E4M3", shape...) }
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		x, s testTensor
		want string
	}{
		{fp8(300, 200), floatTensor(1, "w_scale_inv", 2, 2), "tensor w_scale_inv: shape [2 2], want one number, one a row, or [3 2] for w [300 200]"},
		{fp8(300, 200), floatTensor(1, "w_scale_inv", 2, 3), "shape [2 3]"},
		{fp8(300, 200), floatTensor(1, "w_scale_inv", 0), "shape [0]"},
		{fp8(300, 200), floatTensor(1, "w_scale", 200), "shape [200]"},
		{fp8(2, 300, 200), floatTensor(1, "w_scale_inv", 3, 2), "want one number, one a row, or [2 3 2]"},
		{fp8(300, 200), randomTensor(1, "w_scale_inv", "I32", 3, 2), "tensor w_scale_inv: type I32, want a float type"},
	} {
		_, err := execute(t, "", "decode", writeTestSafetensors(t, c.x, c.s), "--tensor", "w", "--out", out)
		if exitCode(err) != exitRefused || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "model.safetensors") {
			t.Errorf("%v with %s %v: got %v; want %s", c.x.shape, c.s.kind, c.s.shape, err, c.want)
		}
	}
	nv, s := randomTensor(2, "w.weight", "NVFP4", 4, 5, 64), floatTensor(2, "w.scale", 3)
	_, err := execute(t, "", "decode", writeTestGGUF(t, nv, s), "--tensor", "w.weight", "--out", out)
	if want := "model.gguf: tensor w.scale: shape [3], want one number or [4] for w.weight [4 5 64]"; exitCode(err) != exitRefused || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	file := writeTestGGUF(t, randomTensor(1, "blk.0.attn_q.weight", "F32", 4), randomTensor(1, "blk.1.attn_q.weight", "F32", 4))
	dir := t.TempDir()
	out := filepath.Join(dir, "out.safetensors")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{file, "--out", out}, exitUsage, "--tensor NAME is missing"},
		{[]string{file, "--tensor", "x"}, exitUsage, "--out FILE.safetensors is missing"},
		{[]string{"--tensor", "x", "--out", out}, exitUsage, "MODEL is missing"},
		{[]string{file, "--tensor", "blk.0.attn_k.weight", "--out", out}, exitNotFound, "model.gguf: no tensor blk.0.attn_k.weight; nearest: blk.0.attn_q.weight, blk.1.attn_q.weight"},
		{[]string{file, "--tensor", "output", "--out", out}, exitNotFound, "model.gguf: no tensor output"},
		{[]string{filepath.Join(dir, "none.gguf"), "--tensor", "x", "--out", out}, exitNotFound, "none.gguf"},
		{[]string{file, "--tensor", "blk.0.attn_q.weight", "--out", filepath.Join(dir, "no", "folder")}, exitNotFound, "folder"},
	} {
		_, err := execute(t, "", append([]string{"decode"}, c.args...)...)
		if exitCode(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("decode %v: got %v, exit code %d; want %s, %d", c.args, err, exitCode(err), c.want, c.code)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func BenchmarkDecode(b *testing.B) {
	x := randomTensor(1, "t", "Q4_K", 4096, 1024)
	dtype, _ := tensor.ParseDType(x.kind)
	s := storedTensor{name: x.name, kind: x.kind, dtype: dtype, shape: x.shape, bytes: x.bytes}
	b.SetBytes(4 * 4096 * 1024)
	path := filepath.Join(b.TempDir(), "out.safetensors")
	for b.Loop() {
		w, err := safetensors.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := writeDecoded(b.Context(), w, s, nil); err != nil {
			b.Fatal(err)
		}
	}
}
