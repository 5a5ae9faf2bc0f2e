package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/safetensors"
)

// maxConfig bounds a config.json, in bytes.
const maxConfig = 16 << 20

// readFacts opens the model whose files lie in dir, which checks that its
// headers are whole, and reads its facts. A damaged or incomplete model is
// ErrFormat. Of a tokenizer alone only the format is told.
func readFacts(dir string, members []member, format string) (Facts, error) {
	var facts Facts
	var err error
	switch format {
	case formatGGUF:
		facts, err = ggufFacts(dir, members)
	case formatSafetensors:
		facts, err = FolderFacts(dir)
	}
	if errors.Is(err, gguf.ErrFormat) || errors.Is(err, safetensors.ErrFormat) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", err, ErrFormat)
	}
	facts.Format = format
	return facts, err
}

func ggufFacts(dir string, members []member) (Facts, error) {
	f, err := gguf.Open(filepath.Join(dir, members[0].name))
	if err != nil {
		return Facts{}, err
	}
	defer f.Close()
	files := 0
	for _, m := range members {
		if m.role == RoleModel || m.role == RoleShard {
			files++
		}
	}
	if n := len(f.Parts()); n != files {
		return Facts{}, fmt.Errorf("%s: names %d files, and says that it is split into %d: %w", members[0].name, files, n, ErrFormat)
	}
	return GGUFFacts(f), nil
}

// GGUFFacts reads the facts of an open GGUF file.
func GGUFFacts(f *gguf.File) Facts {
	architecture, _ := f.String("general.architecture")
	title, _ := f.String("general.name")
	license, _ := f.String("general.license")
	context, _ := f.Uint(architecture + ".context_length")
	facts := Facts{
		Format:       formatGGUF,
		Title:        printable(title),
		Architecture: printable(architecture),
		License:      printable(license),
		Context:      int64(min(context, math.MaxInt64)),
	}
	bytes := make(map[string]int64)
	for _, t := range f.Tensors() {
		facts.Parameters += elements(t.Shape)
		bytes[t.Type.String()] += t.Size
	}
	facts.Quantization = most(bytes)
	if n, ok := f.Uint("general.file_type"); ok && n < uint64(len(fileTypes)) && fileTypes[n] != "" && len(bytes) > 0 {
		facts.Quantization = fileTypes[n]
	}
	return facts
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

// config is what the facts need of a config.json. Models that see and hear keep
// the language model's part in text_config.
type config struct {
	ModelType string  `json:"model_type"`
	Positions float64 `json:"max_position_embeddings"`
	Text      *struct {
		Positions float64 `json:"max_position_embeddings"`
	} `json:"text_config"`
}

// FolderFacts reads the facts of a folder with safetensors and their config.json.
func FolderFacts(dir string) (Facts, error) {
	text, err := readFile(filepath.Join(dir, "config.json"), maxConfig)
	if err != nil {
		return Facts{}, err
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return Facts{}, fmt.Errorf("config.json: %w: %w", err, ErrFormat)
	}
	f, err := safetensors.Open(dir)
	if err != nil {
		return Facts{}, err
	}
	defer f.Close()
	facts := SafetensorsFacts(f)
	facts.Architecture, facts.Context = printable(c.ModelType), positions(c.Positions)
	if c.Text != nil && c.Text.Positions > 0 {
		facts.Context = positions(c.Text.Positions)
	}
	return facts, nil
}

// SafetensorsFacts reads the facts that stand in safetensors alone.
func SafetensorsFacts(f *safetensors.File) Facts {
	facts := Facts{Format: formatSafetensors}
	bytes := make(map[string]int64)
	for _, t := range f.Tensors() {
		if strings.HasSuffix(t.Name, "_scale_inv") {
			continue // scales of 8-bit blocks are not parameters
		}
		facts.Parameters += elements(t.Shape)
		bytes[string(t.DType)] += t.Size
	}
	facts.Quantization = most(bytes)
	return facts
}

func positions(x float64) int64 {
	if x > 0 && x < math.MaxInt64 {
		return int64(x)
	}
	return 0
}
