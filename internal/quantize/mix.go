package quantize

import (
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Mix is what people mean by a label such as Q4_K_M: which type each tensor gets. The
// mixes are llama.cpp's, so that a file of a label is the same wherever it was made.
type Mix struct {
	Label    string
	FileType uint32       // general.file_type
	Base     tensor.DType // of most tensors

	embedding tensor.DType // Invalid: Base
	output    tensor.DType // Invalid: Q6_K
	values    rule         // attn_v, and where keys and values are one matrix
	keys      tensor.DType // attn_k and attn_q; Invalid: Base
	down      rule         // ffn_down, of experts too
	attnOut   tensor.DType // Invalid: Base
	gateUp    rule         // ffn_gate and ffn_up, of experts too

	// few marks the labels of about two bits, which have rules of their own for
	// experts and count ffn_down one by one.
	few bool
	// eightOut says that attn_output gets Q5_K in a model of eight experts.
	eightOut bool
	// experts says that only experts get Base, everything else Q8_0.
	experts bool
}

// rule chooses the type of a tensor by its place; nil chooses the base.
type rule func(p place) tensor.DType

// place is where a tensor stands among those of its kind.
type place struct {
	facts
	base    tensor.DType
	index   int  // how many of its kind came before
	layer   int  // the layer: by name in a model with experts, else the index
	weighed bool // importances are given
}

// early says whether the layer is in the first of so many parts of the model.
func (p place) early(parts int) bool { return p.layer < p.layers/parts }

// always chooses t.
func always(t tensor.DType) rule { return func(place) tensor.DType { return t } }

// first chooses t for the first n of a kind.
func first(n int, t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.index < n, t, other) }
}

// early chooses t in the first of so many parts of the layers.
func early(parts int, t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.early(parts), t, other) }
}

// earlyUnweighed chooses t in the first eighth and else other, where there are no
// importances; with them, the base.
func earlyUnweighed(t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(!p.weighed, pick(p.early(8), t, other), p.base) }
}

// shared chooses t where four queries and more share a key: its matrix is small.
func shared(t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.queries >= 4, t, other) }
}

// outer chooses t in the first and the last eighth of the layers, and in every third of
// those between. attn_v counts itself, ffn_down the layers.
func outerValues(t tensor.DType) rule {
	return func(p place) tensor.DType { return pick(isOuter(p.index, p.valueCount), t, p.base) }
}

func outerLayers(t tensor.DType) rule {
	return func(p place) tensor.DType { return pick(isOuter(p.layer, p.layers), t, p.base) }
}

func isOuter(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

func pick(yes bool, t, other tensor.DType) tensor.DType {
	if yes {
		return t
	}
	return other
}

// mixes are all labels, in the order in which they are listed.
var mixes = []Mix{
	{Label: "F32", FileType: 0, Base: tensor.F32},
	{Label: "F16", FileType: 1, Base: tensor.F16},
	{Label: "BF16", FileType: 32, Base: tensor.BF16},

	{Label: "Q4_0", FileType: 2, Base: tensor.Q4_0, down: earlyWeighed(tensor.Q4_1)},
	{Label: "Q4_1", FileType: 3, Base: tensor.Q4_1},
	{Label: "Q5_0", FileType: 8, Base: tensor.Q5_0, down: earlyWeighed(tensor.Q5_1)},
	{Label: "Q5_1", FileType: 9, Base: tensor.Q5_1},
	{Label: "Q8_0", FileType: 7, Base: tensor.Q8_0, output: tensor.Q8_0},

	{
		Label: "Q2_K", FileType: 10, Base: tensor.Q2_K, eightOut: true,
		values: shared(tensor.Q4_K, tensor.Q3_K), down: always(tensor.Q3_K), attnOut: tensor.Q3_K,
	},
	{
		Label: "Q2_K_S", FileType: 21, Base: tensor.Q2_K,
		values: shared(tensor.Q4_K, tensor.Q2_K), down: early(8, tensor.Q4_K, tensor.Q2_K),
	},
	{Label: "Q3_K_S", FileType: 11, Base: tensor.Q3_K, eightOut: true},
	{
		Label: "Q3_K_M", FileType: 12, Base: tensor.Q3_K, eightOut: true,
		values: first(2, tensor.Q5_K, tensor.Q4_K), down: early(16, tensor.Q5_K, tensor.Q4_K), attnOut: tensor.Q4_K,
	},
	{
		Label: "Q3_K_L", FileType: 13, Base: tensor.Q3_K,
		values: always(tensor.Q5_K), down: always(tensor.Q5_K), attnOut: tensor.Q5_K,
	},
	{
		Label: "Q4_K_S", FileType: 14, Base: tensor.Q4_K, eightOut: true,
		values: first(4, tensor.Q5_K, tensor.Q4_K), down: early(8, tensor.Q5_K, tensor.Q4_K),
	},
	{
		Label: "Q4_K_M", FileType: 15, Base: tensor.Q4_K, eightOut: true,
		values: outerValues(tensor.Q6_K), down: outerLayers(tensor.Q6_K),
	},
	{Label: "Q5_K_S", FileType: 16, Base: tensor.Q5_K},
	{
		Label: "Q5_K_M", FileType: 17, Base: tensor.Q5_K,
		values: outerValues(tensor.Q6_K), down: outerLayers(tensor.Q6_K),
	},
	{Label: "Q6_K", FileType: 18, Base: tensor.Q6_K},

	{
		Label: "IQ1_S", FileType: 24, Base: tensor.IQ1_S, few: true, embedding: tensor.Q2_K, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.Q2_K), down: earlyOnes(tensor.Q2_K), attnOut: tensor.IQ2_XXS,
	},
	{
		Label: "IQ1_M", FileType: 31, Base: tensor.IQ1_M, few: true, embedding: tensor.Q2_K, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.Q2_K), down: earlyOnes(tensor.Q2_K), attnOut: tensor.IQ2_XXS,
	},
	{
		Label: "IQ2_XXS", FileType: 19, Base: tensor.IQ2_XXS, few: true, embedding: tensor.Q2_K, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.Q2_K), down: earlyOnes(tensor.Q2_K),
	},
	{
		Label: "IQ2_XS", FileType: 20, Base: tensor.IQ2_XS, few: true, embedding: tensor.Q2_K, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.Q2_K), down: earlyOnes(tensor.Q2_K),
	},
	{ // the names of files and of types differ by one here
		Label: "IQ2_S", FileType: 28, Base: tensor.IQ2_XS, few: true, embedding: tensor.IQ3_S, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.IQ3_S), down: earlyOnes(tensor.IQ3_S), attnOut: tensor.IQ3_S,
	},
	{
		Label: "IQ2_M", FileType: 29, Base: tensor.IQ2_S, few: true, embedding: tensor.IQ3_S, output: tensor.Q5_K,
		values: crowded(tensor.Q4_K, tensor.IQ3_S), down: earlyOnes(tensor.IQ3_S), attnOut: tensor.IQ3_S,
	},
	{
		Label: "IQ3_XXS", FileType: 23, Base: tensor.IQ3_XXS, eightOut: true, embedding: tensor.IQ3_S, output: tensor.Q5_K,
		values: sharedUnweighed(tensor.Q4_K, tensor.IQ3_S), keys: tensor.IQ2_S,
		down: earlyUnweighed(tensor.Q4_K, tensor.Q3_K), attnOut: tensor.IQ3_S,
	},
	{
		Label: "IQ3_XS", FileType: 22, Base: tensor.IQ3_S, eightOut: true,
		values: shared(tensor.Q4_K, tensor.IQ3_S), keys: tensor.IQ3_XXS, gateUp: middle(tensor.IQ3_XXS),
	},
	{
		Label: "IQ3_S", FileType: 26, Base: tensor.IQ3_S, eightOut: true,
		values: shared(tensor.Q4_K, tensor.IQ3_S),
	},
	{
		Label: "IQ3_M", FileType: 27, Base: tensor.IQ3_S, eightOut: true,
		values: always(tensor.Q4_K), down: earlyOrOuterOfEight(tensor.Q4_K), attnOut: tensor.Q4_K,
	},
	{
		Label: "IQ4_NL", FileType: 25, Base: tensor.IQ4_NL, eightOut: true,
		values: shared(tensor.Q5_K, tensor.IQ4_NL), down: earlyUnweighed(tensor.Q5_K, tensor.IQ4_NL),
	},
	{
		Label: "IQ4_XS", FileType: 30, Base: tensor.IQ4_XS, eightOut: true,
		values: shared(tensor.Q5_K, tensor.IQ4_XS), down: earlyUnweighed(tensor.Q5_K, tensor.IQ4_XS),
	},

	{Label: "TQ1_0", FileType: 36, Base: tensor.TQ1_0, embedding: tensor.Q4_K},
	{Label: "TQ2_0", FileType: 37, Base: tensor.TQ2_0, embedding: tensor.Q4_K},
	{Label: "MXFP4_MOE", FileType: 38, Base: tensor.MXFP4, output: tensor.Q8_0, experts: true},
	{Label: "Q1_0", FileType: 40, Base: tensor.Q1_0},
	{Label: "Q2_0", FileType: 41, Base: tensor.Q2_0, embedding: tensor.Q4_K},
}

// aliases are other names of labels.
var aliases = map[string]string{"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}

// The rules that one label has.

// earlyWeighed chooses t in the first eighth where there are importances.
func earlyWeighed(t tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.weighed && p.early(8), t, p.base) }
}

// earlyOnes chooses t for the first of a kind, as many as an eighth of the layers.
func earlyOnes(t tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.index < p.layers/8, t, p.base) }
}

// earlyOrOuterOfEight is early; in a model of eight experts the outer layers too.
func earlyOrOuterOfEight(t tensor.DType) rule {
	return func(p place) tensor.DType {
		return pick(p.early(8) || p.experts == 8 && isOuter(p.layer, p.layers), t, p.base)
	}
}

// crowded chooses t where four queries share a key, or there are four experts.
func crowded(t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.queries >= 4 || p.experts >= 4, t, other) }
}

// sharedUnweighed chooses t where four queries share a key, else other without importances.
func sharedUnweighed(t, other tensor.DType) rule {
	return func(p place) tensor.DType { return pick(p.queries >= 4, t, pick(p.weighed, p.base, other)) }
}

// middle chooses t but in the first and the last eighth of the layers.
func middle(t tensor.DType) rule {
	return func(p place) tensor.DType {
		return pick(p.layer >= p.layers/8 && p.layer < 7*p.layers/8, t, p.base)
	}
}

// Labels returns the labels of all mixes.
func Labels() []string {
	var labels []string
	for i := range mixes {
		labels = append(labels, mixes[i].Label)
	}
	return labels
}

// ParseMix returns the mix of a label, whose case does not matter. The error wraps
// ErrOption and says what was meant, perhaps.
func ParseMix(label string) (*Mix, error) {
	up := strings.ToUpper(label)
	if a, ok := aliases[up]; ok {
		up = a
	}
	for i := range mixes {
		if mixes[i].Label == up {
			return &mixes[i], nil
		}
	}
	near := spelling.Text(up, slices.Concat(Labels(), []string{"Q3_K", "Q4_K", "Q5_K"}))
	return nil, fail(ErrOption, "type %s is unknown%s; there are %s", message.Quote(label), near, strings.Join(Labels(), " "))
}
