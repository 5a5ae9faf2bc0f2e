package checkpoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/compressed"
	"github.com/blitz-r1/blitz/safetensors"
)

// Description is what a model's files say of it as a whole. What they do not state is
// zero.
type Description struct {
	Format       string `json:"format"`                 // "gguf", "safetensors", or "tokenizer" for a tokenizer alone
	Title        string `json:"title,omitempty"`        // what the file calls itself
	Architecture string `json:"architecture,omitempty"` // as the file names it: llama, deepseek2, qwen3_moe
	Parameters   int64  `json:"parameters,omitempty"`
	Quantization string `json:"quantization,omitempty"` // Q4_K_M, BF16, …
	Context      int64  `json:"context,omitempty"`      // positions the model was made for
	License      string `json:"license,omitempty"`
}

// Describe returns what the files say of the model. The error is that of a tokenizer,
// of safetensors or of a config.json that cannot be read.
func (c *Checkpoint) Describe() (Description, error) { return c.description.get(c.describe) }

func (c *Checkpoint) describe() (Description, error) {
	switch c.files.Kind {
	case GGUF:
		return describeGGUF(c.gguf), nil
	case Tokenizer:
		t, err := c.Tokenizer()
		if err != nil {
			return Description{}, err
		}
		return Description{Format: Tokenizer.String(), Title: fmt.Sprintf("a tokenizer of %d tokens", t.VocabSize())}, nil
	}
	var v struct {
		ModelType string  `json:"model_type"`
		Positions float64 `json:"max_position_embeddings"`
		Text      *struct {
			Positions float64 `json:"max_position_embeddings"`
		} `json:"text_config"` // the language model's part of one that sees and hears
	}
	text, err := c.Config()
	if err == nil {
		if err := json.Unmarshal(PlainJSON(text), &v); err != nil {
			return Description{}, fmt.Errorf("%s: %w: %w", c.ConfigName(), err, ErrFormat)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Description{}, err
	}
	f, err := c.Safetensors()
	if err != nil {
		return Description{}, err
	}
	d := describeSafetensors(f, PlainJSON(text))
	d.Architecture, d.Context = printable(v.ModelType), positions(v.Positions)
	if v.Text != nil && v.Text.Positions > 0 {
		d.Context = positions(v.Text.Positions)
	}
	return d, nil
}

func describeGGUF(f *gguf.File) Description {
	architecture, _ := f.String("general.architecture")
	title, _ := f.String("general.name")
	license, _ := f.String("general.license")
	context, _ := f.Uint(architecture + ".context_length")
	d := Description{
		Format:       GGUF.String(),
		Title:        printable(title),
		Architecture: printable(architecture),
		License:      printable(license),
		Context:      int64(min(context, math.MaxInt64)),
	}
	bytes := make(map[string]int64)
	for _, t := range f.Tensors() {
		d.Parameters += elements(t.Shape)
		bytes[t.Type.String()] += t.Size
	}
	d.Quantization = most(bytes)
	if n, ok := f.Uint("general.file_type"); ok && n < uint64(len(fileTypes)) && fileTypes[n] != "" && len(bytes) > 0 {
		d.Quantization = fileTypes[n]
	}
	return d
}

func describeSafetensors(f *safetensors.File, config []byte) Description {
	d := Description{Format: Safetensors.String()}
	packed, isPacked := compressed.Summarise(config)
	bytes := make(map[string]int64)
	for _, t := range f.Tensors() {
		if strings.HasSuffix(t.Name, "_scale_inv") {
			continue // scales of 8-bit blocks are not parameters
		}
		n := elements(t.Shape)
		if isPacked {
			n = packed.Parameters(t.Name, t.DType, n)
		}
		d.Parameters += n
		bytes[string(t.DType)] += t.Size
	}
	d.Quantization = most(bytes)
	if isPacked {
		d.Quantization = packed.String()
	}
	return d
}

// fileTypes are the mixtures of types that GGUF's general.file_type numbers.
// Numbers that were withdrawn have no name.
var fileTypes = [...]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
	19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
	28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}

// elements multiplies a shape out. The formats have checked that it fits.
func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// most returns the type that most bytes are of.
func most(bytes map[string]int64) (name string) {
	for n, size := range bytes {
		if name == "" || cmp.Or(cmp.Compare(size, bytes[name]), cmp.Compare(name, n)) > 0 {
			name = n
		}
	}
	return printable(name)
}

func positions(x float64) int64 {
	if x > 0 && x < math.MaxInt64 {
		return int64(x)
	}
	return 0
}
