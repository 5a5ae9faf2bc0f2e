// Package checkpoint opens the files of a model once: it finds out what a path holds,
// and keeps what each part of the program reads of it: weights, configuration,
// tokenizer, template, the publisher's settings, and the root that names the model.
package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Errors of Open. The message names the folder and what is in it.
var (
	// ErrNoModel: nothing of a model is there.
	ErrNoModel = errors.New("no model")
	// ErrFiles: what is there is not one whole model.
	ErrFiles = errors.New("not the files of one model")
	// ErrNoWeights: a tokenizer, or a GGUF file without tensors, where weights are wanted.
	ErrNoWeights = errors.New("no weights")
	// ErrFormat: a file that has to be JSON is none, or is too long.
	ErrFormat = errors.New("unusable file")
)

// Checkpoint is the files of a model. It may be used by several goroutines at once,
// Close aside.
type Checkpoint struct {
	path   string // as it was asked for
	folder string // that holds the files
	files  Files
	alone  bool       // path names one file, and nothing beside it belongs to the model
	within bool       // the program carries it: there is no folder
	gguf   *gguf.File // nil: of another kind

	weights     lazy[*safetensors.File]
	config      lazy[[]byte]
	generation  lazy[*generation]
	tokens      lazy[*tokenizer.Tokenizer]
	template    lazy[template]
	description lazy[Description]
	modules     lazy[*Modules]
	prompts     lazy[*Prompts]
	root        rooted

	mu    sync.Mutex
	notes []string
	stats map[string]fs.FileInfo // of the files that were read, by name in folder
}

// lazy is a value that is made when it is first asked for.
type lazy[T any] struct {
	once sync.Once
	v    T
	err  error
}

func (l *lazy[T]) get(of func() (T, error)) (T, error) {
	l.once.Do(func() { l.v, l.err = of() })
	return l.v, l.err
}

// Open finds the model at path: a GGUF file (the first of a split), a safetensors file
// or its index, a tokenizer's file, or a folder with any of them; countdown.Path is the
// model that the program carries. Of a GGUF file the header is read, of anything else
// nothing yet. The error wraps fs.ErrNotExist, ErrNoModel, ErrFiles or gguf.ErrFormat.
func Open(path string) (*Checkpoint, error) {
	if path == countdown.Path {
		return openWithin()
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{path: path, stats: map[string]fs.FileInfo{}}
	c.root.turn = make(chan struct{}, 1)
	if info.IsDir() {
		c.folder = path
		err = c.openFolder()
	} else {
		err = c.openFile()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// openFolder finds the one model of a folder.
func (c *Checkpoint) openFolder() error {
	names, err := regularFiles(c.folder)
	if err != nil {
		return err
	}
	if c.files, err = Select(names); err != nil {
		return fmt.Errorf("%s: %w", c.folder, err)
	}
	for _, name := range c.files.Projectors {
		c.note("%s is passed over: images and sound are not read", name)
	}
	for _, name := range c.files.PassedOver {
		c.note("%s is passed over: the model is opened from %s", name, c.files.Weights[0])
	}
	if c.files.Kind == GGUF {
		return c.openGGUF(filepath.Join(c.folder, c.files.Weights[0]))
	}
	return nil
}

// openFile opens what a file's name says it is; any unknown name is that of a GGUF.
func (c *Checkpoint) openFile() error {
	c.folder = filepath.Dir(c.path)
	base := filepath.Base(c.path)
	low := strings.ToLower(base)
	if what := cutPart(base); what != "" {
		return refuse(ErrFiles, "%s", what)
	}
	switch {
	case strings.HasSuffix(low, ".safetensors"), strings.HasSuffix(low, ".safetensors.index.json"):
		return c.openSafetensors(base)
	case strings.HasPrefix(low, "tokenizer") && strings.HasSuffix(low, ".json"), strings.HasSuffix(low, ".model"), strings.HasSuffix(low, ".tiktoken"):
		c.files, c.alone = Files{Kind: Tokenizer, Companions: []string{base}}, true
		return nil
	case strings.HasSuffix(low, ".json"), strings.HasSuffix(low, ".jinja"):
		return c.openFolder()
	}
	c.alone = true
	c.files = Files{Kind: GGUF, Weights: []string{base}}
	return c.openGGUF(c.path)
}

// openSafetensors takes a safetensors file, or an index, by its name, and with it what
// lies beside it where that describes a model.
func (c *Checkpoint) openSafetensors(base string) error {
	c.files = Files{Kind: Safetensors, Weights: []string{base}}
	names, err := regularFiles(c.folder)
	if err != nil {
		return err
	}
	if slices.Contains(names, configName) || slices.Contains(names, paramsName) {
		c.files.Companions = companions(names)
	}
	whole := !strings.HasSuffix(strings.ToLower(base), ".json") && !shardName.MatchString(base)
	c.alone = whole && len(c.files.Companions) == 0
	return nil
}

func (c *Checkpoint) openGGUF(path string) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	c.gguf = f
	for i, name := range f.Parts() {
		c.stats[name] = f.Stats()[i]
	}
	c.files.Weights = f.Parts()
	for i, n := range f.Missing() {
		if n > 0 {
			c.note("%s: the last %d bytes are missing, behind its last tensor: the file was cut, perhaps", c.files.Weights[i], n)
		}
	}
	return nil
}

// Close gives the mapped files back; tensors and their bytes are gone then. What was
// read of configuration, tokenizer and template stays, and the root can be had.
func (c *Checkpoint) Close() error {
	c.closeModules()
	if c.gguf != nil {
		return c.gguf.Close()
	}
	f, err := c.weights.get(func() (*safetensors.File, error) { return nil, fs.ErrClosed })
	if err != nil {
		return nil // never opened
	}
	return f.Close()
}

// Path returns the path as it was asked for.
func (c *Checkpoint) Path() string { return c.path }

// Name returns the base name of the model's first file, or of the folder of a model of
// several: what messages call it.
func (c *Checkpoint) Name() string {
	if c.gguf != nil {
		return c.gguf.Name()
	}
	return filepath.Base(c.path)
}

// Kind says what the files are.
func (c *Checkpoint) Kind() Kind { return c.files.Kind }

// Folder returns the folder that the files lie in; that of countdown.Path is no folder, but
// has the name of one.
func (c *Checkpoint) Folder() string { return c.folder }

// GGUF returns the open GGUF file; nil for another kind.
func (c *Checkpoint) GGUF() *gguf.File { return c.gguf }

// Safetensors returns the open safetensors files, which are opened when first asked
// for. The error wraps safetensors.ErrFormat or fs.ErrNotExist, ErrNoWeights for
// another kind.
func (c *Checkpoint) Safetensors() (*safetensors.File, error) {
	return c.weights.get(func() (*safetensors.File, error) {
		if c.files.Kind != Safetensors {
			return nil, refuse(ErrNoWeights, "%s: holds no safetensors", c.path)
		}
		f, err := c.openWeights()
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		for i, name := range f.Parts() {
			c.stats[name] = f.Stats()[i]
		}
		c.mu.Unlock()
		return f, nil
	})
}

// openWeights opens the safetensors files: of a part of a sharded checkpoint all of it.
func (c *Checkpoint) openWeights() (*safetensors.File, error) {
	w := c.files.Weights
	switch {
	case c.within:
		return safetensors.OpenFS(c.FS(), w[0])
	case strings.HasSuffix(w[0], ".json"), len(w) == 1 && c.files.Index == "" && !shardName.MatchString(w[0]):
		return safetensors.Open(filepath.Join(c.folder, w[0]))
	case len(w) == 1 || c.files.Index != "":
		return safetensors.Open(c.folder)
	}
	paths := make([]string, len(w))
	for i, name := range w {
		paths[i] = filepath.Join(c.folder, name)
	}
	return safetensors.OpenParts(paths...)
}

// CheckWeights returns an error where there are none: it wraps ErrNoWeights for a
// tokenizer and for a GGUF file without tensors, fs.ErrNotExist for a config.json whose
// weights are missing.
func (c *Checkpoint) CheckWeights() error {
	switch {
	case c.gguf != nil && len(c.gguf.Tensors()) == 0:
		return refuse(ErrNoWeights, "%s: holds no tensors, want a model with weights", c.gguf.Name())
	case c.files.Kind != Tokenizer:
		return nil
	case slices.Contains(c.files.Companions, c.ConfigName()):
		return refuse(fs.ErrNotExist, "%s: holds %s and no weights, want %s beside it", c.path, c.ConfigName(), singleName)
	}
	return refuse(ErrNoWeights, "%s: a tokenizer alone, want a model with weights", c.path)
}

// Parts returns the names of the files with weights; none for a tokenizer.
func (c *Checkpoint) Parts() ([]string, error) {
	switch c.files.Kind {
	case GGUF:
		return c.gguf.Parts(), nil
	case Safetensors:
		f, err := c.Safetensors()
		if err != nil {
			return nil, err
		}
		return f.Parts(), nil
	}
	return nil, nil
}

// Size returns the bytes of the files with weights.
func (c *Checkpoint) Size() (total int64, err error) {
	parts, err := c.Parts()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range parts {
		total += c.stats[name].Size()
	}
	return total, err
}

// configName is the file that describes a model to the frameworks that train such.
const configName = "config.json"

// paramsName is the file that Mistral's own form has in its place.
const paramsName = "params.json"

// maxConfig bounds a config.json, in bytes.
const maxConfig = 16 << 20

// Config returns the text of config.json, which belongs to safetensors, or of the
// params.json that stands in its place. The error wraps fs.ErrNotExist where there is none,
// ErrFormat where it is too long.
func (c *Checkpoint) Config() ([]byte, error) {
	return c.config.get(func() ([]byte, error) { return c.read(c.ConfigName(), maxConfig) })
}

// ConfigName returns the name of the file that Config returns.
func (c *Checkpoint) ConfigName() string {
	has := func(name string) bool { return slices.Contains(c.files.Companions, name) }
	if has(paramsName) && !has(configName) {
		return paramsName
	}
	return configName
}

// read returns the contents of a file of the folder, of at most limit bytes.
func (c *Checkpoint) read(name string, limit int64) ([]byte, error) {
	if c.within {
		return fs.ReadFile(c.FS(), name) // which nobody can have changed
	}
	path := filepath.Join(c.folder, name)
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() { // opening a pipe would wait
		if err == nil {
			err = fmt.Errorf("%s: is no regular file: %w", path, ErrFormat)
		}
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s: is longer than %d bytes: %w", name, limit, ErrFormat)
	}
	c.mu.Lock()
	c.stats[name] = st
	c.mu.Unlock()
	return text, nil
}

// Notes returns what was passed over or assumed, a sentence each.
func (c *Checkpoint) Notes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.notes)
}

func (c *Checkpoint) note(format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, fmt.Sprintf(format, a...))
}

// regularFiles lists the files of a folder, also those behind symbolic links, as
// downloads keep them.
func regularFiles(folder string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			st, err := os.Stat(filepath.Join(folder, e.Name()))
			if err != nil {
				continue // a link to nothing is no file
			}
			mode = st.Mode()
		}
		if mode.IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
