package tokenizer

import (
	"fmt"
	"slices"
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
	default:
		return nil, fmt.Errorf("tokenizer.ggml.model %.40q: %w", model, ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	g.addSpecial(t)
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
	for _, role := range []string{"bos", "eos", "eot", "eom", "unknown", "padding"} {
		_, ok := g.meta.Uint(ggml + role + "_token_id")
		if err := g.wrongType(role+"_token_id", ok, "token id"); err != nil {
			return err
		}
	}
	for _, key := range []string{
		"add_bos_token", "add_eos_token", "add_space_prefix", "escape_whitespaces", "remove_extra_whitespaces", "treat_whitespace_as_suffix",
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

// loadBPE builds a BPE with a list of merges: byte-level, but for Gemma 4.
func (g *ggufTokens) loadBPE(t *Tokenizer, model string) error {
	pre, _ := g.meta.String(ggml + "pre")
	switch {
	case model == "gemma4":
		pre = model
	case pre == "":
		pre = "default"
		t.notes.add("the file does not say how the model splits text (tokenizer.ggml.pre): taken as %s, which may not be how it was trained", pre)
	}
	f, err := familyOf(pre)
	if err != nil {
		return err
	}
	if t.stages, err = f.stages(); err != nil {
		return err
	}
	t.raw = !f.blanks
	g.addBOS = f.addBOS
	t.vocab = newVocab(len(g.texts))
	t.vocab.grow(len(g.texts))
	for i, text := range g.texts {
		if k := g.kinds[i]; k == kindNormal || k == kindByte {
			if err := t.addPiece([]byte(text), int32(i)); err != nil {
				return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
			}
		}
	}
	merges, ok := g.meta.Strings(ggml + "merges")
	if err := g.wrongType("merges", ok, "array of strings"); err != nil {
		return err
	}
	if !ok && pre == "kimi-k2" {
		return g.loadTiktoken(t)
	}
	if !ok {
		return fmt.Errorf("%w: tokenizer.ggml.merges is missing", ErrDamaged)
	}
	b := &bpe{vocab: t.vocab, byteLevel: t.raw, unknown: -1, keepGaps: true, whole: f.whole}
	if err := g.readMerges(t, b, merges); err != nil {
		return fmt.Errorf("tokenizer.ggml.merges: %w", err)
	}
	b.findStarts(f.blanks)
	t.model = b
	if err := g.enterAdded(t); err != nil {
		return err
	}
	t.decoder = rawDecoder{}
	if f.blanks {
		t.normalizer = blankNormalizer()
		t.addCut(b)
		t.decoder = blankDecoder{}
	}
	return nil
}

// readMerges fills the table of merges. Pieces that the vocabulary has only as
// added tokens, or not at all, still take part.
func (g *ggufTokens) readMerges(t *Tokenizer, b *bpe, merges []string) error {
	b.merges = newMergeTable(len(merges))
	var left, right []byte
	rules := func(yield func(mergeRule) bool) {
		for _, line := range merges {
			k := strings.IndexByte(line[min(1, len(line)):], ' ') + 1
			if k == 0 {
				continue // no merge
			}
			left, right = append(left[:0], line[:k]...), append(right[:0], line[k+1:]...)
			if t.raw {
				var ok, ok2 bool
				left, ok = unspell(left)
				right, ok2 = unspell(right)
				if !ok || !ok2 {
					continue // no text leads there
				}
			}
			if !yield(mergeRule{left, right}) {
				return
			}
		}
	}
	user := map[string]int32{}
	for i, k := range g.kinds {
		if k == kindUser {
			user[g.texts[i]] = int32(i)
		}
	}
	return b.merges.addRules(t.vocab, rules, false, func(piece []byte) int32 {
		if t.raw {
			piece = appendSpelled(nil, piece)
		}
		if id, ok := user[string(piece)]; ok {
			return id
		}
		return -1
	})
}

// loadTiktoken builds a Kimi tokenizer whose file has no merges: its ids are
// the ranks.
func (g *ggufTokens) loadTiktoken(t *Tokenizer) error {
	r := &ranked{vocab: t.vocab, byteLevel: true, unknown: -1}
	for _, id := range t.vocab.ids {
		r.order, r.unused = append(r.order, uint32(id)), append(r.unused, false)
	}
	r.findBytes()
	t.model, t.decoder = r, rawDecoder{}
	return g.enterAdded(t)
}

// loadRanked builds a SentencePiece BPE.
func (g *ggufTokens) loadRanked(t *Tokenizer) error {
	if g.scores == nil {
		return fmt.Errorf("%w: tokenizer.ggml.scores is missing", ErrDamaged)
	}
	g.addBOS, g.spacePrefix = true, true
	if on, ok := g.meta.Bool(ggml + "add_space_prefix"); ok {
		g.spacePrefix = on
	}
	t.roles.bos, t.roles.eos, t.roles.unknown = 1, 2, 0
	t.vocab = newVocab(len(g.texts))
	t.vocab.grow(len(g.texts))
	r := newRanked(t.vocab, false)
	for i, text := range g.texts {
		if k := g.kinds[i]; k == kindNormal || k == kindByte || k == kindUnused {
			if _, err := t.vocab.add([]byte(text), int32(i), text != ""); err != nil {
				return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
			}
			r.addScore(k, float32(g.scores[i]))
		}
	}
	r.findBytes()
	if err := g.enterAdded(t); err != nil {
		return err
	}
	if at := slices.Index(g.kinds, kindUnknown); at >= 0 {
		r.unknown = int32(at)
	}
	t.model = r
	n := spmNormalizer{dummyPrefix: g.spacePrefix, escape: true}
	t.normalizer = n.normalizer()
	t.stages = r.cut()
	t.decoder = blankDecoder{prefixed: g.spacePrefix}
	return nil
}

// loadUnigram builds a SentencePiece Unigram.
func (g *ggufTokens) loadUnigram(t *Tokenizer) error {
	if g.scores == nil {
		return fmt.Errorf("%w: tokenizer.ggml.scores is missing", ErrDamaged)
	}
	g.addEOS = true
	t.roles.eos, t.roles.unknown, t.roles.pad = 1, 2, 0
	t.vocab = newVocab(len(g.texts))
	t.vocab.grow(len(g.texts))
	var keys, userKeys []trieKey
	var normal []float64
	user := make([]bool, len(g.texts))
	for i, text := range g.texts {
		k := g.kinds[i]
		if k == kindNormal || k == kindByte {
			if _, err := t.vocab.add([]byte(text), int32(i), true); err != nil {
				return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
			}
		}
		switch k {
		case kindNormal:
			normal = append(normal, g.scores[i])
			keys = append(keys, trieKey{text, int32(i)})
		case kindUser:
			user[i] = true
			keys = append(keys, trieKey{text, int32(i)})
			userKeys = append(userKeys, trieKey{text, int32(i)})
		}
	}
	u, err := newUnigram(keys, g.scores, lowest(normal))
	if err != nil {
		return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	u.user = user
	u.unknown = 2
	if id, ok := g.meta.Uint(ggml + "unknown_token_id"); ok {
		u.unknown = int32(min(id, maxVocab))
	}
	if int(u.unknown) >= len(g.texts) {
		return fmt.Errorf("%w: tokenizer.ggml.unknown_token_id: got %d, want 0 to %d", ErrDamaged, u.unknown, len(g.texts)-1)
	}
	t.model = u
	if err := g.enterAdded(t); err != nil {
		return err
	}
	return g.setUnigramText(t, userKeys)
}

// setUnigramText sets the normalizer and the decoder of a Unigram.
func (g *ggufTokens) setUnigramText(t *Tokenizer, user []trieKey) error {
	flag := func(key string, otherwise bool) bool {
		if on, ok := g.meta.Bool(ggml + key); ok {
			return on
		}
		return otherwise
	}
	table, ok := g.meta.Ints(ggml + "precompiled_charsmap")
	if err := g.wrongType("precompiled_charsmap", ok, "array of bytes"); err != nil {
		return err
	}
	data := make([]byte, len(table))
	for i, b := range table {
		data[i] = byte(b) // the list may be of signed bytes
	}
	chars, err := newCharsMap(data)
	if err != nil {
		return fmt.Errorf("tokenizer.ggml.precompiled_charsmap: %w", err)
	}
	n := &spmNormalizer{
		chars: chars, escape: flag("escape_whitespaces", true), removeExtra: flag("remove_extra_whitespaces", true),
		dummyPrefix: flag("add_space_prefix", true), suffix: flag("treat_whitespace_as_suffix", false),
	}
	if len(user) > 0 {
		if n.user, err = newTrie(user); err != nil {
			return fmt.Errorf("tokenizer.ggml.tokens: %w", err)
		}
	}
	t.normalizer = n.normalizer()
	t.decoder = blankDecoder{prefixed: n.dummyPrefix}
	return nil
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
