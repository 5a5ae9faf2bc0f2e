package tiny

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// Stored is a tensor as a file holds it.
type Stored struct {
	Name  string
	Type  tensor.DType
	Shape []int
	Data  []byte
}

// stored encodes values as a type.
func stored(name string, t tensor.DType, shape []int, w []float32) (Stored, error) {
	s := Stored{Name: name, Type: t, Shape: shape, Data: make([]byte, t.RowBytes(len(w)))}
	if err := quant.Encode(s.Data, t, w); err != nil {
		return s, fmt.Errorf("tiny: %s: %w", name, err)
	}
	return s, nil
}

// Checkpoint is a model as a published folder holds it. A test may change it before
// it is written.
type Checkpoint struct {
	Config  []byte // config.json
	Params  bool   // it is a params.json, of Mistral's own form
	Tensors []Stored
}

// Checkpoint returns the model with weights of type F32, F16 or BF16, which hold the
// same numbers. The correction bias of routers is float32, as published.
func (m *Model) Checkpoint(t tensor.DType) (*Checkpoint, error) {
	c := &Checkpoint{Config: m.Raw, Params: m.Config.ModelType == "mistral_large3"}
	for _, x := range m.Tensors() {
		dt := t
		if strings.HasSuffix(x.Name, "tid2eid") {
			c.Tensors = append(c.Tensors, m.expertTable(x, tensor.I64))
			continue
		}
		if strings.HasSuffix(x.Name, "_blocks") || strings.HasSuffix(x.Name, "_scales") {
			c.Tensors = append(c.Tensors, m.packed(x))
			continue
		}
		if strings.HasSuffix(x.Name, "e_score_correction_bias") || IsV4F32(x.Name) {
			dt = tensor.F32
		}
		s, err := stored(x.Name, dt, x.Shape, m.Weight(x))
		if err != nil {
			return nil, err
		}
		c.Tensors = append(c.Tensors, s)
	}
	return c, nil
}

// fp8Matrices are the matrices that DeepSeek, and those who follow it, publish as FP8.
var fp8Matrices = strings.Fields("q_proj k_proj v_proj q_a_proj q_b_proj kv_a_proj_with_mqa kv_b_proj o_proj gate_proj up_proj down_proj indexer.wq_b indexer.wk")

// FP8 returns the model as DeepSeek publishes V3 and R1: matrices of E4M3 with a scale
// for each block of 128 × 128, the rest bfloat16; with ue8m0, as V3.1 and V3.2, the
// scales are powers of two.
func (m *Model) FP8(ue8m0 bool) (*Checkpoint, error) {
	c := &Checkpoint{}
	for _, x := range m.Tensors() {
		w := m.Weight(x)
		if isFP8(x.Name) {
			codes, scale := fp8Blocks(w, x.Shape[1], ue8m0)
			shape := []int{(x.Shape[0] + 127) / 128, (x.Shape[1] + 127) / 128}
			s, err := stored(x.Name+"_scale_inv", tensor.F32, shape, scale)
			if err != nil {
				return nil, err
			}
			c.Tensors = append(c.Tensors, Stored{Name: x.Name, Type: tensor.F8E4M3, Shape: x.Shape, Data: codes}, s)
			continue
		}
		dt := tensor.BF16
		if strings.HasSuffix(x.Name, "e_score_correction_bias") {
			dt = tensor.F32
		}
		s, err := stored(x.Name, dt, x.Shape, w)
		if err != nil {
			return nil, err
		}
		c.Tensors = append(c.Tensors, s)
	}
	how := map[string]any{"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": []int{128, 128}}
	if ue8m0 {
		how["scale_fmt"] = "ue8m0"
	}
	c.Config = m.With(map[string]any{"quantization_config": how, "dtype": "bfloat16"}).Raw
	return c, nil
}

func isFP8(name string) bool {
	for _, p := range fp8Matrices {
		if strings.HasSuffix(name, "."+p+".weight") {
			return true
		}
	}
	return false
}

// fp8Blocks rounds w [rows, cols] to E4M3 codes and the scales of its blocks.
func fp8Blocks(w []float32, cols int, ue8m0 bool) (codes []byte, scale []float32) {
	rows := len(w) / cols
	codes = make([]byte, len(w))
	for r := 0; r < rows; r += 128 {
		for k := 0; k < cols; k += 128 {
			s := fp8Scale(w, cols, r, k, ue8m0)
			scale = append(scale, s)
			for i := r; i < min(r+128, rows); i++ {
				for j := k; j < min(k+128, cols); j++ {
					codes[i*cols+j] = e4m3(float64(w[i*cols+j]) / float64(s))
				}
			}
		}
	}
	return codes, scale
}

// fp8Scale returns the scale of the block at row r and column k.
func fp8Scale(w []float32, cols, r, k int, ue8m0 bool) float32 {
	var top float32
	for i := r; i < min(r+128, len(w)/cols); i++ {
		for _, v := range w[i*cols+k : i*cols+min(k+128, cols)] {
			top = max(top, v, -v)
		}
	}
	s := top / 448
	switch {
	case s == 0:
		return 1
	case ue8m0:
		return float32(math.Exp2(math.Ceil(math.Log2(float64(s)))))
	}
	return s
}

// e4m3 returns the nearest code of x, ties to the even one; what is larger than 448
// becomes 448.
func e4m3(x float64) byte {
	low, high := byte(0), byte(0x7e)
	a := math.Abs(x)
	for high-low > 1 {
		if mid := low + (high-low)/2; float64(quant.F8E4M3ToF32(mid)) <= a {
			low = mid
		} else {
			high = mid
		}
	}
	middle := (float64(quant.F8E4M3ToF32(low)) + float64(quant.F8E4M3ToF32(high))) / 2
	if a > middle || a == middle && low&1 == 1 {
		low = high
	}
	if math.Signbit(x) {
		low |= 0x80
	}
	return low
}

// Write writes config.json, or params.json, and one file, or as many shards with their index.
func (c *Checkpoint) Write(folder string, shards int) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	config, weights := "config.json", "model.safetensors"
	if c.Params {
		config, weights = "params.json", "consolidated.safetensors"
	}
	if err := os.WriteFile(filepath.Join(folder, config), c.Config, 0o644); err != nil {
		return err
	}
	if shards == 1 {
		return writeSafetensors(filepath.Join(folder, weights), c.Tensors)
	}
	where := map[string]string{}
	for i := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, shards)
		part := c.Tensors[len(c.Tensors)*i/shards : len(c.Tensors)*(i+1)/shards]
		if err := writeSafetensors(filepath.Join(folder, name), part); err != nil {
			return err
		}
		for _, t := range part {
			where[t.Name] = name
		}
	}
	index, err := json.Marshal(map[string]any{"metadata": map[string]any{}, "weight_map": where})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "model.safetensors.index.json"), index, 0o644)
}

func writeSafetensors(path string, tensors []Stored) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, t := range tensors {
		if err := w.Declare(t.Name, safetensors.DType(t.Type.String()), t.Shape...); err != nil {
			return err
		}
	}
	for _, t := range tensors {
		if err := w.WriteTensor(t.Name, t.Data); err != nil {
			return err
		}
	}
	return w.Close()
}

// WriteSafetensors writes the model as a float32 checkpoint in one file.
func (m *Model) WriteSafetensors(folder string) error {
	c, err := m.Checkpoint(tensor.F32)
	if err != nil {
		return err
	}
	return c.Write(folder, 1)
}
