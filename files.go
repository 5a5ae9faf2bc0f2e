package blitz

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Files are the files of a model, found and opened once: what can be known of a model
// before its weights take memory. No architecture is needed. They may be used by
// several goroutines at once, Close aside.
type Files struct{ c *checkpoint.Checkpoint }

// OpenFiles finds the model at a path: a GGUF file (the first of a split), a safetensors
// file or its index, a tokenizer's file, or a folder with any of them. The error wraps
// fs.ErrNotExist, ErrNoModel, ErrFiles or gguf.ErrFormat.
func OpenFiles(path string) (*Files, error) {
	c, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	return &Files{c}, nil
}

// Close closes the files. Tensors cannot be read then; what was read before stays.
func (f *Files) Close() error { return f.c.Close() }

// Path returns the path as it was asked for.
func (f *Files) Path() string { return f.c.Path() }

// Name returns the base name of the model's first file, or of the folder of a model of
// several: what messages call it.
func (f *Files) Name() string { return f.c.Name() }

// GGUF returns the open GGUF file; nil for a model of another format.
func (f *Files) GGUF() *gguf.File { return f.c.GGUF() }

// Safetensors returns the open safetensors files. The error wraps ErrNoWeights for a
// model of another format, safetensors.ErrFormat for one that is refused.
func (f *Files) Safetensors() (*safetensors.File, error) { return f.c.Safetensors() }

// Config returns the text of the config.json that belongs to safetensors; the error
// wraps fs.ErrNotExist where there is none.
func (f *Files) Config() ([]byte, error) { return f.c.Config() }

// CheckWeights returns an error where there are no weights: it wraps ErrNoWeights, or
// fs.ErrNotExist where a config.json says that there should be some.
func (f *Files) CheckWeights() error { return f.c.CheckWeights() }

// Tokenizer returns the tokenizer, of whatever architecture the model is. The error
// wraps tokenizer.ErrNoTokenizer where there is none.
func (f *Files) Tokenizer() (*tokenizer.Tokenizer, error) { return f.c.Tokenizer() }

// Template returns the chat template: that of the files, else the built-in one of their
// release. The error wraps ErrNoTemplate where there is neither.
func (f *Files) Template() (*chat.Template, error) { return f.c.Template() }

// HoldsDrafts says whether the files are of draft layers alone, which guess for a model that
// stands in other files: Options.Drafts takes them.
func (f *Files) HoldsDrafts() bool { return model.HoldsDrafts(f.c) }

// Notes says what was passed over or taken for granted so far, a sentence each.
func (f *Files) Notes() []string { return f.c.Notes() }

// Root returns the digest that names the model, in 64 hexadecimal digits: over the names
// and contents of its files, as OpenSSF Model Signing defines it. All files are read for
// it, unless they are those whose digests are remembered in the folder cache; "": none
// are. ctx ends that. The files may be closed already.
func (f *Files) Root(ctx context.Context, cache string) (string, error) {
	d, _, err := f.c.Root(ctx, cache)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// Know takes the SHA-256 sums of the model's files, by name, from who keeps them: the
// root is made of them, and no file is read for it.
func (f *Files) Know(sums map[string][32]byte) {
	var resources []checkpoint.Resource
	for name, sum := range sums {
		resources = append(resources, checkpoint.Resource{Name: name, Digest: sum})
	}
	f.c.Know(resources)
}

// Info is what the files of a model say of it. What they do not say is zero.
type Info struct {
	Format       string   `json:"format"`                 // gguf, safetensors, or tokenizer for one alone
	Title        string   `json:"title,omitempty"`        // what the file calls itself
	Architecture string   `json:"architecture,omitempty"` // as the files name it: llama, deepseek2, qwen3_moe
	Parameters   int64    `json:"parameters,omitempty"`
	Quantization string   `json:"quantization,omitempty"` // Q4_K_M, BF16, …: the type of most weights
	Context      int64    `json:"context,omitempty"`      // positions that the model was made for
	License      string   `json:"license,omitempty"`
	Files        []string `json:"files,omitempty"` // names of those with weights
	Size         int64    `json:"size,omitempty"`  // of them together, in bytes
}

// Info returns what the files say of the model.
func (f *Files) Info() (Info, error) {
	d, err := f.c.Describe()
	if err != nil {
		return Info{}, err
	}
	names, err := f.c.Parts()
	size, sizeErr := f.c.Size()
	return Info{
		Format: d.Format, Title: d.Title, Architecture: d.Architecture, Parameters: d.Parameters, Quantization: d.Quantization,
		Context: d.Context, License: d.License, Files: names, Size: size,
	}, errors.Join(err, sizeErr)
}

// OpenTokenizer opens the tokenizer of a model: of a GGUF file, with or without
// tensors and of whatever architecture, of a folder, or a tokenizer's own file. The
// error wraps tokenizer.ErrNoTokenizer where there is none.
func OpenTokenizer(path string) (*tokenizer.Tokenizer, error) {
	f, err := OpenFiles(path)
	if errors.Is(err, ErrNoModel) {
		return nil, fmt.Errorf("%w: %w", err, tokenizer.ErrNoTokenizer)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Tokenizer()
}
