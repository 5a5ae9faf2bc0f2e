package tokenizer

import (
	"fmt"
	"strings"
)

// Metadata is what FromGGUF reads of a GGUF file: a value by its key, and
// whether it is there with that type. Integers of any size count as such. The
// file may be closed afterwards.
type Metadata interface {
	Has(key string) bool // whether the key is there, of whatever type
	String(key string) (string, bool)
	Bool(key string) (bool, bool)
	Uint(key string) (uint64, bool)
	Strings(key string) ([]string, bool)
	Ints(key string) ([]int64, bool)
	Floats(key string) ([]float64, bool)
}

// FromGGUF builds the tokenizer that the metadata of a GGUF file describe. The
// errors are ErrNoTokenizer where there is none, ErrUnsupported with the name
// of a model or pre-tokenizer that is not built, and ErrDamaged.
func FromGGUF(m Metadata) (*Tokenizer, error) {
	t, err := fromGGUF(m)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: gguf: %w", err)
	}
	return t, nil
}

const ggml = "tokenizer.ggml."

func fromGGUF(m Metadata) (*Tokenizer, error) {
	model, ok := m.String(ggml + "model")
	g := &ggufTokens{meta: m}
	if err := g.wrongType("model", ok, "string"); err != nil {
		return nil, err
	}
	if !ok || model == "no_vocab" || model == "none" {
		return nil, fmt.Errorf("%w: tokenizer.ggml.model: got %q", ErrNoTokenizer, model)
	}
	if err := g.checkTypes(); err != nil {
		return nil, err
	}
	if err := g.read(); err != nil {
		return nil, err
	}
	t := newTokenizer()
	var err error
	switch model {
	case "gpt2", "gemma4":
		err = g.loadBPE(t, model)
	case "llama":
		err = g.loadRanked(t)
	case "t5":
		err = g.loadUnigram(t)
	case "bert":
		err = g.loadWordPiece(t)
	default:
		return nil, fmt.Errorf("tokenizer.ggml.model %.40q: %w", model, ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	g.addSpecial(t)
	if model == "bert" {
		if err := g.surroundWords(t); err != nil {
			return nil, err
		}
	}
	t.templates = g.templates()
	return t, t.finish()
}

// ggufTokens are the lists that every kind of tokenizer has, and its defaults.
type ggufTokens struct {
	meta           Metadata
	texts          []string
	kinds          []kind
	scores         []float64 // nil: none
	addBOS, addEOS bool
	spacePrefix    bool
}

// wrongType returns the error for a key that is there, but not with the type that
// it is read as: without it the key would count as missing, and something else be
// assumed.
func (g *ggufTokens) wrongType(key string, ok bool, want string) error {
	if ok || !g.meta.Has(ggml+key) {
		return nil
	}
	return fmt.Errorf("%w: %s%s: is no %s", ErrDamaged, ggml, key, want)
}

// checkTypes looks for keys of a wrong type among those that hold one value.
func (g *ggufTokens) checkTypes() error {
	_, ok := g.meta.String(ggml + "pre")
	if err := g.wrongType("pre", ok, "string"); err != nil {
		return err
	}
	for _, role := range []string{
		"bos", "eos", "eot", "eom", "unknown", "padding", "prefix", "suffix", "middle", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep",
		"cls", "seperator", "separator",
	} {
		_, ok := g.meta.Uint(ggml + role + "_token_id")
		if err := g.wrongType(role+"_token_id", ok, "token id"); err != nil {
			return err
		}
	}
	for _, key := range []string{
		"add_bos_token", "add_eos_token", "add_space_prefix", "escape_whitespaces", "remove_extra_whitespaces", "treat_whitespace_as_suffix",
		"normalizer.lowercase", "normalizer.strip_accents",
	} {
		_, ok := g.meta.Bool(ggml + key)
		if err := g.wrongType(key, ok, "bool"); err != nil {
			return err
		}
	}
	return nil
}

// read reads the lists and checks their lengths.
func (g *ggufTokens) read() error {
	var ok bool
	g.texts, ok = g.meta.Strings(ggml + "tokens")
	if err := g.wrongType("tokens", ok, "array of strings"); err != nil {
		return err
	}
	if !ok || len(g.texts) == 0 {
		return fmt.Errorf("%w: tokenizer.ggml.tokens is missing", ErrNoTokenizer)
	}
	n := len(g.texts)
	if n > maxVocab {
		return fmt.Errorf("tokenizer.ggml.tokens: %w: %d tokens, want at most %d", ErrUnsupported, n, maxVocab)
	}
	g.kinds = make([]kind, n)
	types, ok := g.meta.Ints(ggml + "token_type")
	if err := g.wrongType("token_type", ok, "array of integers"); err != nil {
		return err
	}
	if ok && len(types) < n {
		return fmt.Errorf("%w: tokenizer.ggml.token_type: got %d entries, want %d", ErrDamaged, len(types), n)
	}
	for i := range g.kinds {
		g.kinds[i] = kindNormal
		if ok && types[i] > 0 && types[i] <= int64(kindByte) {
			g.kinds[i] = kind(types[i])
		}
		if g.texts[i] == "" {
			g.kinds[i] = kindUnused
		}
		if k := g.kinds[i]; k != kindNormal && k != kindByte && k != kindUnused && len(g.texts[i]) > maxTokenBytes {
			return fmt.Errorf("tokenizer.ggml.tokens: token %d: %w: %d bytes, want at most %d", i, ErrUnsupported, len(g.texts[i]), maxTokenBytes)
		}
	}
	g.scores, ok = g.meta.Floats(ggml + "scores")
	if err := g.wrongType("scores", ok, "array of numbers"); err != nil {
		return err
	}
	if ok && len(g.scores) < n {
		return fmt.Errorf("%w: tokenizer.ggml.scores: got %d entries, want %d", ErrDamaged, len(g.scores), n)
	}
	return nil
}

// enterAdded makes known every token that is no piece of the model: control,
// user-defined, unknown and unused ones. All but the unused are found in text.
func (g *ggufTokens) enterAdded(t *Tokenizer) error {
	t.kinds = g.kinds
	stripping := g.stripsBlanks()
	var list tokenList
	for i, k := range g.kinds {
		if k == kindNormal || k == kindByte {
			continue
		}
		text := strings.Clone(g.texts[i])
		a := &addedToken{id: int32(i), content: text, shown: text}
		if k == kindUnused {
			t.added[a.id] = a
			continue
		}
		a.control = k != kindUser || isControl(text, false)
		a.rstrip = stripping && text != "<unk>" && text != "<s>" && text != "<|endoftext|>"
		t.enter(a)
		list.add(a, text)
	}
	var err error
	if t.find, t.findPlain, err = list.matchers(); err != nil {
		return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	return nil
}

// stripsBlanks reports whether the added tokens take the blanks behind them.
// Those of Phi-3 do, which a GGUF file has no place to say.
func (g *ggufTokens) stripsBlanks() bool {
	name, _ := g.meta.String("general.name")
	name = strings.ToLower(name)
	return strings.Contains(name, "phi-3") || strings.Contains(name, "phi3")
}

// addSpecial reads the roles, and what is added around a text. A role whose id
// is outside of the vocabulary, which published files have for tokens they lack,
// is no role.
func (g *ggufTokens) addSpecial(t *Tokenizer) {
	for _, r := range []struct {
		key string
		id  *int32
	}{
		{"bos", &t.roles.bos},
		{"eos", &t.roles.eos},
		{"eot", &t.roles.eot},
		{"eom", &t.roles.eom},
		{"unknown", &t.roles.unknown},
		{"padding", &t.roles.pad},
		{"prefix", &t.infill.Prefix}, // as files had it until the autumn of 2024
		{"suffix", &t.infill.Suffix},
		{"middle", &t.infill.Middle},
		{"fim_pre", &t.infill.Prefix},
		{"fim_suf", &t.infill.Suffix},
		{"fim_mid", &t.infill.Middle},
		{"fim_pad", &t.infill.Pad},
		{"fim_rep", &t.infill.Repo},
		{"fim_sep", &t.infill.File},
	} {
		if id, ok := g.meta.Uint(ggml + r.key + "_token_id"); ok {
			*r.id = int32(min(id, maxVocab))
		}
		if int(*r.id) >= len(g.texts) {
			*r.id = -1
		}
	}
	if on, ok := g.meta.Bool(ggml + "add_bos_token"); ok {
		g.addBOS = on
	}
	if on, ok := g.meta.Bool(ggml + "add_eos_token"); ok {
		g.addEOS = on
	}
	if g.addBOS && t.roles.bos >= 0 {
		t.prefix = []int32{t.roles.bos}
	}
	if g.addEOS && t.roles.eos >= 0 {
		t.suffix = []int32{t.roles.eos}
	}
}

// templates returns the chat templates: the one without a name, and those that
// tokenizer.chat_templates lists.
func (g *ggufTokens) templates() map[string]string {
	const key = "tokenizer.chat_template"
	found := map[string]string{}
	if s, ok := g.meta.String(key); ok {
		found[""] = strings.Clone(s)
	}
	names, _ := g.meta.Strings(key + "s")
	for _, name := range names {
		if s, ok := g.meta.String(key + "." + name); ok {
			found[strings.Clone(name)] = strings.Clone(s)
		}
	}
	return found
}
