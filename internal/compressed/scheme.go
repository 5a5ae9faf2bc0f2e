// Package compressed reads the packed weights of checkpoints that other tools made: GPTQ,
// AWQ, compressed-tensors and ModelOpt. Each matrix stands there as several tensors (packed
// numbers, scales, zero points); it is given as rows of blocks of a type that has exactly
// these numbers: Q4_0, Q5_0 or Q8_0 for integers, whose weight is scale · (integer − zero
// point), NVFP4 or MXFP4 for floats.
//
// The definitions are those of the tools' own code: AutoGPTQ's and GPTQModel's QuantLinear
// (Frantar et al. 2022), AutoAWQ's WQLinear_GEMM (Lin et al. 2023), compressed-tensors'
// pack_to_int32 and pack_fp4_to_uint8 (0.20.1), and ModelOpt's NVFP4QTensor.
//
// Adding a method: a case in newScheme, and a layout.
package compressed

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/safetensors"
)

// ErrScheme is a configuration of a known method with settings that cannot be honoured.
var ErrScheme = errors.New("quantised in a way that is not read")

// The methods, as quant_method names them.
const (
	gptq = "gptq"
	awq  = "awq"
	ct   = "compressed-tensors"

	modelopt = "modelopt"
)

// scheme is how all matrices of a checkpoint are stored.
type scheme struct {
	method string
	bits   int
	// offset is added to stored zero points: AutoGPTQ stores them less one.
	offset int
	float  float
}

// settings is quantization_config of config.json, as far as it matters here.
type settings struct {
	Method     string           `json:"quant_method"`
	Bits       int              `json:"bits"`
	Checkpoint string           `json:"checkpoint_format"`
	Version    string           `json:"version"`
	Format     string           `json:"format"`
	Groups     map[string]group `json:"config_groups"`
	Block      []int            `json:"weight_block_size"` // of FP8
	Algorithm  string           `json:"quant_algo"`        // ModelOpt's
}

// group is the settings of a group of matrices in compressed-tensors.
type group struct {
	Format  string `json:"format"`
	Weights *struct {
		Bits  int    `json:"num_bits"`
		Type  string `json:"type"`
		Block []int  `json:"block_structure"`
	} `json:"weights"`
}

// newScheme reads config.json; nil where the weights are stored in no way that this package
// is for. The error wraps ErrScheme.
func newScheme(config []byte) (*scheme, error) {
	var c struct {
		Quantization *settings `json:"quantization_config"`
	}
	if json.Unmarshal(config, &c) != nil || c.Quantization == nil {
		return nil, nil // the model's configuration is read elsewhere, and refused there
	}
	q := c.Quantization
	switch q.Method {
	case gptq:
		return newGPTQ(q)
	case awq:
		if q.Version != "" && q.Version != "gemm" {
			return nil, refuse("version %q of AWQ, want \"gemm\"", q.Version)
		}
		if q.Bits != 4 {
			return nil, refuse("AWQ of %d bits, want 4", q.Bits)
		}
		return &scheme{method: awq, bits: q.Bits}, nil
	case ct:
		return newCompressedTensors(q)
	case modelopt:
		if q.Algorithm != "NVFP4" { // others have weights and scales as other checkpoints
			return nil, nil
		}
		return &scheme{method: modelopt, bits: 4, float: nvfp4}, nil
	}
	return nil, nil
}

// ScaleBlock returns how many rows and columns of FP8 weights share a scale; zeros where
// config.json does not say.
func ScaleBlock(config []byte) [2]int {
	var c struct {
		Quantization *settings `json:"quantization_config"`
	}
	if json.Unmarshal(config, &c) != nil || c.Quantization == nil {
		return [2]int{}
	}
	blocks := [][]int{c.Quantization.Block}
	for _, g := range c.Quantization.Groups {
		if g.Weights != nil {
			blocks = append(blocks, g.Weights.Block)
		}
	}
	for _, b := range blocks {
		if len(b) == 2 && b[0] > 0 && b[1] > 0 {
			return [2]int{b[0], b[1]}
		}
	}
	return [2]int{}
}

func newGPTQ(q *settings) (*scheme, error) {
	if !slices.Contains([]int{2, 3, 4, 8}, q.Bits) {
		return nil, refuse("GPTQ of %d bits, want 2, 3, 4 or 8", q.Bits)
	}
	s := &scheme{method: gptq, bits: q.Bits, offset: 1}
	switch q.Checkpoint {
	case "", "gptq":
	case "gptq_v2":
		s.offset = 0
	default:
		return nil, refuse("checkpoint_format %q of GPTQ, want \"gptq\" or \"gptq_v2\"", q.Checkpoint)
	}
	return s, nil
}

// newCompressedTensors returns nil for formats of whole bytes, whose tensors are weights and
// scales as others have them.
func newCompressedTensors(q *settings) (*scheme, error) {
	s := &scheme{method: ct}
	for name, g := range q.Groups {
		format := g.Format
		if format == "" {
			format = q.Format
		}
		if g.Weights == nil || format == "float-quantized" || format == "dense" {
			continue
		}
		if kind := floatFormats[format]; kind != noFloat {
			if s.bits != 0 && s.float != kind {
				return nil, refuse("groups of compressed-tensors of several kinds, want one")
			}
			s.bits, s.float = 4, kind
			continue
		}
		if format != "pack-quantized" || g.Weights.Type != "int" || g.Weights.Bits < 1 || g.Weights.Bits > 8 {
			return nil, refuse("%s of compressed-tensors: format %q, %d bits, type %q; want \"pack-quantized\" of 1 to 8 bits, type \"int\", \"nvfp4-pack-quantized\", \"mxfp4-pack-quantized\" or \"float-quantized\"",
				name, format, g.Weights.Bits, g.Weights.Type)
		}
		if s.bits != 0 && (s.bits != g.Weights.Bits || s.float != noFloat) {
			return nil, refuse("groups of compressed-tensors with %d and %d bits, want one number", s.bits, g.Weights.Bits)
		}
		s.bits = g.Weights.Bits
	}
	if s.bits == 0 {
		return nil, nil
	}
	return s, nil
}

// floatFormats are the formats of compressed-tensors that pack floats.
var floatFormats = map[string]float{"nvfp4-pack-quantized": nvfp4, "mxfp4-pack-quantized": mxfp4}

func refuse(format string, args ...any) error {
	return fmt.Errorf("compressed: config.json: quantization_config: %s: %w", fmt.Sprintf(format, args...), ErrScheme)
}

// Summary is what config.json says of packed matrices.
type Summary struct{ s *scheme }

// Summarise reads config.json; false where it names no method of this package, or settings of
// one that are not read.
func Summarise(config []byte) (Summary, bool) {
	s, err := newScheme(config)
	return Summary{s}, s != nil && err == nil
}

// String returns such as "GPTQ 4-bit".
func (x Summary) String() string {
	name := map[string]string{gptq: "GPTQ", awq: "AWQ", ct: "compressed-tensors", modelopt: "ModelOpt"}[x.s.method]
	if x.s.float != noFloat {
		return name + " " + x.s.float.String()
	}
	return fmt.Sprintf("%s %d-bit", name, x.s.bits)
}

// Parameters returns how many weights a tensor of n elements of a type stands for.
func (x Summary) Parameters(name string, t safetensors.DType, n int64) int64 {
	suffix := x.s.names()
	switch {
	case x.s.float != noFloat && t == safetensors.U8 && strings.HasSuffix(name, suffix.values):
		return 2 * n
	case x.s.float != noFloat && strings.HasSuffix(name, suffix.values): // a plain matrix
		return n
	case strings.HasSuffix(name, suffix.values):
		return n / int64(x.s.bits) * 32
	}
	for _, other := range []string{suffix.zeros, suffix.scales, suffix.order, suffix.shape, suffix.global, suffix.inputs} {
		if other != "" && strings.HasSuffix(name, other) {
			return 0
		}
	}
	return n
}
