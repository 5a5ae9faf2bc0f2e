package quantize

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/tensor"
)

const (
	keyFileType = "general.file_type"
	keyVersion  = "general.quantization_version"

	// quantizationVersion is the version of GGML's block formats.
	quantizationVersion = 2
)

// maxRow is the longest row, in elements: rows are encoded whole, each thread one.
const maxRow = 1 << 24

// Plan is what a model will be written as.
type Plan struct {
	Tensors []Planned
	Bytes   int64    // of all files
	Needs   []string // matrices whose type needs importances, which have none
	Notes   []string // sentences about what is not as asked

	source  Source
	options *Options
	files   []gguf.Layout
}

// Planned is a tensor and the type that it gets.
type Planned struct {
	Tensor
	To    tensor.DType
	Bytes int64

	encoded bool // false: copied as it is
	file    int  // of Plan.files
	offset  int64
	weights *weights // nil: all errors weigh alike
}

// NewPlan chooses the types of a model's tensors and their places in the new file. No
// weights are read. The errors wrap ErrOption, ErrRefused or importance.ErrFormat, and
// name the tensor.
func NewPlan(src Source, o *Options) (*Plan, error) {
	p := &Plan{source: src, options: o}
	tensors, pairs := src.Tensors(), src.KeyValues()
	choices := choose(pairs, tensors, o, o.Importance != nil)
	for i := range tensors {
		t := Planned{Tensor: tensors[i], To: choices[i].got, encoded: choices[i].got != tensors[i].Type}
		if err := p.check(&t); err != nil {
			return nil, err
		}
		p.Tensors = append(p.Tensors, t)
	}
	if err := p.weigh(); err != nil {
		return nil, err
	}
	p.note(choices)
	return p, p.layOut()
}

// check refuses what cannot be written.
func (p *Plan) check(t *Planned) error {
	switch {
	case t.columns() > maxRow:
		return fail(ErrRefused, "%s: rows of %d numbers, want at most %d", p.at(t), t.columns(), maxRow)
	case !t.encoded:
		return nil
	case t.Stored.IsQuantised() && !p.options.AllowRequantize:
		return fail(ErrRefused, "%s: is %s already, and %s made of that loses twice; want a model of F32, F16 or BF16, or --allow-requantize", p.at(t), t.Stored, t.To)
	case t.Stored == tensor.NVFP4 && p.hasFactor(t.Name):
		return fail(ErrRefused, "%s: is NVFP4 with a factor in a tensor of its own, which %s has no place for", p.at(t), t.To)
	}
	return nil
}

// at names a tensor in messages.
func (p *Plan) at(t *Planned) string {
	return message.Clean(p.source.Name()) + ": tensor " + message.Clean(t.Name)
}

// hasFactor says whether a factor of NVFP4 stands beside a tensor.
func (p *Plan) hasFactor(name string) bool {
	stem, ok := strings.CutSuffix(name, "weight")
	return ok && slices.ContainsFunc(p.source.Tensors(), func(t Tensor) bool { return t.Name == stem+"scale" })
}

// note says what is not as asked: types whose blocks do not fit, and patterns that find
// nothing.
func (p *Plan) note(choices []choice) {
	matrices := map[string]int{}
	var kinds []string
	for i, c := range choices {
		if c.want != c.got {
			text := fmt.Sprintf("%s in place of %s for rows of %d", c.got, c.want, p.Tensors[i].columns())
			if matrices[text] == 0 {
				kinds = append(kinds, text)
			}
			matrices[text]++
		}
	}
	for i := range kinds {
		noun := "tensors"
		if matrices[kinds[i]] == 1 {
			noun = "tensor"
		}
		kinds[i] += fmt.Sprintf(" (%d %s)", matrices[kinds[i]], noun)
	}
	if len(kinds) > 0 {
		p.Notes = append(p.Notes, "rows that no block divides: "+strings.Join(kinds, ", "))
	}
	for _, r := range p.options.Overrides {
		if !slices.ContainsFunc(p.Tensors, func(t Planned) bool { return isEncoded(&t.Tensor) && r.Pattern.MatchString(t.Name) }) {
			p.Notes = append(p.Notes, "--tensor-type "+message.Clean(r.Text)+" finds no matrix")
		}
	}
}

// layOut gives every tensor its place.
func (p *Plan) layOut() error {
	entries := make([]gguf.Tensor, len(p.Tensors))
	for i := range p.Tensors {
		t := &p.Tensors[i]
		typ, ok := gguf.ParseType(t.To.String())
		if !ok {
			return fail(ErrRefused, "%s: type %s, which GGUF does not have", p.at(t), t.To)
		}
		entries[i] = gguf.Tensor{Name: t.Name, Type: typ, Shape: t.Shape}
		if p.options.KeepSplit {
			entries[i].Shard = t.Part
		}
	}
	files, err := gguf.LayOut(p.source.Name(), p.pairs(), entries)
	if err != nil {
		return err
	}
	p.files = files
	i := 0
	for n, f := range files {
		p.Bytes += f.Size
		for _, e := range f.Tensors {
			t := &p.Tensors[i]
			t.file, t.offset, t.Bytes = n, e.Offset, e.Size
			i++
		}
	}
	return nil
}

// pairs returns the metadata of the new file: the model's own, and what is said of types
// and importances.
func (p *Plan) pairs() []gguf.KeyValue {
	added := []gguf.KeyValue{
		{Key: keyFileType, Value: gguf.ValueOf(p.options.Mix.FileType)},
		{Key: keyVersion, Value: gguf.ValueOf(uint32(quantizationVersion))},
	}
	if m := p.options.Importance; m != nil {
		added = append(added,
			gguf.KeyValue{Key: "quantize.imatrix.file", Value: gguf.ValueOf(p.options.ImportancePath)},
			gguf.KeyValue{Key: "quantize.imatrix.dataset", Value: gguf.ValueOf(strings.Join(m.Datasets, ", "))},
			gguf.KeyValue{Key: "quantize.imatrix.entries_count", Value: gguf.ValueOf(uint32(len(m.Names())))},
			gguf.KeyValue{Key: "quantize.imatrix.chunks_count", Value: gguf.ValueOf(uint32(m.Chunks))})
	}
	pairs := slices.DeleteFunc(slices.Clone(p.source.KeyValues()), func(kv gguf.KeyValue) bool {
		return strings.HasPrefix(kv.Key, "split.") || slices.ContainsFunc(added, func(a gguf.KeyValue) bool { return a.Key == kv.Key })
	})
	return append(pairs, added...)
}

// BitsPerWeight returns the bits that a number of the new file takes in the mean.
func (p *Plan) BitsPerWeight() float64 {
	bytes, elements := 0.0, 0.0
	for i := range p.Tensors {
		bytes += float64(p.Tensors[i].Bytes)
		elements += float64(p.Tensors[i].elements())
	}
	if elements == 0 {
		return 0
	}
	return 8 * bytes / elements
}

// splitEnd is what the name of a file ends in, of a split one too.
var splitEnd = regexp.MustCompile(`(?i)(-[0-9]{5}-of-[0-9]{5})?\.gguf$`)

// Names returns the files that the plan is written to where OUT is path: itself, or the
// names of a split.
func (p *Plan) Names(path string) []string {
	if len(p.files) == 1 {
		return []string{path}
	}
	prefix := splitEnd.ReplaceAllString(path, "")
	names := make([]string, len(p.files))
	for i := range names {
		names[i] = gguf.PartName(prefix, i, len(p.files))
	}
	return names
}
