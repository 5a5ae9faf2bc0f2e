package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Draft layers in a file of their own, as llama.cpp's converter writes them beside GGUF files:
// modules of multi-token prediction as a file of the model's architecture without its other
// layers (mtp-*.gguf), the draft layers of blocks of DeepSeek-V4 as one of architecture dflash
// (dspark-*.gguf). Embedding and output are the model's.

// archDFlash is what GGUF files call draft layers of blocks.
const archDFlash = "dflash"

// HoldsDrafts says whether files are of draft layers alone, which guess for a model that
// stands in other files.
func HoldsDrafts(files *checkpoint.Checkpoint) bool {
	f := files.GGUF()
	if f == nil {
		return false
	}
	arch, _ := f.String("general.architecture")
	modules, _ := f.Uint(arch + ".nextn_predict_layers")
	_, whole := f.Tensor("blk.0.attn_norm.weight")
	return arch == archDFlash || modules > 0 && !whole
}

// draftedSource is a GGUF file whose draft layers stand in another one.
type draftedSource struct {
	ggufSource
	drafts ggufSource
	called map[string]string // names in that file, by those behind the model's last layer
}

// withDrafts returns the tensors of a model together with its draft layers in other files, and
// has the configuration tell of those. The error wraps ErrConfig where they are not the model's.
func withDrafts(f *gguf.File, c *Config, files *checkpoint.Checkpoint) (source, error) {
	d := files.GGUF()
	refuse := func(format string, a ...any) error {
		return fmt.Errorf("model: %s: %w: %w", files.Name(), fmt.Errorf(format, a...), ErrConfig)
	}
	if d == nil || f == nil {
		return nil, refuse("draft layers in a file of their own are read from GGUF files, for a model that is one")
	}
	s := draftedSource{ggufSource{f}, ggufSource{d}, map[string]string{}}
	arch, _ := d.String("general.architecture")
	ours, _ := f.String("general.architecture")
	k := &keys{f: d, arch: arch}
	var rename func(name string) string
	switch {
	case !c.family.drafts:
		return nil, refuse("holds draft layers, which a %s model is not read with", c.ModelType)
	case arch == archDFlash && c.family == &deepseekV4Family:
		if !d.Has("dflash.hyper_connection.count") {
			return nil, refuse("holds draft layers of a model without hyper-connections, and %s has some", f.Name())
		}
		c.readGGUFDSpark(k)
		rename = c.dsparkName
	case arch == archDFlash:
		return nil, refuse("holds draft layers of blocks, with which DeepSeek-V4 alone is read; a smaller model of the same vocabulary guesses for a %s model", c.ModelType)
	case arch != ours:
		return nil, refuse("holds modules of the architecture %.40q, want %s", arch, ours)
	default:
		c.NumNextNPredictLayers = k.count("nextn_predict_layers", 0, 1, 16)
		if n := k.count("block_count", 0, 1, maxLayers) - c.NumNextNPredictLayers; k.err == nil && n != c.NumHiddenLayers {
			return nil, refuse("holds modules of a model of %d layers, want %d", n, c.NumHiddenLayers)
		}
		rename = c.moduleName
	}
	if k.err != nil {
		return nil, k.err
	}
	for _, key := range draftKeys {
		want, has := f.Value(ours + "." + key)
		got, says := d.Value(arch + "." + key)
		if has && says && got.String() != want.String() {
			return nil, refuse("%s.%s is %.60q, want %.60q as %s has it", arch, key, got, want, f.Name())
		}
	}
	for _, t := range d.Tensors() {
		switch t.Name {
		case "token_embd.weight", "output.weight", ropeFreqs:
			continue // the model's
		case "output_norm.weight":
			if arch != archDFlash {
				continue
			}
		}
		name := rename(t.Name)
		if name == "" {
			return nil, refuse("tensor %s is of no draft layer that is known", t.Name)
		}
		if other, twice := s.called[name]; twice {
			return nil, refuse("tensors %s and %s are both %s of the model", other, t.Name, name)
		}
		s.called[name] = t.Name
	}
	return s, nil
}

// draftKeys are what draft layers have in common with their model.
var draftKeys = []string{
	"embedding_length", "attention.head_count", "attention.sliding_window", "attention.layer_norm_rms_epsilon", "rope.freq_base", "rope.dimension_count",
	"expert_used_count", "expert_weights_scale", "hyper_connection.count", "hyper_connection.epsilon", "hyper_connection.sinkhorn_iterations",
}

// moduleName returns what a tensor of a file of modules is called behind the last layer; "": it
// is of none.
func (c *Config) moduleName(name string) string {
	if strings.HasPrefix(name, "output_hc_") { // V4's, of the first
		return fmt.Sprintf("blk.%d.%s", c.NumHiddenLayers, name)
	}
	var layer int
	if _, err := fmt.Sscanf(name, "blk.%d.", &layer); err != nil || layer < c.NumHiddenLayers {
		return ""
	}
	return name
}

// dsparkName is moduleName for draft layers of blocks.
func (c *Config) dsparkName(name string) string {
	first, last := c.NumHiddenLayers, c.NumHiddenLayers+c.NumNextNPredictLayers-1
	var layer int
	if rest, isLayer := strings.CutPrefix(name, "blk."); isLayer {
		if _, err := fmt.Sscanf(rest, "%d.", &layer); err != nil || layer < 0 || layer > last-first {
			return ""
		}
		_, rest, _ = strings.Cut(rest, ".")
		return fmt.Sprintf("blk.%d.%s", first+layer, rest)
	}
	if strings.HasPrefix(name, "output_hc_") {
		return fmt.Sprintf("blk.%d.%s", last, name)
	}
	for _, x := range []struct {
		name, role string
		layer      int
	}{
		{"fc", "dspark.main_proj", first},
		{"enc.output_norm", "dspark.main_norm", first},
		{"output_norm", "nextn.shared_head_norm", last},
		{"markov_w1", "dspark.markov_w1", last},
		{"markov_w2", "dspark.markov_w2", last},
		{"conf_proj", "dspark.confidence", last},
	} {
		if name == x.name+".weight" {
			return ggufName(x.role, x.layer, ".weight")
		}
	}
	return ""
}

// readGGUFDSpark reads what a file of draft layers of blocks says of them.
func (c *Config) readGGUFDSpark(k *keys) {
	c.NumNextNPredictLayers = k.count("block_count", 0, 1, 16)
	c.DSparkBlockSize = k.count("block_size", 0, 1, MostGuessed)
	const noise = "tokenizer.ggml.mask_token_id"
	id, ok := k.f.Uint(noise)
	if !ok || id >= uint64(c.VocabSize) {
		k.fail(noise, fmt.Sprintf("a token below %d", c.VocabSize))
		return
	}
	c.DSparkNoise = int(id)
	if t, ok := k.f.Tensor("markov_w1.weight"); ok && len(t.Shape) == 2 {
		c.DSparkRank = min(t.Shape[1], maxWidth)
	}
	const targets = "target_layers"
	list, ok := k.f.Ints(k.name(targets))
	if !ok || len(list) == 0 || len(list) > c.NumHiddenLayers {
		k.fail(k.name(targets), "a list of layers")
		return
	}
	c.DSparkTargets = nil
	for _, next := range list { // the file counts the layer that reads what the one before puts out
		if next < 1 || next > int64(c.NumHiddenLayers) {
			k.fail(k.name(targets), fmt.Sprintf("layers from 1 to %d", c.NumHiddenLayers))
			return
		}
		c.DSparkTargets = append(c.DSparkTargets, int(next)-1)
	}
}

func (s draftedSource) names() []string {
	return slices.Concat(s.ggufSource.names(), slices.Sorted(maps.Keys(s.called)))
}

func (s draftedSource) find(name string) (tensor.Tensor, bool) {
	other, ok := s.called[name]
	if !ok {
		return s.ggufSource.find(name)
	}
	t, ok := s.drafts.find(other)
	t.Name = name
	return t, ok
}

func (s draftedSource) data(name string) ([]byte, error) {
	if other, ok := s.called[name]; ok {
		return s.drafts.data(other)
	}
	return s.ggufSource.data(name)
}

func (s draftedSource) writer(name string) rowWriter {
	if other, ok := s.called[name]; ok {
		return s.drafts.writer(other)
	}
	return s.ggufSource.writer(name)
}

func (s draftedSource) release(name string) {
	if other, ok := s.called[name]; ok {
		s.drafts.release(other)
		return
	}
	s.ggufSource.release(name)
}

func (s draftedSource) guard(read func() error) error {
	return s.ggufSource.guard(func() error { return s.drafts.guard(read) })
}

// identity names the file of the draft layers, its size and its time of change.
func (s draftedSource) identity() string {
	var b strings.Builder
	for i, name := range s.drafts.Parts() {
		st := s.drafts.Stats()[i]
		fmt.Fprintf(&b, "%s %d %d\n", name, st.Size(), st.ModTime().UnixNano())
	}
	return b.String()
}
