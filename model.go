package blitz

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Model is an open model: weights, tokenizer, chat template, and what its
// publisher suggests. It is read only and may be used by several engines.
type Model struct {
	files     *checkpoint.Checkpoint
	info      Info
	net       *model.Model // nil: its weights are in another process
	config    *model.Config
	latent    model.LatentForm
	rope      Rope
	lease     lease
	tokens    *tokenizer.Tokenizer // nil: none
	template  *chat.Template       // nil: none
	templErr  error                // why there is none
	format    string               // of output; see output.Formats
	sampling  Sampling
	suggested bool
	stops     []int32
	prompts   *checkpoint.Prompts
	promptErr error // why they cannot be used

	vocabulary vocabulary
	grammars   *grammar.Cache
}

// Options say how a model is opened.
type Options struct {
	// MemoryLimit is how many bytes the weights may take; 0: any.
	MemoryLimit int64
	// ExpertMemory is how many bytes the experts of a mixture of experts may take; 0: any.
	// Where that is not all of them, as many as have room are in memory, and the others are
	// read from Packed when they are needed: it changes no bit of any answer. Their packed
	// weights are written there first. Of a model without experts it says nothing.
	ExpertMemory int64
	// MLA is the form of multi-head latent attention, absorbed or expanded; "" is
	// absorbed. The two give different bits.
	MLA string
	// Rope is what is set of rotary embedding in place of what the files say. The error of
	// Open wraps ErrRope where it cannot be.
	Rope Rope
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
	// Drafts are the files of what MTP opens, where it stands in a GGUF file of its own (see
	// Files.HoldsDrafts); they may be closed when the model is open. nil: it is in the model's.
	Drafts *Files
	// NoWeights leaves the weights where they are: the model reads and writes text, and
	// engines of another process run it, see Attach.
	NoWeights bool
	// Packed is where packed weights are looked for, and where KeepPacked writes them. nil:
	// nowhere.
	Packed *Packed
	// Interrupted is asked again and again while weights are read, and its error ends
	// that: a context's Err. nil: nothing does.
	Interrupted func() error
	// Progress is told again and again, by several goroutines at once, how many bytes of
	// the weights are in place; all of them at the end. nil: nobody is.
	Progress func(done, total int64)
}

// Open opens the model at a path: a GGUF file (the first of a split), a Hugging Face
// folder, or a folder with a GGUF file. o may be nil. A model without a tokenizer opens;
// it takes and gives token ids only.
func Open(path string, o *Options) (*Model, error) {
	f, err := OpenFiles(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Open(o)
}

// Open reads the weights, and what belongs to them, into memory. o may be nil. The
// files may be closed afterwards.
func (f *Files) Open(o *Options) (*Model, error) {
	if o == nil {
		o = &Options{}
	}
	form, err := latentForm(o.MLA)
	if err != nil {
		return nil, err
	}
	m := &Model{files: f.c, latent: form, rope: o.Rope, sampling: defaultSampling, grammars: grammar.NewCache(maxGrammars)}
	if !o.TokensOnly {
		if err := m.openText(o.Text); err != nil { // first, since weights take longer
			return nil, err
		}
	}
	m.prompts, m.promptErr = f.c.Prompts()
	if err := m.openWeights(o); err != nil {
		return nil, err
	}
	if m.info, err = f.Info(); err != nil {
		m.free()
		return nil, err
	}
	if !o.TokensOnly {
		m.stops = f.c.EndTokens(m.VocabSize())
	}
	return m, nil
}

// openWeights reads the weights, or only what the files say of them.
func (m *Model) openWeights(o *Options) error {
	with := model.Options{MemoryLimit: o.MemoryLimit, ExpertMemory: o.ExpertMemory, Latent: m.latent, Rope: model.RopeSetting(m.rope), MTP: o.MTP, Interrupted: o.Interrupted, Progress: o.Progress}
	if o.Packed != nil {
		with.Images = &o.Packed.images
	}
	if o.Drafts != nil {
		with.Drafts = o.Drafts.c
	}
	if o.NoWeights {
		n, err := model.Survey(m.files, with)
		if err != nil {
			return err
		}
		m.config = &n.Config
		return nil
	}
	net, err := model.Open(m.files, with)
	if err != nil {
		return err
	}
	m.net, m.config = net, &net.Config
	return nil
}

// free gives the memory of the weights back.
func (m *Model) free() {
	if m.net != nil {
		m.net.Close()
	}
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

// openText takes what stands beside the weights: tokenizer, which has to be there
// where that is wanted, template, settings. A broken template matters only to those
// who chat.
func (m *Model) openText(wanted bool) error {
	t, err := m.files.Tokenizer()
	if err != nil && (wanted || !errors.Is(err, tokenizer.ErrNoTokenizer)) {
		return err
	}
	m.tokens = t
	if s := m.files.Suggestions(); s.Any() {
		m.sampling, m.suggested = suggested(s), true
	}
	if t != nil {
		m.template, m.templErr = m.files.Template()
		m.format = m.files.Format()
	}
	return nil
}

// Close gives the memory of the weights back: at once, or when the last engine of the
// model is closed.
func (m *Model) Close() { m.lease.close(m.free) }

// Tokenizer returns the tokenizer, nil where the model has none.
func (m *Model) Tokenizer() *tokenizer.Tokenizer { return m.tokens }

// Template returns the chat template: that of the model's files, else the built-in one
// of its release, whose name its Release gives. The error wraps ErrNoTemplate where
// there is none, ErrEncoder where the model writes nothing, or says why it cannot be used.
func (m *Model) Template() (*chat.Template, error) {
	if m.config.Encoder {
		return nil, fmt.Errorf("blitz: a %s model %w", m.config.ModelType, ErrEncoder)
	}
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
	assumed := slices.Concat(m.files.Notes(), m.config.Assumed)
	if m.tokens != nil {
		assumed = append(assumed, m.tokens.Notes()...)
	}
	return assumed
}

// Info returns what the files say of the model.
func (m *Model) Info() Info { return m.info }

// Root returns the digest that names the model; see Files.Root. It is made when first
// asked for, which may be in the background: it reads all files once more.
func (m *Model) Root(ctx context.Context, cache string) (string, error) {
	d, _, err := m.files.Root(ctx, cache)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// MaxContext returns the positions that the model was made for.
func (m *Model) MaxContext() int { return m.config.MaxPositionEmbeddings }

// CheckTokens returns an error that names the first id that is no token; it wraps
// ErrTokens.
func (m *Model) CheckTokens(ids []int32) error { return m.config.CheckTokens(ids) }

// VocabSize returns the number of token ids.
func (m *Model) VocabSize() int { return m.config.VocabSize }

// Form returns the form of latent attention, absorbed or expanded; none of a model that
// has another attention.
func (m *Model) Form() string {
	if m.config.KVLoraRank == 0 {
		return "none"
	}
	return m.latent.String()
}

// root returns the digest that names the model, "" where it was not made.
func (m *Model) root() string {
	if d, ok := m.files.Rooted(); ok {
		return d.String()
	}
	return ""
}

// variables returns what every template gets to know.
func (m *Model) variables() *jinja.Dict { return TemplateVariables(m.tokens) }

// TemplateVariables returns what every chat template gets to know of a tokenizer:
// bos_token, eos_token, unk_token and pad_token, where there are such.
func TemplateVariables(t *tokenizer.Tokenizer) *jinja.Dict { return checkpoint.TemplateVariables(t) }

// TokenizerDigest returns the digest that names the model's tokenizer, in 64 hexadecimal
// digits. Files are read for it, unless their digests are remembered in the folder cache;
// they may have been closed. The error wraps tokenizer.ErrNoTokenizer where there is none.
func (m *Model) TokenizerDigest(ctx context.Context, cache string) (string, error) {
	d, err := m.files.TokenizerDigest(ctx, cache)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}
