package quantize

import (
	"regexp"
	"strings"

	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Options are what a model is to be written as.
type Options struct {
	Mix       *Mix
	Pure      bool         // the mix's base for all matrices
	Overrides []Override   // types by name; the first that fits counts
	Output    tensor.DType // of output.weight; Invalid: by the mix
	Embedding tensor.DType // of token_embd.weight; Invalid: by the mix

	// Importance weighs the errors of encoders; nil weighs all alike. ImportancePath is
	// where it was read from, for the metadata.
	Importance     *importance.File
	ImportancePath string

	// Keep has every tensor keep its type; of the mix only FileType counts.
	Keep            bool
	AllowRequantize bool // encode what is encoded already, and loses by it twice
	KeepSplit       bool // as many files as the source has
}

// Override gives the matrices whose names a pattern finds a type.
type Override struct {
	Pattern *regexp.Regexp
	Type    tensor.DType
	Text    string // as it was asked for
}

// ParseOverride reads REGEX=TYPE. The pattern is searched for in names, in either case.
func ParseOverride(text string) (Override, error) {
	at := strings.LastIndexByte(text, '=')
	if at <= 0 {
		return Override{}, fail(ErrOption, "%s: want REGEX=TYPE, such as attn_v=Q8_0", message.Quote(text))
	}
	t, err := ParseType(text[at+1:])
	if err != nil {
		return Override{}, err
	}
	pattern, err := regexp.Compile("(?i)" + text[:at])
	if err != nil {
		return Override{}, fail(ErrOption, "%s: %v", message.Quote(text), err)
	}
	return Override{pattern, t, text}, nil
}

// targets are the types that a tensor may be given.
var targets = []tensor.DType{
	tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1,
	tensor.Q2_K, tensor.Q3_K, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K,
	tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S, tensor.IQ4_NL, tensor.IQ4_XS,
	tensor.TQ1_0, tensor.TQ2_0, tensor.MXFP4, tensor.NVFP4, tensor.Q1_0, tensor.Q2_0,
}

// ParseType reads the name of a tensor's type, whose case does not matter.
func ParseType(name string) (tensor.DType, error) {
	var names []string
	for _, t := range targets {
		if strings.EqualFold(name, t.String()) {
			return t, nil
		}
		names = append(names, t.String())
	}
	if _, err := ParseMix(name); err == nil {
		return tensor.Invalid, fail(ErrOption, "%s is a mix of types, want the type of a tensor: %s", message.Clean(name), strings.Join(names, " "))
	}
	return tensor.Invalid, fail(ErrOption, "type %s is unknown%s; there are %s", message.Quote(name), spelling.Text(name, names), strings.Join(names, " "))
}
