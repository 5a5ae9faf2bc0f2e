package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/safetensors"
)

// Modules are what sentence-transformers does with the hidden states of a model to make a
// vector of a text.
type Modules struct {
	Pooling   string // mean, cls or lasttoken; "": no file says
	Normalize bool   // vectors are scaled to length 1
	Heads     []Head // what a pooled state goes through, in order
	Ranks     bool   // the model says yes or no to a document: how likely yes is counts

	PromptApart bool // the states of a prompt are not pooled
}

// Head is a matrix that a pooled state goes through.
type Head struct {
	Folder  string
	In, Out int
	Bias    bool
	Tanh    bool // of what comes out
	Weights *safetensors.File
}

const (
	modulesName = "modules.json"
	// maxModules bounds the files that describe modules, in bytes, and mostModules their number.
	maxModules  = 1 << 20
	mostModules = 16
	maxHead     = 1 << 20
)

// moduleFolder is how the folder of a module may be named.
var moduleFolder = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// Modules reads modules.json and what it names; nil where the model has none. The error wraps
// ErrFormat where a module is not known or damaged, fs.ErrNotExist where a file of it is
// missing.
func (c *Checkpoint) Modules() (*Modules, error) {
	return c.modules.get(func() (*Modules, error) {
		if c.alone || c.gguf != nil {
			return nil, nil
		}
		text, err := c.read(modulesName, maxModules)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		var list []struct{ Type, Path string }
		if err == nil {
			err = decodeModule(modulesName, text, &list)
		}
		if err == nil && len(list) > mostModules {
			err = fmt.Errorf("%s: lists %d modules, want at most %d: %w", modulesName, len(list), mostModules, ErrFormat)
		}
		if err != nil {
			return nil, err
		}
		m, last := &Modules{}, 0
		for _, x := range list {
			place := slices.Index(moduleOrder, kindOf(x.Type))
			err := c.addModule(m, x.Type, x.Path)
			if err == nil && place < last {
				err = fmt.Errorf("%s: module %.60q stands behind one of %s, want them in the order %s: %w",
					modulesName, x.Type, moduleOrder[last], strings.Join(moduleOrder, ", "), ErrFormat)
			}
			if err != nil {
				m.close()
				return nil, err
			}
			last = place
		}
		return m, nil
	})
}

// moduleFile is how the files of modules are named where a model's files lie in one folder:
// with a dot in place of the slash.
var moduleFile = regexp.MustCompile(`(?i)^[0-9]+_[a-z]+[./](config\.json|model\.safetensors)$`)

// ModuleFile returns the name of the file of a module beside the model, of its path in a folder
// of its own; false: it is none.
func ModuleFile(file string) (string, bool) {
	return strings.Replace(file, "/", ".", 1), moduleFile.MatchString(file)
}

// inModule returns where a file of a module is: in the module's folder, or beside the model.
func (c *Checkpoint) inModule(folder, name string) string {
	if flat := folder + "." + name; slices.Contains(c.files.Companions, flat) {
		return flat
	}
	return path.Join(folder, name)
}

func decodeModule(name string, text []byte, into any) error {
	if err := json.Unmarshal(PlainJSON(text), into); err != nil {
		return fmt.Errorf("%s: %w: %w", name, err, ErrFormat)
	}
	return nil
}

// moduleOrder are the modules in the order in which vectors are made here.
var moduleOrder = []string{"Transformer", "Pooling", "Dense", "Normalize", "LogitScore"}

// kindOf returns what a module is, which its type ends with.
func kindOf(module string) string { return module[strings.LastIndexByte(module, '.')+1:] }

// addModule adds the module of that type.
func (c *Checkpoint) addModule(m *Modules, kind, folder string) error {
	what := kindOf(kind)
	if what == "Transformer" {
		return nil
	}
	switch what {
	case "Normalize":
		m.Normalize = true
		return nil
	case "LogitScore":
		m.Ranks = true
		return nil
	}
	if !moduleFolder.MatchString(folder) {
		return fmt.Errorf("%s: module %.60q has the folder %.60q, want a plain name: %w", modulesName, kind, folder, ErrFormat)
	}
	switch what {
	case "Pooling":
		return c.readPooling(m, folder)
	case "Dense":
		return c.readHead(m, folder)
	}
	return fmt.Errorf("%s: module %.60q is not known, want Transformer, Pooling, Dense or Normalize: %w", modulesName, kind, ErrFormat)
}

// moduleConfig reads the config.json of a module.
func (c *Checkpoint) moduleConfig(folder string, into any) (name string, err error) {
	name = c.inModule(folder, configName)
	text, err := c.read(name, maxModules)
	if err == nil {
		err = decodeModule(name, text, into)
	}
	return name, err
}

func (c *Checkpoint) readPooling(m *Modules, folder string) error {
	var x struct {
		Mode     string `json:"pooling_mode"`
		CLS      bool   `json:"pooling_mode_cls_token"`
		Mean     bool   `json:"pooling_mode_mean_tokens"`
		Last     bool   `json:"pooling_mode_lasttoken"`
		Max      bool   `json:"pooling_mode_max_tokens"`
		Root     bool   `json:"pooling_mode_mean_sqrt_len_tokens"`
		Weighted bool   `json:"pooling_mode_weightedmean_tokens"`
		Prompt   *bool  `json:"include_prompt"`
	}
	name, err := c.moduleConfig(folder, &x)
	if err != nil {
		return err
	}
	var modes []string
	for _, mode := range []struct {
		on   bool
		name string
	}{{x.CLS, "cls"}, {x.Mean, "mean"}, {x.Last, "lasttoken"}, {x.Max, "max"}, {x.Root, "mean_sqrt_len_tokens"}, {x.Weighted, "weightedmean"}} {
		if mode.on {
			modes = append(modes, mode.name)
		}
	}
	if x.Mode != "" {
		modes = []string{x.Mode}
	}
	if len(modes) == 1 && m.Pooling == "" {
		switch modes[0] {
		case "cls", "mean", "lasttoken":
			m.Pooling, m.PromptApart = modes[0], x.Prompt != nil && !*x.Prompt
			return nil
		}
	}
	return fmt.Errorf("%s: pools by %.80q, want one of cls, mean and lasttoken: %w", name, modes, ErrFormat)
}

func (c *Checkpoint) readHead(m *Modules, folder string) error {
	var x struct {
		In         int    `json:"in_features"`
		Out        int    `json:"out_features"`
		Bias       *bool  `json:"bias"`
		Activation string `json:"activation_function"`
	}
	name, err := c.moduleConfig(folder, &x)
	if err != nil {
		return err
	}
	h := Head{Folder: folder, In: x.In, Out: x.Out, Bias: x.Bias == nil || *x.Bias}
	if x.In < 1 || x.Out < 1 || x.In > maxHead || x.Out > maxHead {
		return fmt.Errorf("%s: in_features %d and out_features %d, want 1 to %d: %w", name, x.In, x.Out, maxHead, ErrFormat)
	}
	switch what := x.Activation[strings.LastIndexByte(x.Activation, '.')+1:]; what {
	case "Identity":
	case "Tanh", "":
		h.Tanh = true // which sentence-transformers has where nothing is said
	default:
		return fmt.Errorf("%s: activation_function %.60q, want Identity or Tanh: %w", name, x.Activation, ErrFormat)
	}
	if h.Weights, err = safetensors.Open(filepath.Join(c.folder, c.inModule(folder, singleName))); err != nil {
		return err
	}
	c.mu.Lock()
	c.stats[c.inModule(folder, singleName)] = h.Weights.Stats()[0]
	c.mu.Unlock()
	m.Heads = append(m.Heads, h)
	return nil
}

// closeModules gives the mapped files of modules back.
func (c *Checkpoint) closeModules() {
	m, err := c.modules.get(func() (*Modules, error) { return nil, fs.ErrClosed })
	if err == nil && m != nil {
		m.close()
	}
}

func (m *Modules) close() {
	for _, h := range m.Heads {
		_ = h.Weights.Close() // what cannot be unmapped stays mapped
	}
}
