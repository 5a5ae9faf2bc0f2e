package compressed

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Parts of configurations of compressed-tensors.
const (
	four = `{"num_bits": 4, "type": "int"}`
	ofCT = `{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": `
)

// ofTools are the files of testdata, with their configurations and what they are read as.
var ofTools = map[string]struct {
	config string
	want   tensor.DType
}{
	"gptq2":    {`{"quant_method": "gptq", "bits": 2}`, tensor.Q4_0},
	"gptq3":    {`{"quant_method": "gptq", "bits": 3}`, tensor.Q4_0},
	"gptq4":    {`{"quant_method": "gptq", "bits": 4}`, tensor.Q5_0},
	"gptq8":    {`{"quant_method": "gptq", "bits": 8}`, tensor.Q8_0},
	"awq4":     {`{"quant_method": "awq", "bits": 4}`, tensor.Q5_0},
	"ct4":      {ofCT + four + `}}}`, tensor.Q4_0},
	"ct4z":     {ofCT + four + `}}}`, tensor.Q5_0},
	"ct8":      {ofCT + `{"num_bits": 8, "type": "int"}}}}`, tensor.Q8_0},
	"nvfp4":    {`{"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "float"}}}}`, tensor.NVFP4},
	"mxfp4":    {`{"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "float"}}}}`, tensor.MXFP4},
	"modelopt": {`{"quant_method": "modelopt", "quant_algo": "NVFP4"}`, tensor.NVFP4},
	"ct3":      {ofCT + `{"num_bits": 3, "type": "int"}}}}`, tensor.Q4_0},
}

// TestTools reads what the tools packed themselves, and holds it to what they unpack.
func TestTools(t *testing.T) {
	for name, c := range ofTools {
		t.Run(name, func(t *testing.T) {
			f, err := safetensors.Open(filepath.Join("testdata", name+".safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			x, err := Open(f, []byte(`{"quantization_config": `+c.config+`}`))
			if err != nil {
				t.Fatal(err)
			}
			m, ok := x.Matrix("l.weight")
			if !ok || m.Rows != 32 || m.Cols != 128 || m.Type != c.want {
				t.Fatalf("got %+v, want %v", m, c.want)
			}
			b, got := make([]byte, 32*m.Type.RowBytes(128)), make([]float32, 32*128)
			if err := m.Write(b, 0, 32); err != nil {
				t.Fatal(err)
			}
			if err := quant.Decode(got, m.Type, b); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if m.Divisor != 0 {
					got[i] /= m.Divisor
				}
				got[i] *= m.Factor
			}
			for i, want := range unpacked(t, f) {
				if m.Type == tensor.NVFP4 { // the tool rounds scale and factor first
					want = round(want, got[i])
				}
				if v := got[i]; v != want && quant.F16ToF32(quant.F32ToF16(v)) != want { // some tools round what they unpack
					t.Fatalf("row %d, column %d: got %v, want %v", i/128, i%128, v, want)
				}
			}
		})
	}
}

// round returns got where it is want but for the last bit.
func round(want, got float32) float32 {
	if d := int64(math.Float32bits(want)) - int64(math.Float32bits(got)); d >= -1 && d <= 1 {
		return got
	}
	return want
}

// unpacked returns the weights as the tool has them.
func unpacked(t *testing.T, f *safetensors.File) []float32 {
	t.Helper()
	s, ok := f.Tensor("want")
	if !ok {
		t.Fatal("the file has no weights to compare")
	}
	b, err := f.Bytes(s)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := tensor.ParseDType(string(s.DType))
	v := make([]float32, 32*128)
	if err := quant.Decode(v, d, b); err != nil {
		t.Fatal(err)
	}
	return v
}
