package tiny

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Draft layers in a file of their own, as llama.cpp's converter writes them.

var draftLayer = regexp.MustCompile(`^mtp\.(\d+)\.(.+?)(\.weight)?$`)

// dsparkTop names what stands outside the draft layers of blocks.
var dsparkTop = map[string]string{
	"main_proj": "fc", "main_norm": "enc.output_norm", "norm": "output_norm", "markov_head.markov_w1": "markov_w1", "markov_head.markov_w2": "markov_w2",
	"confidence_head.proj": "conf_proj", "hc_head_fn": "output_hc_fn", "hc_head_base": "output_hc_base", "hc_head_scale": "output_hc_scale",
}

// DraftGGUF returns the draft layers of a DeepSeek-V4 model, whose matrices become of type t: a
// module of multi-token prediction as a file of the model's architecture, draft layers of blocks
// as one of dflash.
func (m *Model) DraftGGUF(t tensor.DType) (*GGUF, error) {
	c := &m.Config
	keys, err := m.metadata(Split)
	if err != nil {
		return nil, err
	}
	g := &GGUF{Keys: keys}
	first, stages := c.Layers, len(c.Ratios)-c.Layers
	if c.Block == 0 {
		g.Put("deepseek4.block_count", gguf.ValueOf(uint32(c.Layers+stages)))
		g.Put("deepseek4.nextn_predict_layers", gguf.ValueOf(uint32(stages)))
	} else {
		first = 0
		for i := range g.Keys {
			g.Keys[i].Key = strings.Replace(g.Keys[i].Key, "deepseek4.", "dflash.", 1)
		}
		var targets []uint32
		for _, i := range c.Targets {
			targets = append(targets, uint32(i+1))
		}
		g.Put("general.architecture", gguf.ValueOf("dflash"))
		g.Put("dflash.block_count", gguf.ValueOf(uint32(stages)))
		g.Put("dflash.block_size", gguf.ValueOf(uint32(c.Block)))
		g.Put("dflash.target_layers", gguf.ArrayOf(targets))
		g.Put("tokenizer.ggml.mask_token_id", gguf.ValueOf(uint32(c.Noise)))
	}
	v := conversion{c: c, experts: map[string]int{}}
	projections := map[string][]float32{}
	for _, x := range m.Tensors() {
		p := draftLayer.FindStringSubmatch(x.Name)
		if p == nil {
			continue
		}
		stage, _ := strconv.Atoi(p[1])
		block := fmt.Sprintf("blk.%d.", first+stage)
		y := ggufTensor{shape: x.Shape, w: m.Weight(x)}
		switch name := p[2]; {
		case c.Block > 0 && dsparkTop[name] != "":
			y.name = dsparkTop[name] + ".weight"
		case strings.HasPrefix(name, "hc_head_"):
			y.name = strings.Replace(name, "hc_head", "output_hc", 1) + ".weight"
		case name == "norm":
			y.name = block + "nextn.shared_head_norm.weight"
		case name == "enorm", name == "hnorm":
			y.name = block + "nextn." + name + ".weight"
		case name == "e_proj", name == "h_proj":
			projections[name] = y.w
			if e, h := projections["e_proj"], projections["h_proj"]; e != nil && h != nil {
				v.list = append(v.list, sideBySide(block+"nextn.eh_proj.weight", e, h, c.HiddenSize))
			}
			continue
		default:
			v.entry(y, block, name)
			continue
		}
		v.list = append(v.list, y)
	}
	for _, x := range v.list {
		s, err := stored(x.name, x.fit(t), x.shape, x.w)
		if err != nil {
			return nil, err
		}
		g.Tensors = append(g.Tensors, s)
	}
	return g, nil
}

// sideBySide returns two matrices of D columns as one.
func sideBySide(name string, a, b []float32, D int) ggufTensor {
	x := ggufTensor{name: name, shape: []int{len(a) / D, 2 * D}}
	for i := 0; i < len(a); i += D {
		x.w = slices.Concat(x.w, a[i:i+D], b[i:i+D])
	}
	return x
}

// SplitModules returns the model without its modules of multi-token prediction, and those in a
// file of their own.
func (g *GGUF) SplitModules(arch string, layers, modules int) (model, drafts *GGUF) {
	model, drafts = &GGUF{Keys: slices.Clone(g.Keys)}, &GGUF{Keys: slices.Clone(g.Keys)}
	for _, x := range g.Tensors {
		var layer int
		if _, err := fmt.Sscanf(x.Name, "blk.%d.", &layer); err != nil {
			model.Tensors, drafts.Tensors = append(model.Tensors, x), append(drafts.Tensors, x)
		} else if layer < layers {
			model.Tensors = append(model.Tensors, x)
		} else {
			drafts.Tensors = append(drafts.Tensors, x)
		}
	}
	model.Put(arch+".block_count", gguf.ValueOf(uint32(layers)))
	model.Drop(arch + ".nextn_predict_layers")
	drafts.Put(arch+".nextn_predict_layers", gguf.ValueOf(uint32(modules)))
	return model, drafts
}
