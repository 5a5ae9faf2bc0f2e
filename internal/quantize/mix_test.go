package quantize

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// published is the shape of a published model, and what llama.cpp gives its matrices.
type published struct {
	Arch     string
	Layers   uint32
	Heads    uint32
	KeyHeads uint32 `json:"key_heads"`
	Experts  uint32
	Tensors  [][]any                      // name and three lengths, the fastest axis first
	Tables   map[string]map[string]string // by label: kinds of matrices and runs of types over the layers
}

func (p *published) pairs() []gguf.KeyValue {
	pairs := []gguf.KeyValue{
		{Key: "general.architecture", Value: gguf.ValueOf(p.Arch)},
		{Key: p.Arch + ".block_count", Value: gguf.ValueOf(p.Layers)},
		{Key: p.Arch + ".attention.head_count", Value: gguf.ValueOf(p.Heads)},
		{Key: p.Arch + ".attention.head_count_kv", Value: gguf.ValueOf(p.KeyHeads)},
	}
	if p.Experts > 0 {
		pairs = append(pairs, gguf.KeyValue{Key: p.Arch + ".expert_count", Value: gguf.ValueOf(p.Experts)})
	}
	return pairs
}

func (p *published) directory() []Tensor {
	var tensors []Tensor
	for _, row := range p.Tensors {
		t := Tensor{Name: row[0].(string), Type: tensor.F32, Stored: tensor.F32}
		for _, n := range slices.Backward(row[1:]) {
			if n := int(n.(float64)); n > 1 || len(t.Shape) > 0 {
				t.Shape = append(t.Shape, n)
			}
		}
		tensors = append(tensors, t)
	}
	return tensors
}

func readPublished(t *testing.T) map[string]*published {
	t.Helper()
	f, err := os.Open("testdata/mixes.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]*published{}
	if err := json.NewDecoder(z).Decode(&models); err != nil {
		t.Fatal(err)
	}
	return models
}

var layerPrefix = regexp.MustCompile(`^blk\.\d+\.`)

// runs writes the types of each kind of matrix over the layers: "Q6_K*3,Q4_K".
func runs(tensors []Tensor, types []choice) map[string]string {
	lists := map[string][]string{}
	for _, i := range inOrder(tensors) {
		if tensors[i].axes() > 1 {
			name := layerPrefix.ReplaceAllString(tensors[i].Name, "")
			lists[name] = append(lists[name], types[i].got.String())
		}
	}
	short := map[string]string{}
	for name, list := range lists {
		var parts []string
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n] == list[0] {
				n++
			}
			part := list[0]
			if n > 1 {
				part = fmt.Sprintf("%s*%d", part, n)
			}
			parts, list = append(parts, part), list[n:]
		}
		short[name] = strings.Join(parts, ",")
	}
	return short
}

// TestMixes holds all labels, with importances and without, to the types that llama.cpp
// gives the matrices of 23 published shapes.
func TestMixes(t *testing.T) {
	tables := 0
	for name, p := range readPublished(t) {
		tensors := p.directory()
		for key, want := range p.Tables {
			label, _, weighed := strings.Cut(key, "+")
			mix, err := ParseMix(label)
			if err != nil {
				t.Fatal(err)
			}
			types := choose(p.pairs(), tensors, &Options{Mix: mix}, weighed)
			got := runs(tensors, types)
			maps.DeleteFunc(got, func(_, v string) bool {
				return label != "F32" && (v == "F32" || strings.HasPrefix(v, "F32*"))
			})
			if !maps.Equal(got, want) {
				for _, k := range slices.Sorted(maps.Keys(want)) {
					if got[k] != want[k] {
						t.Errorf("%s %s: %s is %q, want %q", name, key, k, got[k], want[k])
					}
				}
			}
			tables++
		}
	}
	if tables < 1500 {
		t.Errorf("%d tables, want 1500 and more", tables)
	}
}

func TestLabels(t *testing.T) {
	if n := len(Labels()); n != 35 {
		t.Errorf("%d labels, want 35", n)
	}
	for asked, want := range map[string]string{"q4_k_m": "Q4_K_M", "Q3_K": "Q3_K_M", "q4_k": "Q4_K_M", "Q5_K": "Q5_K_M", "iq2_xxs": "IQ2_XXS", "mxfp4_moe": "MXFP4_MOE"} {
		m, err := ParseMix(asked)
		if err != nil || m.Label != want {
			t.Errorf("%s: %v, %v, want %s", asked, m, err, want)
		}
	}
	_, err := ParseMix("Q4_K_N")
	if !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), "Q4_K_M") {
		t.Errorf("an unknown label: %v, want it to name Q4_K_M", err)
	}
	numbers := map[uint32]string{}
	for i := range mixes {
		m := &mixes[i]
		if other, twice := numbers[m.FileType]; twice {
			t.Errorf("%s and %s have the same number %d", m.Label, other, m.FileType)
		}
		numbers[m.FileType] = m.Label
	}
}

// TestFitting looks for a type whose blocks divide rows.
func TestFitting(t *testing.T) {
	for _, c := range []struct {
		typ     tensor.DType
		columns int
		want    tensor.DType
	}{
		{tensor.Q4_K, 512, tensor.Q4_K},
		{tensor.Q4_K, 320, tensor.Q5_0},
		{tensor.Q5_K, 320, tensor.Q5_1},
		{tensor.Q6_K, 320, tensor.Q8_0},
		{tensor.Q2_K, 320, tensor.Q4_0},
		{tensor.Q3_K, 320, tensor.Q4_0},
		{tensor.TQ1_0, 320, tensor.Q4_0},
		{tensor.IQ2_XXS, 320, tensor.IQ4_NL},
		{tensor.IQ4_XS, 320, tensor.IQ4_NL},
		{tensor.Q4_K, 48, tensor.F16},
		{tensor.Q8_0, 24, tensor.F16},
		{tensor.IQ4_NL, 24, tensor.F16},
		{tensor.MXFP4, 48, tensor.F16},
		{tensor.NVFP4, 96, tensor.MXFP4},
		{tensor.BF16, 7, tensor.BF16},
	} {
		if got := fitting(c.typ, c.columns); got != c.want {
			t.Errorf("%s for rows of %d: %s, want %s", c.typ, c.columns, got, c.want)
		}
	}
}
