package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

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
	t.charsmap = data
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
