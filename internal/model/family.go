package model

import (
	"slices"
	"strings"
)

// family is an architecture: all that sets its models apart from others, in one value
// that stands in one file. The rest of the package asks it and knows no model types.
type family struct {
	modelType string   // model_type of a config.json
	archs     []string // general.architecture of GGUF files; none: there are no such files

	// defaults are the values of Hugging Face's class for the keys that a config.json
	// leaves out, aliases the other names that the class knows a key by.
	defaults map[string]any
	aliases  map[string]string // other name → name

	// readHF and readGGUF read what sets the family apart, behind what all models have.
	readHF   func(c *Config, o *object)
	readGGUF func(c *Config, k *keys)
	// check returns the first pair of the family's own fields that contradict each other;
	// nil: it has none.
	check func(c *Config) *conflict

	// hfNames has the tensors that checkpoints call otherwise than hfLayer says.
	hfNames map[string]string
	// spare says of a tensor that was not bound what it is, where models of the family are
	// known to hold such tensors and the answer does not need them; "" else. nil: none.
	spare func(b *binder, c *Config, name string) string
	// shiftedNorms says that checkpoints store the weights of norms as w-1.
	shiftedNorms bool
	// partialRotary says that a part of a head may turn alone.
	partialRotary bool
	// layerSizes says that layers of a GGUF file may have sizes of their own.
	layerSizes bool
	// untrained says which of its operations has no backward; "": all have.
	untrained string
	// fused says that queries, keys and values are rows of one tensor, and gate and up too.
	fused bool
	// stacked says that checkpoints hold the matrices of all experts of a layer in one
	// tensor, gate and up in one too.
	stacked bool
	// hfTop has the tensors outside layers that checkpoints call otherwise than hfTop says.
	hfTop map[string]string
	// hfModules is what checkpoints call the layers behind the last one, by their number from 0
	// on; "": as the others.
	hfModules string
	// hfLayers is what stands before the number of a layer; "": layers.
	hfLayers string
	// hfPrefixes are what may stand before all names; nil: what may before those of a
	// language model.
	hfPrefixes [][2]string
	// layerNorms says that norms have a mean, and that files call their epsilon so.
	layerNorms bool
	// drafts says that a file may hold modules of multi-token prediction.
	drafts bool

	network func() network
}

// families are all that are known. A model type stands there once, an architecture of
// GGUF files too.
var families = []*family{
	&llamaFamily, &mistralFamily, &mixtralFamily,
	&ministral3Family, &mistral4Family, &mistralLarge3Family, &smolLM3Family,
	&qwen2Family, &qwen2MoEFamily, &qwen3Family, &qwen3MoEFamily,
	&phi3Family, &gemma2Family, &gemma3Family, &gemma4Family, &gptOSSFamily, &glm4MoEFamily, &miniMaxM2Family,
	&deepseekV2Family, &deepseekV3Family, &deepseekV32Family, &kimiK2Family, &glm4MoELiteFamily, &glmMoeDsaFamily, &deepseekV4Family,
	&qwen3NextFamily, &qwen35Family, &qwen35MoEFamily,
	&bertFamily, &robertaFamily, &xlmRobertaFamily, &nomicBertFamily,
}

// familyOf returns the family of a model type, nil where there is none.
func familyOf(modelType string) *family {
	for _, f := range families {
		if f.modelType == modelType {
			return f
		}
	}
	return nil
}

// familyOfArch is familyOf for an architecture of GGUF files.
func familyOfArch(arch string) *family {
	for _, f := range families {
		if slices.Contains(f.archs, arch) {
			return f
		}
	}
	return nil
}

// modelTypes and ggufArchs list what is known, for messages.
func modelTypes() string {
	var names []string
	for _, f := range families {
		names = append(names, f.modelType)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func ggufArchs() string {
	var names []string
	for _, f := range families {
		names = append(names, f.archs...)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// layers returns what stands before the number of a layer in a checkpoint.
func (f *family) layers() string {
	if f.hfLayers != "" {
		return f.hfLayers
	}
	return "layers."
}

// top returns what a checkpoint calls a tensor outside layers.
func (f *family) top(role string) string {
	if name := f.hfTop[role]; name != "" {
		return name
	}
	return hfTop[role]
}

// epsilon returns the key of a config.json that has the epsilon of norms.
func (f *family) epsilon() string {
	if f.layerNorms {
		return "layer_norm_eps"
	}
	return "rms_norm_eps"
}
