package blitz

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Model is an open model: weights, tokenizer, chat template, and what its
// publisher suggests. It is read only and may be used by several engines.
type Model struct {
	path      string
	net       *model.Model
	latent    model.LatentForm
	lease     lease
	tokens    *tokenizer.Tokenizer // nil: none
	template  *chat.Template       // nil: none
	templErr  error                // why a template that is there cannot be used
	format    string               // of output; see output.Formats
	sampling  Sampling
	suggested bool
	stops     []int32
}

// Options say how a model is opened.
type Options struct {
	// MemoryLimit is how many bytes the weights may take; 0: any.
	MemoryLimit int64
	// MLA is the form of multi-head latent attention, absorbed or expanded; "" is
	// absorbed. The two give different bits.
	MLA string
	// Text says that the model has to take and give text: one without a tokenizer is
	// refused before its weights are read, with an error that wraps
	// tokenizer.ErrNoTokenizer.
	Text bool
	// TokensOnly says that the model takes and gives token ids: its tokenizer, template
	// and suggestions are not read, and no token ends an answer.
	TokensOnly bool
	// MTP opens the module of multi-token prediction too; the error wraps ErrNoMTP where
	// the model has none.
	MTP bool
	// Interrupted is asked again and again while weights are read, and its error ends
	// that: a context's Err. nil: nothing does.
	Interrupted func() error
	// Progress is told again and again, by several goroutines at once, how many bytes of
	// the weights are in place; all of them at the end. nil: nobody is.
	Progress func(done, total int64)
}

// Open opens a GGUF file (the first of a split) or a Hugging Face folder. o may be
// nil. A model without a tokenizer opens; it takes and gives token ids only.
func Open(path string, o *Options) (*Model, error) {
	if o == nil {
		o = &Options{}
	}
	form, err := latentForm(o.MLA)
	if err != nil {
		return nil, err
	}
	m := &Model{path: path, latent: form}
	if o.TokensOnly {
		m.sampling = defaultSampling
	} else if err := m.openText(o.Text); err != nil { // first, since weights take longer
		return nil, err
	}
	m.net, err = model.Open(path, model.Options{MemoryLimit: o.MemoryLimit, Latent: form, MTP: o.MTP, Interrupted: o.Interrupted, Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	if m.tokens != nil {
		m.findStops()
	}
	return m, nil
}

// latentForm returns the form of a name.
func latentForm(name string) (model.LatentForm, error) {
	switch name {
	case "", model.Absorbed.String():
		return model.Absorbed, nil
	case model.Expanded.String():
		return model.Expanded, nil
	}
	return 0, fmt.Errorf("blitz: form of latent attention %q, want %s or %s", name, model.Absorbed, model.Expanded)
}

// openText reads what stands beside the weights: tokenizer, which has to be there
// where that is wanted, template, settings.
func (m *Model) openText(wanted bool) error {
	t, err := OpenTokenizer(m.path)
	if err != nil && (wanted || !errors.Is(err, tokenizer.ErrNoTokenizer)) {
		return err
	}
	m.tokens = t
	if err := m.readSuggestions(); err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	// A broken template matters only to those who chat.
	switch m.template, m.templErr = FindTemplate(m.path, t); {
	case errors.Is(m.templErr, ErrNoTemplate):
		m.templErr = nil
	case m.templErr == nil:
		m.format = output.FormatOf(m.template)
	default:
		m.format = output.DetectFormat(t.ChatTemplate())
	}
	return nil
}

// Close gives the memory of the weights back: at once, or when the last engine of the
// model is closed.
func (m *Model) Close() { m.lease.close(m.net.Close) }

// Tokenizer returns the tokenizer, nil where the model has none.
func (m *Model) Tokenizer() *tokenizer.Tokenizer { return m.tokens }

// Template returns the chat template: that of the model's files, else the built-in one
// of its release, whose name its Release gives. The error wraps ErrNoTemplate where
// there is none, or says why it cannot be used.
func (m *Model) Template() (*chat.Template, error) {
	if m.templErr != nil {
		return nil, m.templErr
	}
	if m.template == nil {
		return nil, ErrNoTemplate
	}
	return m.template, nil
}

// Format returns the form in which the model writes reasoning and tool calls; see
// output.Formats. Empty: plain text.
func (m *Model) Format() string { return m.format }

// Sampling returns the settings that the model's publisher suggests, and whether
// there are any; else temperature 0.8, top-p 0.95, top-k 40.
func (m *Model) Sampling() (s Sampling, suggested bool) { return m.sampling, m.suggested }

// StopTokens returns the tokens that end an answer.
func (m *Model) StopTokens() []int32 { return slices.Clone(m.stops) }

// Assumed says what the model's files do not tell and was taken for granted, and
// what of them was passed over, a sentence each; older files leave things out.
func (m *Model) Assumed() []string {
	assumed := slices.Clone(m.net.Config.Assumed)
	if m.tokens != nil {
		assumed = append(assumed, m.tokens.Notes()...)
	}
	return assumed
}

// MaxContext returns the positions that the model was made for.
func (m *Model) MaxContext() int { return m.net.Config.MaxPositionEmbeddings }

// CheckTokens returns an error that names the first id that is no token; it wraps
// ErrTokens.
func (m *Model) CheckTokens(ids []int32) error { return m.net.CheckTokens(ids) }

// VocabSize returns the number of token ids.
func (m *Model) VocabSize() int { return m.net.Config.VocabSize }

// form returns the form of latent attention, "none" of a model that has another.
func (m *Model) form() string {
	if m.net.Config.KVLoraRank == 0 {
		return "none"
	}
	return m.latent.String()
}

// root returns the digest that names the model, "" where it was not made.
func (m *Model) root() string { return "" }

// metadata gives a tokenizer what it reads of a GGUF file.
type metadata struct{ *gguf.File }

// Bytes returns an array of bytes.
func (m metadata) Bytes(key string) ([]byte, bool) {
	v, ok := m.Value(key)
	if !ok {
		return nil, false
	}
	s, ok := v.Bytes()
	return []byte(s), ok
}

// OpenTokenizer opens the tokenizer of a model: of a GGUF file, with or without
// tensors and of whatever architecture, of a folder, or a tokenizer's own file. The
// error wraps tokenizer.ErrNoTokenizer where there is none.
func OpenTokenizer(path string) (*tokenizer.Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		t, err := tokenizer.Open(path)
		if err != nil {
			if found := oneGGUF(path); found != "" && errors.Is(err, tokenizer.ErrNoTokenizer) {
				return OpenTokenizer(found)
			}
		}
		return t, err
	}
	switch base := filepath.Base(path); {
	case strings.HasSuffix(base, ".json") && strings.HasPrefix(base, "tokenizer"), strings.HasSuffix(base, ".model"):
		return tokenizer.Open(path)
	case strings.HasSuffix(base, ".safetensors"), strings.HasSuffix(base, ".json"):
		return tokenizer.Open(filepath.Dir(path))
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := tokenizer.FromGGUF(metadata{f})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return t, nil
}

// oneGGUF returns the only GGUF file of a folder, or "".
func oneGGUF(folder string) string {
	found, err := filepath.Glob(filepath.Join(folder, "*.gguf"))
	if err != nil || len(found) != 1 {
		return ""
	}
	return found[0]
}

// findStops collects the tokens that end an answer: those of the configuration, of
// the vocabulary, and what the template puts behind the model's own turn.
func (m *Model) findStops() {
	add := func(id int32) {
		if id >= 0 && int(id) < m.VocabSize() && !slices.Contains(m.stops, id) {
			m.stops = append(m.stops, id)
		}
	}
	for _, id := range m.net.Config.EOSTokenIDs {
		add(id)
	}
	for _, id := range []int32{m.tokens.EOS(), m.tokens.EOT(), m.tokens.EOM()} {
		add(id)
	}
	if m.template == nil {
		return
	}
	behind := m.template.TurnEnd(context.Background(), m.variables())
	ids, err := m.tokens.Encode(behind, 0)
	if err != nil {
		return
	}
	for _, id := range ids {
		if m.tokens.IsControl(id) {
			add(id)
			return
		}
		if piece, err := m.tokens.Decode([]int32{id}); err != nil || strings.TrimSpace(piece) != "" {
			return
		}
	}
}

// variables returns what every template gets to know.
func (m *Model) variables() *jinja.Dict { return TemplateVariables(m.tokens) }

// TemplateVariables returns what every chat template gets to know of a tokenizer:
// bos_token, eos_token, unk_token and pad_token, where there are such.
func TemplateVariables(t *tokenizer.Tokenizer) *jinja.Dict {
	d := &jinja.Dict{}
	for _, v := range []struct {
		name string
		id   int32
	}{{"bos_token", t.BOS()}, {"eos_token", t.EOS()}, {"unk_token", t.Unknown()}, {"pad_token", t.Pad()}} {
		if piece, ok := t.Token(v.id); ok && v.id >= 0 {
			d.Set(v.name, jinja.String(piece))
		}
	}
	return d
}

// exists says whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
