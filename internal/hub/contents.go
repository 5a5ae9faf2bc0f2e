package hub

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// FormatTokenizer is the format of a tokenizer without weights.
const FormatTokenizer = "tokenizer"

// The formats of a model with weights.
const (
	formatGGUF        = "gguf"
	formatSafetensors = "safetensors"
)

// member is a file that takes part in a model: its role and its name. Its
// place is where the names came from, a folder or a wheel.
type member struct {
	role Role
	name string
}

// splitName is how a GGUF that is split into several files is named.
var splitName = regexp.MustCompile(`(?i)^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// companions are the files that belong to a model or a tokenizer in the form
// that training frameworks publish, beside its weights.
var companions = map[string]Role{
	"config.json":             RoleConfig,
	"generation_config.json":  RoleConfig,
	"tokenizer.json":          RoleTokenizer,
	"tokenizer.model":         RoleTokenizer,
	"tokenizer_config.json":   RoleTokenizer,
	"special_tokens_map.json": RoleTokenizer,
	"added_tokens.json":       RoleTokenizer,
	"vocab.json":              RoleTokenizer,
	"merges.txt":              RoleTokenizer,
	"tiktoken.model":          RoleTokenizer,
	"chat_template.json":      RoleTemplate,
	"chat_template.jinja":     RoleTemplate,
	"license":                 RoleLicense,
	"license.txt":             RoleLicense,
	"license.md":              RoleLicense,
}

const indexName = "model.safetensors.index.json"

// selectFiles finds the one model among the file names of a folder and returns
// its files, the one to open first in front, and its format. Programs and
// pickles that lie beside it are never part of it. No model, or more than one,
// is ErrFormat.
func selectFiles(names []string) ([]member, string, error) {
	var ggufs, weights []string
	has := make(map[string]bool)
	for _, name := range names {
		low := strings.ToLower(name)
		has[low] = true
		switch {
		case strings.HasSuffix(low, ".gguf"):
			ggufs = append(ggufs, name)
		case strings.HasSuffix(low, ".safetensors"):
			weights = append(weights, name)
		}
	}
	switch {
	case len(weights) > 0 && has["config.json"]:
		return append(selectWeights(weights, has[indexName]), selectCompanions(names)...), formatSafetensors, nil
	case len(ggufs) > 0:
		members, err := selectGGUF(ggufs)
		return members, formatGGUF, err
	case len(weights) > 0:
		return nil, "", fmt.Errorf("%s without a config.json beside it: %w", weights[0], ErrFormat)
	case has["tokenizer.json"], has["tokenizer.model"], has["tiktoken.model"]:
		return selectCompanions(names), FormatTokenizer, nil
	}
	for _, name := range names {
		low := strings.ToLower(name)
		if strings.HasSuffix(low, ".bin") || strings.HasSuffix(low, ".pt") || strings.HasSuffix(low, ".pth") {
			return nil, "", fmt.Errorf("holds %s, and pickled weights are programs that are never read; want safetensors or GGUF: %w", name, ErrFormat)
		}
	}
	return nil, "", fmt.Errorf("holds no model: want a .gguf, or config.json with .safetensors, or a tokenizer.json or tokenizer.model: %w", ErrFormat)
}

// selectWeights returns the safetensors files of a folder: the single one by
// its usual name, else all and their index. Some publishers put the same
// weights beside them in "consolidated" files of another layout.
func selectWeights(weights []string, indexed bool) []member {
	if slices.Contains(weights, "model.safetensors") {
		return []member{{RoleModel, "model.safetensors"}}
	}
	var members []member
	for _, name := range slices.Sorted(slices.Values(weights)) {
		if !strings.HasPrefix(strings.ToLower(name), "consolidated") {
			members = append(members, member{RoleShard, name})
		}
	}
	if indexed {
		members = append(members, member{RoleIndex, indexName})
	}
	return members
}

func selectCompanions(names []string) []member {
	var members []member
	for _, name := range slices.Sorted(slices.Values(names)) {
		low := strings.ToLower(name)
		role, ok := companions[low]
		switch {
		case ok:
		case strings.HasSuffix(low, ".jinja"):
			role = RoleTemplate
		case strings.HasSuffix(low, ".tiktoken"):
			role = RoleTokenizer
		default:
			continue
		}
		members = append(members, member{role, name})
	}
	return members
}

// selectGGUF finds the one model among GGUF names: a single file, or all files
// of a split; and a projector, if there is one beside it.
func selectGGUF(ggufs []string) ([]member, error) {
	splits := make(map[string][]string)
	var models, projectors []string
	for _, name := range ggufs {
		if strings.Contains(strings.ToLower(name), "mmproj") {
			projectors = append(projectors, name)
			continue
		}
		stem := name
		if m := splitName.FindStringSubmatch(name); m != nil {
			stem = m[1] + "-of-" + m[3]
		}
		if splits[stem] == nil {
			models = append(models, stem)
		}
		splits[stem] = append(splits[stem], name)
	}
	if len(models) == 0 { // a folder of nothing but a projector
		models, splits, projectors = projectors, map[string][]string{projectors[0]: projectors[:1]}, nil
	}
	if len(models) != 1 {
		slices.Sort(ggufs)
		return nil, fmt.Errorf("holds %d models, want one: %s: %w", len(models), strings.Join(ggufs[:min(8, len(ggufs))], ", "), ErrFormat)
	}
	files := splits[models[0]]
	if err := orderSplit(files); err != nil {
		return nil, err
	}
	members := []member{{RoleModel, files[0]}}
	for _, name := range files[1:] {
		members = append(members, member{RoleShard, name})
	}
	if len(projectors) == 1 {
		members = append(members, member{RoleProjector, projectors[0]})
	}
	return members, nil
}

// orderSplit sorts the files of a split GGUF and wants each number once.
func orderSplit(files []string) error {
	number := func(name string) (n, of int) {
		m := splitName.FindStringSubmatch(name)
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
			return fmt.Errorf("%s: want number %d of %d there: %w", files[i], i+1, of, ErrFormat)
		}
	}
	if _, of := number(files[0]); of != len(files) {
		return fmt.Errorf("%s: file %d of %d is missing: %w", files[0], len(files)+1, of, ErrFormat)
	}
	return nil
}
