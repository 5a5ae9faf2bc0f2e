package compressed

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// plain is a matrix in numbers: weight [r][k] is scale[r][k/width] · (w[r][k] - zero[r][k/width]).
type plain struct {
	rows, cols, width, bits int
	w, zero                 [][]int
	scale                   [][]float32 // float16 numbers
}

func newPlain(rows, cols, width, bits int, zero func(rng *rand.Rand) int) *plain {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols+bits)))
	p := &plain{rows: rows, cols: cols, width: width, bits: bits}
	for range rows {
		var w, z []int
		var s []float32
		for range cols {
			w = append(w, rng.IntN(1<<bits))
		}
		for range cols / width {
			z = append(z, zero(rng))
			s = append(s, quant.F16ToF32(quant.F32ToF16(rng.Float32()+0.01)))
		}
		p.w, p.zero, p.scale = append(p.w, w), append(p.zero, z), append(p.scale, s)
	}
	return p
}

// at returns a weight.
func (p *plain) at(r, k int) float32 {
	g := k / p.width
	return p.scale[r][g] * float32(p.w[r][k]-p.zero[r][g])
}

// bits32 packs integers one behind the other, the lowest bits of a word first.
func bits32(w []int, bits int) []uint32 {
	out := make([]uint32, (len(w)*bits+31)/32)
	for i, x := range w {
		for b := range bits {
			out[(i*bits+b)/32] |= uint32(x>>b&1) << ((i*bits + b) % 32)
		}
	}
	return out
}

// turned returns the columns of a table as rows.
func turned[T any](t [][]T) [][]T {
	out := make([][]T, len(t[0]))
	for _, row := range t {
		for k, x := range row {
			out[k] = append(out[k], x)
		}
	}
	return out
}

// mapped applies f to all rows.
func mapped[S, T any](t [][]S, f func([]S) []T) (out [][]T) {
	for _, row := range t {
		out = append(out, f(row))
	}
	return out
}

// file collects tensors.
type file struct {
	t     *testing.T
	names []string
	kinds []safetensors.DType
	sizes [][]int
	data  [][]byte
}

func (f *file) add(name string, kind safetensors.DType, shape []int, data []byte) {
	f.names, f.kinds = append(f.names, name), append(f.kinds, kind)
	f.sizes, f.data = append(f.sizes, shape), append(f.data, data)
}

func (f *file) words(name string, t [][]uint32) {
	var b []byte
	for _, row := range t {
		for _, x := range row {
			b = le.AppendUint32(b, x)
		}
	}
	f.add(name, safetensors.I32, []int{len(t), len(t[0])}, b)
}

func (f *file) halves(name string, t [][]float32) {
	var b []byte
	for _, row := range t {
		for _, x := range row {
			b = le.AppendUint16(b, quant.F32ToF16(x))
		}
	}
	f.add(name, safetensors.F16, []int{len(t), len(t[0])}, b)
}

func (f *file) open() *safetensors.File {
	f.t.Helper()
	var b bytes.Buffer
	w := safetensors.NewWriter(&b)
	for i, name := range f.names {
		if err := w.Declare(name, f.kinds[i], f.sizes[i]...); err != nil {
			f.t.Fatal(err)
		}
	}
	for i, data := range f.data {
		if err := w.WriteTensor(f.names[i], data); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	s, err := safetensors.Parse("test.safetensors", b.Bytes())
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// store stores a plain matrix as a method does.
func (f *file) store(method, layer string, p *plain, less int) {
	stream := func(w []int) []uint32 { return bits32(w, p.bits) }
	switch method {
	case gptq:
		f.words(layer+".qweight", turned(mapped(p.w, stream)))
		zero := mapped(p.zero, func(z []int) []int {
			z = slices.Clone(z)
			for i := range z {
				z[i] -= less
			}
			return z
		})
		f.words(layer+".qzeros", mapped(turned(zero), stream))
		f.halves(layer+".scales", turned(p.scale))
	case awq:
		f.words(layer+".qweight", mapped(turned(p.w), awqWords))
		f.words(layer+".qzeros", mapped(turned(p.zero), awqWords))
		f.halves(layer+".scales", turned(p.scale))
	case ct:
		f.words(layer+".weight_packed", mapped(p.w, stream))
		f.words(layer+".weight_zero_point", turned(mapped(turned(p.zero), stream)))
		f.halves(layer+".weight_scale", p.scale)
		f.add(layer+".weight_shape", safetensors.I64, []int{2}, slices.Concat(le.AppendUint64(nil, uint64(p.rows)), le.AppendUint64(nil, uint64(p.cols))))
	}
}

// awqWords packs eight integers a word: 0 2 4 6 1 3 5 7 from the lowest bits on.
func awqWords(w []int) (out []uint32) {
	for i := 0; i < len(w); i += 8 {
		var x uint32
		for n, from := range []int{0, 2, 4, 6, 1, 3, 5, 7} {
			x |= uint32(w[i+from]) << (4 * n)
		}
		out = append(out, x)
	}
	return out
}

// TestMatrix packs matrices as each method does and reads them back, whole and in pieces.
func TestMatrix(t *testing.T) {
	for _, c := range []struct {
		method, config string
		bits, less     int
		zero           int // -1: any
		want           tensor.DType
	}{
		{gptq, `{"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": false}`, 4, 1, 8, tensor.Q4_0},
		{gptq, `{"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq_v2"}`, 4, 0, -1, tensor.Q5_0},
		{gptq, `{"quant_method": "gptq", "bits": 2}`, 2, 1, -1, tensor.Q4_0},
		{gptq, `{"quant_method": "gptq", "bits": 3}`, 3, 1, -1, tensor.Q4_0},
		{gptq, `{"quant_method": "gptq", "bits": 8}`, 8, 1, 128, tensor.Q8_0},
		{awq, `{"quant_method": "awq", "bits": 4, "version": "gemm", "zero_point": true}`, 4, 0, -1, tensor.Q5_0},
		{awq, `{"quant_method": "awq", "bits": 4}`, 4, 0, 8, tensor.Q4_0},
		{ct, `{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}}`, 4, 0, -1, tensor.Q5_0},
		{ct, `{"quant_method": "compressed-tensors", "config_groups": {"a": {"format": "pack-quantized", "weights": {"num_bits": 8, "type": "int"}}}}`, 8, 0, 128, tensor.Q8_0},
		{ct, `{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 5, "type": "int"}}}}`, 5, 0, 16, tensor.Q5_0},
	} {
		t.Run(fmt.Sprintf("%s/%d/%v", c.method, c.bits, c.want), func(t *testing.T) {
			p := newPlain(40, 192, 96, c.bits, func(rng *rand.Rand) int {
				if c.zero < 0 {
					return rng.IntN(1<<c.bits-c.less) + c.less
				}
				return c.zero
			})
			f := &file{t: t}
			f.store(c.method, "a.q_proj", p, c.less)
			f.add("a.q_proj.bias", safetensors.F16, []int{40}, make([]byte, 80))
			x, err := Open(f.open(), []byte(`{"quantization_config": `+c.config+`}`))
			if err != nil {
				t.Fatal(err)
			}
			m, ok := x.Matrix("a.q_proj.weight")
			if !ok || m.Type != c.want || m.Rows != 40 || m.Cols != 192 {
				t.Fatalf("got %+v, want %v", m, c.want)
			}
			for _, name := range f.names {
				if !x.IsPart(name) {
					t.Errorf("%s is no part of the matrix", name)
				}
			}
			size := m.Type.RowBytes(m.Cols)
			for first, n := range map[int]int{0: 40, 16: 24, 33: 3} {
				b, got := make([]byte, n*size), make([]float32, n*m.Cols)
				if err := m.Write(b, first, n); err != nil {
					t.Fatal(err)
				}
				if err := quant.Decode(got, m.Type, b); err != nil {
					t.Fatal(err)
				}
				for i, v := range got {
					if want := p.at(first+i/m.Cols, i%m.Cols); v != want {
						t.Fatalf("row %d, column %d: got %v, want %v", first+i/m.Cols, i%m.Cols, v, want)
					}
				}
			}
		})
	}
}

// TestRefused: what cannot be honoured, and tensors that do not fit together.
func TestRefused(t *testing.T) {
	const four = `{"quant_method": "gptq", "bits": 4}`
	p := newPlain(32, 64, 32, 4, func(*rand.Rand) int { return 8 })
	for name, c := range map[string]struct {
		config string
		change func(f *file)
		err    error
		words  string
	}{
		"bits":     {`{"quant_method": "gptq", "bits": 5}`, nil, ErrScheme, "5 bits"},
		"format":   {`{"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}`, nil, ErrScheme, "marlin"},
		"version":  {`{"quant_method": "awq", "bits": 4, "version": "gemv"}`, nil, ErrScheme, "gemv"},
		"awq bits": {`{"quant_method": "awq", "bits": 3}`, nil, ErrScheme, "3 bits"},
		"type":     {`{"quant_method": "compressed-tensors", "format": "marlin-24", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int"}}}}`, nil, ErrScheme, "marlin-24"},
		"missing":  {four, func(f *file) { f.names[2] = "other" }, ErrTensor, "a.scales: is missing"},
		"zeros":    {four, func(f *file) { f.sizes[1] = []int{4, 2} }, ErrTensor, "a.qzeros: shape [4 2], want [2 4]"},
		"scales":   {four, func(f *file) { f.sizes[2] = []int{32, 2} }, ErrTensor, "a.scales: shape [32 2]"},
		"kind":     {four, func(f *file) { f.kinds[0] = safetensors.F32 }, ErrTensor, "a.qweight: type F32, want I32"},
		"order": {four, func(f *file) {
			f.add("a.g_idx", safetensors.I32, []int{64}, make([]byte, 256))
		}, ErrScheme, "column 32 is of group 0, want 1"},
		"short order": {four, func(f *file) {
			f.add("a.g_idx", safetensors.I32, []int{32}, make([]byte, 128))
		}, ErrTensor, "a.g_idx: shape [32], want [64]"},
	} {
		f := &file{t: t}
		f.store(gptq, "a", p, 1)
		if c.change != nil {
			c.change(f)
		}
		_, err := Open(f.open(), []byte(`{"quantization_config": `+c.config+`}`))
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.err, c.words)
		}
	}
}

// TestScales: a scale that is no float16 number is refused, by name; one that is none in
// bfloat16 either cannot come.
func TestScales(t *testing.T) {
	p := newPlain(32, 64, 32, 4, func(*rand.Rand) int { return 8 })
	f := &file{t: t}
	f.store(gptq, "a", p, 1)
	f.kinds[2], f.data[2] = safetensors.BF16, make([]byte, 2*64)
	for i := range 64 {
		le.PutUint16(f.data[2][2*i:], quant.F32ToBF16(0.0123))
	}
	le.PutUint16(f.data[2][2*33:], quant.F32ToBF16(1e-9))
	x, err := Open(f.open(), []byte(`{"quantization_config": {"quant_method": "gptq", "bits": 4}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := x.Matrix("a.weight")
	b := make([]byte, m.Type.RowBytes(m.Cols))
	if err := m.Write(b, 0, 1); err != nil {
		t.Errorf("bfloat16 scales: %v", err)
	}
	if err := m.Write(b, 1, 1); !errors.Is(err, ErrScheme) || !strings.Contains(err.Error(), "row 1, group 1") {
		t.Errorf("a scale of 1e-9: got %v", err)
	}
}

// TestNone: other checkpoints are not looked at.
func TestNone(t *testing.T) {
	for _, config := range []string{`{}`, `[`, `{"quantization_config": {"quant_method": "fp8"}}`, `{"quantization_config": 3}`} {
		f := &file{t: t}
		f.add("a.weight", safetensors.F32, []int{1}, make([]byte, 4))
		if c, err := Open(f.open(), []byte(config)); c != nil || err != nil {
			t.Errorf("%s: got %v, %v, want neither", config, c, err)
		}
	}
}
