package checkpoint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind says what the files of a model are.
type Kind uint8

// The kinds.
const (
	GGUF        Kind = iota // a GGUF file, or all files of a split one; perhaps without tensors
	Safetensors             // with config.json beside them, where they are a whole model
	Tokenizer               // a tokenizer without weights
)

func (k Kind) String() string {
	return [...]string{"gguf", "safetensors", "tokenizer"}[k]
}

// Files are the names that make up the one model of a folder.
type Files struct {
	Kind       Kind
	Weights    []string // the one to open first in front; of a split all, in order
	Index      string   // of safetensors; "": none
	Projectors []string // GGUF files of vision or audio towers beside the model
	Companions []string // of safetensors and tokenizers: what belongs to them, sorted
	PassedOver []string // weights in another form
}

// selectError is an error whose text is its own, and which wraps a sentinel.
type selectError struct {
	text string
	kind error
}

func (e *selectError) Error() string { return e.text }
func (e *selectError) Unwrap() error { return e.kind }

func refuse(kind error, format string, a ...any) error {
	return &selectError{fmt.Sprintf(format, a...), kind}
}

// SplitName is how a GGUF that is split into several files is named; its parts are
// prefix, number and count.
var SplitName = regexp.MustCompile(`(?i)^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// shardName is how a part of sharded safetensors is named.
var shardName = regexp.MustCompile(`(?i)-[0-9]{5}-of-[0-9]{5}\.safetensors$`)

// indexName is the index of sharded safetensors.
const indexName = "model.safetensors.index.json"

// companionNames are the files that belong to a model or a tokenizer in the form that
// training frameworks publish, beside its weights, in lower case.
var companionNames = []string{
	"config.json", "generation_config.json", "params.json",
	"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tiktoken.model",
	"chat_template.json", "chat_template.jinja", modulesName, promptsName,
	"license", "license.txt", "license.md",
}

// Select finds the one model among the names of the files in a folder. Programs and
// pickles that lie beside it are never part of it. The error is ErrNoModel or ErrFiles.
func Select(names []string) (Files, error) {
	var ggufs, weights, pickles []string
	present := map[string]bool{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		low := strings.ToLower(name)
		present[low] = true
		switch {
		case strings.HasSuffix(low, ".gguf"):
			ggufs = append(ggufs, name)
		case moduleFile.MatchString(name):
		case strings.HasSuffix(low, ".safetensors"):
			weights = append(weights, name)
		case strings.HasSuffix(low, ".bin"), strings.HasSuffix(low, ".pt"), strings.HasSuffix(low, ".pth"):
			pickles = append(pickles, name)
		}
	}
	switch {
	case len(weights) > 0 && (present[configName] || present[paramsName] || len(ggufs) == 0):
		f := Files{Kind: Safetensors, Weights: selectWeights(weights), Companions: companions(names), PassedOver: ggufs}
		if f.Weights[0] != singleName && slices.Contains(names, indexName) {
			f.Index = indexName
		}
		if err := checkShards(f); err != nil {
			return Files{}, err
		}
		return f, nil
	case len(ggufs) > 0:
		f, err := selectGGUF(ggufs)
		f.PassedOver = append(f.PassedOver, weights...)
		return f, err
	case slices.Contains(names, indexName):
		return Files{Kind: Safetensors, Weights: []string{indexName}, Companions: companions(names)}, nil // it says what is missing
	case present["tokenizer.json"], present["tokenizer.model"], present["tiktoken.model"]:
		return Files{Kind: Tokenizer, Companions: companions(names)}, nil
	case len(pickles) > 0:
		return Files{}, refuse(ErrFiles, "holds %s, and pickled weights are programs that are never read; want safetensors or GGUF", pickles[0])
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if what := cutPart(name); what != "" {
			return Files{}, refuse(ErrFiles, "%s", what)
		}
	}
	return Files{}, refuse(ErrNoModel, "holds no model: want a .gguf, or config.json with .safetensors, or a tokenizer.json or tokenizer.model")
}

// singleName is the usual name of safetensors that are one file.
const singleName = "model.safetensors"

// selectWeights returns the safetensors files of a folder: the single one by its usual
// name, else all. Some publishers put the same weights beside them in "consolidated"
// files of another layout.
func selectWeights(weights []string) []string {
	if slices.Contains(weights, singleName) {
		return []string{singleName}
	}
	if usual := slices.DeleteFunc(slices.Clone(weights), func(name string) bool {
		return strings.HasPrefix(strings.ToLower(name), "consolidated")
	}); len(usual) > 0 {
		return usual
	}
	return weights
}

// checkShards returns an error where several safetensors files have neither an index nor
// the names of a whole split.
func checkShards(f Files) error {
	if len(f.Weights) == 1 || f.Index != "" {
		return nil
	}
	for i, name := range f.Weights {
		want := fmt.Sprintf("-%05d-of-%05d.safetensors", i+1, len(f.Weights))
		if !strings.HasSuffix(strings.ToLower(name), want) {
			return refuse(ErrFiles, "holds %d safetensors files and no %s: %s is not named as file %d of them", len(f.Weights), indexName, name, i+1)
		}
	}
	return nil
}

// companions returns the names that belong to a model beside its weights, sorted.
func companions(names []string) []string {
	var found []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		low := strings.ToLower(name)
		if slices.Contains(companionNames, low) || strings.HasSuffix(low, ".jinja") || strings.HasSuffix(low, ".tiktoken") || moduleFile.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// selectGGUF finds the one model among GGUF names: a single file, or all files of a
// split; and what projects images or sound into it beside it.
func selectGGUF(ggufs []string) (Files, error) {
	splits := make(map[string][]string)
	var models, projectors, passed []string
	for _, name := range ggufs {
		switch low := strings.ToLower(name); {
		case strings.Contains(low, "mmproj"):
			projectors = append(projectors, name)
			continue
		case strings.Contains(low, "imatrix") && len(ggufs) > 1: // what a quantiser measured
			passed = append(passed, name)
			continue
		}
		stem := name
		if m := SplitName.FindStringSubmatch(name); m != nil {
			stem = m[1] + "-of-" + m[3]
		}
		if splits[stem] == nil {
			models = append(models, stem)
		}
		splits[stem] = append(splits[stem], name)
	}
	if len(models) == 0 && len(projectors) == 0 {
		return Files{}, refuse(ErrNoModel, "holds no model: %s is what a quantiser measured of one", passed[0])
	}
	if len(models) == 0 { // a folder of nothing but a projector
		models, splits, projectors = projectors[:1], map[string][]string{projectors[0]: projectors[:1]}, projectors[1:]
	}
	if len(models) != 1 {
		return Files{}, refuse(ErrFiles, "holds %d models, want one: %s", len(models), strings.Join(ggufs[:min(8, len(ggufs))], ", "))
	}
	files := splits[models[0]]
	if err := orderSplit(files); err != nil {
		return Files{}, err
	}
	return Files{Kind: GGUF, Weights: files, Projectors: projectors, PassedOver: passed}, nil
}

// orderSplit sorts the files of a split GGUF and wants each number once.
func orderSplit(files []string) error {
	number := func(name string) (n, of int) {
		m := SplitName.FindStringSubmatch(name)
		if m == nil {
			return 1, 1
		}
		n, _ = strconv.Atoi(m[2]) // five digits
		of, _ = strconv.Atoi(m[3])
		return n, of
	}
	slices.SortFunc(files, func(a, b string) int {
		na, _ := number(a)
		nb, _ := number(b)
		return cmp.Compare(na, nb)
	})
	for i := range files {
		n, of := number(files[i])
		if n != i+1 || of < len(files) {
			return refuse(ErrFiles, "%s: want number %d of %d there", files[i], i+1, of)
		}
	}
	if _, of := number(files[0]); of != len(files) {
		return refuse(ErrFiles, "%s: file %d of %d is missing", files[0], len(files)+1, of)
	}
	return nil
}
