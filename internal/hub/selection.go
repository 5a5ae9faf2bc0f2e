package hub

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// repository is what a hub of many models has under one name: files in folders,
// of which a label means some.
type repository struct {
	name  string   // as a source names it, for messages
	files []remote // in the order of the listing; path is set
}

// notModels are in the names of GGUF files that are no model by themselves.
var notModels = []string{"mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"}

// preferred are the labels that are taken where none is asked for.
var preferred = []string{"Q4_K_M", "Q8_0"}

// prefixes stand before a label in names of files that were made otherwise.
var prefixes = []string{"ud", "i1"}

// choose returns the files that a label means, "" being none; see PROTOCOL of
// the hubs: the first GGUF whose name ends in the label, all parts of a split
// one; without any GGUF the safetensors with what belongs to them.
func (r *repository) choose(label string) ([]remote, error) {
	ggufs := r.ggufs()
	if len(ggufs) == 0 {
		return r.folder(label)
	}
	candidates := slices.DeleteFunc(slices.Clone(ggufs), func(f remote) bool { return !isCandidate(f.path) })
	chosen, ok := pick(candidates, label)
	if strings.HasSuffix(strings.ToLower(label), ".gguf") {
		chosen, ok = named(ggufs, label)
	}
	if !ok {
		return nil, r.noLabel(label, candidates)
	}
	return r.parts(ggufs, chosen)
}

// ggufs returns the GGUF files.
func (r *repository) ggufs() (files []remote) {
	for _, f := range r.files {
		if strings.HasSuffix(strings.ToLower(f.path), ".gguf") {
			files = append(files, f)
		}
	}
	return files
}

// isCandidate reports whether a GGUF may be what a label means: a model, and of
// a split one the first part.
func isCandidate(file string) bool {
	base := strings.ToLower(path.Base(file))
	for _, mark := range notModels {
		if strings.Contains(base, mark) {
			return false
		}
	}
	m := checkpoint.SplitName.FindStringSubmatch(file)
	return m == nil || m[2] == "00001"
}

// pick returns the candidate that a label means, or of no label.
func pick(candidates []remote, label string) (remote, bool) {
	labels := []string{label}
	if label == "" {
		labels = preferred
	}
	for _, l := range labels {
		for _, prefixed := range []bool{false, true} {
			for _, f := range candidates {
				if match, with := endsIn(stemOf(f.path), l); match && with == prefixed {
					return f, true
				}
			}
		}
	}
	if label == "" && len(candidates) > 0 {
		return candidates[0], true
	}
	return remote{}, false
}

// stemOf is the name of a GGUF without its ending and the numbers of a split.
func stemOf(file string) string {
	if m := checkpoint.SplitName.FindStringSubmatch(file); m != nil {
		return m[1]
	}
	return file[:len(file)-len(".gguf")]
}

// endsIn reports whether a stem ends in a label behind a border, whatever the
// case, and whether a prefix stands before it that the label does not name.
func endsIn(stem, label string) (match, prefixed bool) {
	stem, label = strings.ToLower(stem), strings.ToLower(label)
	before, ok := strings.CutSuffix(stem, label)
	if !ok || label == "" || before != "" && !strings.ContainsAny(before[len(before)-1:], "-._/") {
		return false, false
	}
	words := strings.FieldsFunc(before, func(r rune) bool { return strings.ContainsRune("-._/", r) })
	return true, len(words) > 0 && slices.Contains(prefixes, words[len(words)-1]) && !strings.HasSuffix(before, "/")
}

// named returns the file of a name.
func named(files []remote, name string) (remote, bool) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, f := range files {
			if same(path.Base(f.path), name) {
				return f, true
			}
		}
	}
	return remote{}, false
}

// parts returns a file, or all files of the split that it belongs to.
func (r *repository) parts(ggufs []remote, chosen remote) ([]remote, error) {
	m := checkpoint.SplitName.FindStringSubmatch(chosen.path)
	if m == nil {
		return []remote{chosen}, nil
	}
	count, err := strconv.Atoi(m[3])
	if err != nil || count < 1 || count > maxFiles {
		return nil, fmt.Errorf("%s: %s: split into %s files, want 1 to %d: %w", r.name, printable(chosen.path), m[3], maxFiles, ErrFormat)
	}
	var files []remote
	for i := 1; i <= count; i++ {
		want := fmt.Sprintf("%05d", i)
		at := slices.IndexFunc(ggufs, func(f remote) bool {
			o := checkpoint.SplitName.FindStringSubmatch(f.path)
			return o != nil && o[1] == m[1] && o[2] == want && o[3] == m[3]
		})
		if at < 0 {
			return nil, fmt.Errorf("%s: %s-%s-of-%s.gguf is missing, part %d of %d: %w", r.name, printable(m[1]), want, m[3], i, count, ErrNotFound)
		}
		files = append(files, ggufs[at])
	}
	return files, nil
}

// quantLabel finds the label at the end of a stem.
var quantLabel = regexp.MustCompile(`(?i)(?:^|[-._/])((?:(?:UD|i1)-)?(?:I?Q[0-9]+(?:_[A-Z0-9]+)*|TQ[0-9]_[0-9]|MXFP4(?:_[A-Z0-9]+)*|NVFP4|BF16|FP?16|FP?32|FP8))$`)

// labelOf returns the label that chooses a GGUF file, or its whole name.
func labelOf(file string) string {
	if m := quantLabel.FindStringSubmatch(stemOf(file)); m != nil {
		return m[1]
	}
	return path.Base(file)
}

// noLabel says that nothing has the label, and what has which.
func (r *repository) noLabel(label string, candidates []remote) error {
	if len(candidates) == 0 {
		return fmt.Errorf("%s: none of its GGUF files is a model: %w", r.name, ErrNotFound)
	}
	var labels []string
	for _, f := range candidates {
		if l := printable(labelOf(f.path)); !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	const most = 40
	more := ""
	if len(labels) > most {
		labels, more = labels[:most], " and others"
	}
	return fmt.Errorf("%s: no file has the label %s; there are %s%s: %w", r.name, printable(label), strings.Join(labels, ", "), more, ErrNotFound)
}

// weightShard is a part of the weights of a folder of safetensors.
var weightShard = regexp.MustCompile(`^model-([0-9]{5})-of-([0-9]{5})\.safetensors$`)

// folder returns the files of a model of safetensors: the weights of the usual
// names in the root, and what belongs to them.
func (r *repository) folder(label string) ([]remote, error) {
	byName := map[string]remote{}
	var pickle string
	for _, f := range r.files {
		low := strings.ToLower(f.path)
		if strings.HasSuffix(low, ".bin") || strings.HasSuffix(low, ".pt") || strings.HasSuffix(low, ".pth") {
			pickle = f.path
			continue
		}
		if flat, ok := checkpoint.ModuleFile(f.path); ok {
			byName[strings.ToLower(flat)] = f
			continue
		}
		if strings.Contains(f.path, "/") || strings.HasSuffix(low, ".safetensors") && low != "model.safetensors" && !weightShard.MatchString(low) {
			continue
		}
		if _, twice := byName[low]; !twice || f.path == low { // names that differ in case alone: the usual one
			byName[low] = f
		}
	}
	var names []string
	for _, f := range byName {
		names = append(names, snapshotName(f.path))
	}
	slices.Sort(names)
	weights := slices.ContainsFunc(names, func(n string) bool {
		_, module := checkpoint.ModuleFile(n)
		return strings.HasSuffix(strings.ToLower(n), ".safetensors") && !module
	})
	switch {
	case !weights && pickle != "":
		return nil, fmt.Errorf("%s: holds %s, and pickled weights are programs that are never read; want GGUF or safetensors: %w", r.name, printable(pickle), ErrFormat)
	case !weights:
		return nil, fmt.Errorf("%s: holds neither GGUF nor safetensors: %w", r.name, ErrNotFound)
	case label != "":
		return nil, fmt.Errorf("%s: no file has the label %s: its weights are safetensors, which are named without a label: %w", r.name, printable(label), ErrNotFound)
	}
	members, _, err := selectFiles(names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	var files []remote
	for _, m := range members {
		files = append(files, byName[strings.ToLower(m.name)])
	}
	return files, checkShardCount(r.name, files)
}

// checkShardCount wants as many parts of safetensors as their names say.
func checkShardCount(name string, files []remote) error {
	found, count := map[string]bool{}, ""
	for _, f := range files {
		if m := weightShard.FindStringSubmatch(strings.ToLower(f.path)); m != nil {
			found[m[1]] = true
			count = max(count, m[2])
		}
	}
	if count == "" {
		return nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n > maxFiles {
		return fmt.Errorf("%s: weights in %s files, %d at most: %w", name, count, maxFiles, ErrFormat)
	}
	for i := 1; i <= n; i++ {
		if part := fmt.Sprintf("%05d", i); !found[part] {
			return fmt.Errorf("%s: model-%s-of-%s.safetensors is missing, part %d of %d: %w", name, part, count, i, n, ErrNotFound)
		}
	}
	return nil
}

// plainPath reports whether the path of a file in a repository is one: plain
// names with slashes between.
func plainPath(file string) bool {
	for c := range strings.SplitSeq(file, "/") {
		if !PlainName(c) {
			return false
		}
	}
	return true
}

// settle gives chosen files their names in the snapshot. A path that is not
// plain is refused.
func settle(files []remote) error {
	for i := range files {
		if !plainPath(files[i].path) {
			return fmt.Errorf("the listed file %q is not a plain path: %w", clip(files[i].path), ErrFormat)
		}
		files[i].name = snapshotName(files[i].path)
	}
	return nil
}

// snapshotName returns the name that a file of a repository has in a snapshot.
func snapshotName(file string) string {
	if flat, ok := checkpoint.ModuleFile(file); ok {
		return flat
	}
	return path.Base(file)
}
