package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// contents is a model's files as show and decode look into them: no architecture is
// needed, and no weights. One of its three kinds is set.
type contents struct {
	path      string
	gguf      *gguf.File
	weights   *safetensors.File
	tokenizer *tokenizer.Tokenizer // without weights beside it
}

// openContents opens the files of a model: a GGUF, safetensors, a folder with either,
// or a tokenizer alone.
func openContents(path string) (*contents, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	base := strings.ToLower(filepath.Base(path))
	switch {
	case st.IsDir():
		return openFolder(path)
	case strings.HasSuffix(base, ".gguf"):
		return openGGUF(path)
	case strings.HasSuffix(base, ".safetensors"):
		return openSafetensors(path)
	case strings.HasPrefix(base, "tokenizer"), strings.HasSuffix(base, ".model"), strings.HasSuffix(base, ".tiktoken"):
		return openTokenizerAlone(path)
	case strings.HasSuffix(base, ".json"):
		return openSafetensors(path) // the index of several
	}
	return openGGUF(path)
}

func openGGUF(path string) (*contents, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	return &contents{path: path, gguf: f}, nil
}

func openSafetensors(path string) (*contents, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	return &contents{path: path, weights: f}, nil
}

// openFolder opens the model in a folder: safetensors, else the only GGUF, else a
// tokenizer.
func openFolder(dir string) (*contents, error) {
	has := func(pattern string) []string {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), pattern)) // the pattern is well formed
		return found
	}
	ggufs := has("*.gguf")
	switch {
	case len(has("*.safetensors")) > 0, len(has("*.safetensors.index.json")) > 0:
		return openSafetensors(dir)
	case len(ggufs) == 1:
		return openGGUF(ggufs[0])
	case len(ggufs) > 1:
		return nil, refusedError{fmt.Errorf("%s: holds %d GGUF files, want the name of one", dir, len(ggufs))}
	}
	return openTokenizerAlone(dir)
}

// escapeGlob returns a path that matches itself alone.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path // there is no escape there
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func openTokenizerAlone(path string) (*contents, error) {
	t, err := blitz.OpenTokenizer(path)
	if errors.Is(err, tokenizer.ErrNoTokenizer) {
		return nil, missingError{fmt.Errorf("%s: holds no model and no tokenizer", path)}
	}
	if err != nil {
		return nil, err
	}
	return &contents{path: path, tokenizer: t}, nil
}

// isTokenizerAlone says whether there is a tokenizer at path, and neither weights nor
// the config.json that would describe them.
func isTokenizerAlone(path string) bool {
	c, err := openContents(path)
	if err != nil {
		return false
	}
	defer c.close()
	folder := path
	if st, err := os.Stat(path); err == nil && !st.IsDir() {
		folder = filepath.Dir(path)
	}
	_, err = os.Stat(filepath.Join(folder, "config.json"))
	return c.tokenizer != nil && errors.Is(err, fs.ErrNotExist)
}

// errTokenizerAlone is the error of what needs weights, where there are none.
func errTokenizerAlone(path string) error {
	return refusedError{fmt.Errorf("%s: a tokenizer alone, want a model with weights", path)}
}

// facts returns what the files say of the model as a whole: safetensors in a folder
// with the config.json beside them, where there is one.
func (c *contents) facts() (hub.Facts, error) {
	switch {
	case c.gguf != nil:
		return hub.GGUFFacts(c.gguf), nil
	case c.tokenizer != nil:
		return hub.Facts{Format: hub.FormatTokenizer, Title: fmt.Sprintf("a tokenizer of %d tokens", c.tokenizer.VocabSize())}, nil
	}
	if st, err := os.Stat(c.path); err != nil || !st.IsDir() {
		return hub.SafetensorsFacts(c.weights), err
	}
	facts, err := hub.FolderFacts(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return hub.SafetensorsFacts(c.weights), nil
	}
	if err != nil {
		return hub.Facts{}, fmt.Errorf("%s: %w", c.path, err)
	}
	return facts, nil
}

func (c *contents) close() {
	if c.gguf != nil {
		c.gguf.Close()
	}
	if c.weights != nil {
		c.weights.Close()
	}
}

// tensorEntry is a tensor as show lists it.
type tensorEntry struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // row-major
	Size  int64  `json:"size"`  // bytes
	File  string `json:"file"`
}

// tensors returns the tensors in the order of the files.
func (c *contents) tensors() []tensorEntry {
	list := []tensorEntry{}
	if c.gguf != nil {
		parts := c.gguf.Parts()
		for _, t := range c.gguf.Tensors() {
			list = append(list, tensorEntry{t.Name, t.Type.String(), t.Shape, t.Size, parts[t.Shard]})
		}
	}
	if c.weights != nil {
		parts := c.weights.Parts()
		for _, t := range c.weights.Tensors() {
			list = append(list, tensorEntry{t.Name, string(t.DType), t.Shape, t.Size, parts[t.Shard]})
		}
	}
	return list
}

// template returns the chat template and the names of further ones.
func (c *contents) template() (text string, others []string, err error) {
	const key = "tokenizer.chat_template"
	if c.gguf == nil {
		t := c.tokenizer
		if t == nil {
			if t, err = blitz.OpenTokenizer(c.path); err != nil {
				return "", nil, err
			}
		}
		return t.ChatTemplate(), nil, nil
	}
	text, _ = c.gguf.String(key)
	for _, kv := range c.gguf.KeyValues() {
		if name, ok := strings.CutPrefix(kv.Key, key+"."); ok {
			others = append(others, name)
		}
	}
	return text, others, nil
}

// size returns the bytes of the model's files.
func (c *contents) size() (int64, error) {
	var names []string
	dir := c.path
	switch {
	case c.gguf != nil:
		names, dir = c.gguf.Parts(), filepath.Dir(c.path)
	case c.weights != nil:
		names = c.weights.Parts()
	}
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		dir = filepath.Dir(dir)
	}
	var total int64
	for _, name := range names {
		st, err := os.Stat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a part that was opened and is gone
		}
		if err != nil {
			return 0, err
		}
		total += st.Size()
	}
	return total, nil
}
