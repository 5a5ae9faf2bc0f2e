package checkpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSelect(t *testing.T) {
	for name, c := range map[string]struct {
		names string
		want  Files
		err   error
		says  string
	}{
		"one GGUF":                    {names: "b.gguf README.md", want: Files{Kind: GGUF, Weights: []string{"b.gguf"}}},
		"beside its config":           {names: "config.json b.gguf tokenizer.json", want: Files{Kind: GGUF, Weights: []string{"b.gguf"}}},
		"in capitals":                 {names: "B.GGUF", want: Files{Kind: GGUF, Weights: []string{"B.GGUF"}}},
		"split":                       {names: "m-00002-of-00002.gguf m-00001-of-00002.gguf", want: Files{Kind: GGUF, Weights: []string{"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}}},
		"with a projector":            {names: "m.gguf mmproj-m-f16.gguf", want: Files{Kind: GGUF, Weights: []string{"m.gguf"}, Projectors: []string{"mmproj-m-f16.gguf"}}},
		"with two projectors":         {names: "m.gguf mmproj-a.gguf mmproj-b.gguf", want: Files{Kind: GGUF, Weights: []string{"m.gguf"}, Projectors: []string{"mmproj-a.gguf", "mmproj-b.gguf"}}},
		"a projector alone":           {names: "mmproj-m.gguf", want: Files{Kind: GGUF, Weights: []string{"mmproj-m.gguf"}}},
		"with a matrix of importance": {names: "m.gguf m.imatrix.gguf", want: Files{Kind: GGUF, Weights: []string{"m.gguf"}, PassedOver: []string{"m.imatrix.gguf"}}},
		"two matrices alone":          {names: "a.imatrix.gguf b.imatrix.gguf", err: ErrNoModel, says: "what a quantiser measured"},
		"two models":                  {names: "a.gguf b.gguf", err: ErrFiles, says: "holds 2 models, want one: a.gguf, b.gguf"},
		"a part is missing":           {names: "m-00001-of-00003.gguf m-00003-of-00003.gguf", err: ErrFiles, says: "m-00003-of-00003.gguf: want number 2 of 3"},
		"the last part is missing":    {names: "m-00001-of-00003.gguf m-00002-of-00003.gguf", err: ErrFiles, says: "file 3 of 3 is missing"},
		"two splits":                  {names: "a-00001-of-00001.gguf b-00001-of-00001.gguf", err: ErrFiles, says: "holds 2 models"},
		"one file":                    {names: "config.json model.safetensors model.py", want: Files{Kind: Safetensors, Weights: []string{"model.safetensors"}, Companions: []string{"config.json"}}},
		"one file of another name":    {names: "config.json x.safetensors", want: Files{Kind: Safetensors, Weights: []string{"x.safetensors"}, Companions: []string{"config.json"}}},
		"shards": {
			names: "config.json LICENSE a-00002-of-00002.safetensors a-00001-of-00002.safetensors model.safetensors.index.json consolidated.safetensors",
			want:  Files{Kind: Safetensors, Weights: []string{"a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors"}, Index: indexName, Companions: []string{"LICENSE", "config.json"}},
		},
		"shards without an index":    {names: "b-00002-of-00002.safetensors b-00001-of-00002.safetensors config.json", want: Files{Kind: Safetensors, Weights: []string{"b-00001-of-00002.safetensors", "b-00002-of-00002.safetensors"}, Companions: []string{"config.json"}}},
		"a shard is missing":         {names: "config.json b-00001-of-00003.safetensors b-00003-of-00003.safetensors", err: ErrFiles, says: "b-00001-of-00003.safetensors is not named as file 1"},
		"two that are no shards":     {names: "config.json a.safetensors b.safetensors", err: ErrFiles, says: "holds 2 safetensors files and no"},
		"safetensors without config": {names: "x.safetensors", want: Files{Kind: Safetensors, Weights: []string{"x.safetensors"}}},
		"both forms":                 {names: "config.json model.safetensors m.gguf", want: Files{Kind: Safetensors, Weights: []string{"model.safetensors"}, Companions: []string{"config.json"}, PassedOver: []string{"m.gguf"}}},
		"an adapter beside a GGUF":   {names: "m.gguf adapter.safetensors", want: Files{Kind: GGUF, Weights: []string{"m.gguf"}, PassedOver: []string{"adapter.safetensors"}}},
		"a tokenizer":                {names: "tokenizer.json tokenizer_config.json", want: Files{Kind: Tokenizer, Companions: []string{"tokenizer.json", "tokenizer_config.json"}}},
		"weights that are gone":      {names: "config.json tokenizer.model", want: Files{Kind: Tokenizer, Companions: []string{"config.json", "tokenizer.model"}}},
		"an index alone":             {names: "config.json model.safetensors.index.json", want: Files{Kind: Safetensors, Weights: []string{indexName}, Companions: []string{"config.json"}}},
		"pickles":                    {names: "config.json pytorch_model.bin", err: ErrFiles, says: "holds pytorch_model.bin, and pickled weights"},
		"nothing":                    {names: "README.md", err: ErrNoModel, says: "holds no model"},
		"no file":                    {err: ErrNoModel, says: "holds no model"},
	} {
		got, err := Select(strings.Fields(c.names))
		if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v that says %q", name, err, c.err, c.says)
			continue
		}
		if got.Kind != c.want.Kind || got.Index != c.want.Index || !slices.Equal(got.Weights, c.want.Weights) || !slices.Equal(got.Projectors, c.want.Projectors) ||
			!slices.Equal(got.Companions, c.want.Companions) || !slices.Equal(got.PassedOver, c.want.PassedOver) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
