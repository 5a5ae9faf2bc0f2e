package tokenizer

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// GGUFKey is a pair of a GGUF file's metadata. Value is a string, a bool, a uint32, or
// a list of string, int32, float32 or uint8.
type GGUFKey struct {
	Name  string
	Value any
}

// GGUFKeys are the metadata that describe a tokenizer: what FromGGUF reads.
type GGUFKeys []GGUFKey

// GGUFOptions say how a tokenizer is spelled.
type GGUFOptions struct {
	// Size is the number of tokens: ids that no token has are filled up, and tokens
	// behind it are left out. 0: as many as there are.
	Size int
	// Prefer are names of tokenizer.ggml.pre that are tried first. All that split text
	// alike mean the same.
	Prefer []string
}

// GGUF returns the keys of a GGUF file that describe the tokenizer. What such a file has
// no place for is left out: normalization, and what of an added token's surroundings it
// takes. The error is ErrUnsupported where text is split as no name of
// tokenizer.ggml.pre stands for, or a WordPiece is prepared otherwise than BERT's.
func (t *Tokenizer) GGUF(o GGUFOptions) (GGUFKeys, error) {
	w := &ggufWriter{t: t, size: cmp.Or(o.Size, t.VocabSize()), unknown: t.roles.unknown}
	var err error
	switch m := t.model.(type) {
	case *bpe:
		err = w.bpe(m, o.Prefer)
	case *ranked:
		err = w.ranked(m, o.Prefer)
	case *wordPiece:
		err = w.wordPiece(m)
	case *unigram:
		err = w.unigram(m)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	w.special()
	return w.keys, nil
}

// ggufWriter collects the keys.
type ggufWriter struct {
	t    *Tokenizer
	size int
	keys GGUFKeys
	// spell returns a piece of the model as files spell it; nil: as it is.
	spell func(piece string) string

	unknown int32 // -1: none
}

func (w *ggufWriter) put(key string, v any) {
	w.keys = append(w.keys, GGUFKey{ggml + key, v})
}

// bpe writes a model with a list of merges. One of characters becomes SentencePiece's
// BPE, whose scores say what the order of the merges says.
func (w *ggufWriter) bpe(m *bpe, prefer []string) error {
	if m.wordEnd != "" {
		return fmt.Errorf("%w: pieces with an end of word %.20q cannot be written", ErrUnsupported, m.wordEnd)
	}
	rules := m.merges.inOrder()
	if !w.t.raw {
		return w.scored(rankScores(w.t.vocab, rules), m.complete())
	}
	pre, err := w.t.splitsAs(m.whole, prefer)
	if err != nil {
		return err
	}
	merges := make([]string, len(rules))
	for i, r := range rules {
		merges[i] = string(appendSpelled(nil, w.t.vocab.piece(int32(r.pair>>32)))) + " " + string(appendSpelled(nil, w.t.vocab.piece(int32(uint32(r.pair)))))
	}
	w.byteLevel(pre, merges)
	return nil
}

// ranked writes a model without a list of merges: SentencePiece's own with its scores,
// tiktoken's with the merges that its ranks stand for.
func (w *ggufWriter) ranked(m *ranked, prefer []string) error {
	if !w.t.raw {
		scores := make([]float32, w.size)
		for e, rank := range m.order {
			if id := w.t.vocab.ids[e]; id >= 0 && int(id) < w.size {
				scores[id] = rankScore(rank)
			}
		}
		return w.scored(scores, m.hasBytes)
	}
	pre, err := w.t.splitsAs(wholeNever, prefer)
	if err != nil {
		return err
	}
	w.byteLevel(pre, m.merges())
	return nil
}

// byteLevel writes a byte-level BPE.
func (w *ggufWriter) byteLevel(pre string, merges []string) {
	w.put("model", "gpt2")
	w.put("pre", pre)
	w.tokens()
	w.put("merges", merges)
}

// scored writes a BPE of characters.
//
//	scores [size]
func (w *ggufWriter) scored(scores []float32, bytes bool) error {
	if !bytes {
		return fmt.Errorf("%w: a BPE of characters without tokens for bytes cannot be written", ErrUnsupported)
	}
	for len(scores) < w.size {
		scores = append(scores, 0)
	}
	w.put("model", "llama")
	w.put("pre", "default")
	w.tokens()
	w.put("scores", scores[:w.size])
	w.put("add_space_prefix", w.t.startsWithBlank())
	return nil
}

// tokens writes the texts of all ids, and what they are.
func (w *ggufWriter) tokens() {
	texts, types := make([]string, w.size), make([]int32, w.size)
	for i := range texts {
		id := int32(i)
		text, ok := w.t.Token(id)
		if !ok || text == "" {
			texts[i], types[i] = fmt.Sprintf("[PAD%d]", i), int32(kindUnused)
			continue
		}
		k := w.t.kinds[id]
		if _, isByte := byteToken(text); isByte && !w.t.raw && w.t.added[id] == nil {
			k = kindByte
		}
		switch {
		case id == w.unknown && !w.t.raw:
			k = kindUnknown
		case k == kindNormal && w.spell != nil:
			text = w.spell(text)
		case k == kindUser && !w.t.raw:
			text = strings.ReplaceAll(text, blank, " ") // it is found in text as it is
		}
		texts[i], types[i] = text, int32(k)
	}
	w.put("tokens", texts)
	w.put("token_type", types)
}

// special writes the ids with a role, what is put around a text, and the chat templates.
func (w *ggufWriter) special() {
	t := w.t
	bos, eos, eot, addBOS, addEOS := t.roles.bos, t.roles.eos, t.roles.eot, t.AddsBOS(), t.AddsEOS()
	if len(t.prefix) == 1 && !addBOS { // by another name: files have no other place for it
		bos, addBOS = t.prefix[0], true
	}
	if len(t.suffix) == 1 && !addEOS {
		if eot < 0 {
			eot = eos
		}
		eos, addEOS = t.suffix[0], true
	}
	if _, words := t.model.(*wordPiece); words {
		w.put("seperator_token_id", uint32(eos)) // misspelled as files have it
	}
	for _, r := range []struct {
		name string
		id   int32
	}{
		{"bos", bos}, {"eos", eos}, {"eot", eot}, {"eom", t.roles.eom}, {"unknown", w.unknown}, {"padding", t.roles.pad},
	} {
		if r.id >= 0 && int(r.id) < w.size {
			w.put(r.name+"_token_id", uint32(r.id))
		}
	}
	w.put("add_bos_token", addBOS && int(bos) < w.size)
	w.put("add_eos_token", addEOS && int(eos) < w.size)
	const key = "tokenizer.chat_template"
	if s := t.templates[""]; s != "" {
		w.keys = append(w.keys, GGUFKey{key, s})
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(t.templates)), func(name string) bool { return name == "" })
	for _, name := range names {
		w.keys = append(w.keys, GGUFKey{key + "." + name, t.templates[name]})
	}
	if len(names) > 0 {
		w.keys = append(w.keys, GGUFKey{key + "s", names})
	}
}

// startsWithBlank reports whether a text gets a blank in front.
func (t *Tokenizer) startsWithBlank() bool {
	pieces, err := t.splitText("x")
	return err == nil && len(pieces) > 0 && strings.HasPrefix(pieces[0], blank)
}

// splitText returns the pieces of a text: what the model encodes one by one.
func (t *Tokenizer) splitText(text string) ([]string, error) {
	b := newBounds(len(text))
	text, _, err := t.normalizer.apply(text, &b)
	if err != nil {
		return nil, err
	}
	return splitBy(t.stages, text)
}

// splitBy applies stages to a text that is not empty.
func splitBy(stages []stage, text string) ([]string, error) {
	e := &encoder{bounds: newBounds(len(text))}
	e.pieces = pieces{text, []span{{0, int32(len(text))}}, true}
	for _, s := range stages {
		if _, only := s.(*pieceCut); only {
			continue // cuts what no merge reaches across: the tokens are the same
		}
		if err := s.apply(e); err != nil {
			return nil, err
		}
	}
	var list []string
	for _, s := range e.pieces.spans {
		list = append(list, s.of(e.pieces.text))
	}
	return list, nil
}

// splitsAs returns the name of tokenizer.ggml.pre that splits text as the tokenizer
// does: the first, of those that also take whole pieces so where there are such.
func (t *Tokenizer) splitsAs(whole wholeRule, prefer []string) (string, error) {
	text := splitProbe()
	want, err := splitBy(t.stages, text)
	if err != nil {
		return "", err
	}
	found := ""
	for _, name := range append(slices.Clone(prefer), familyNames...) {
		f, known := families[name]
		if !known || f.blanks || found != "" && f.whole != whole {
			continue
		}
		stages, err := f.stages()
		if err != nil {
			return "", err
		}
		if got, err := splitBy(stages, text); err != nil || !slices.Equal(got, want) {
			continue
		}
		if f.whole == whole {
			return name, nil
		}
		found = name
	}
	if found == "" {
		return "", fmt.Errorf("%w: text is split as none of the pre-tokenizers does that GGUF files name (tokenizer.ggml.pre)", ErrUnsupported)
	}
	return found, nil
}

// splitParts are what the patterns of pre-tokenizers tell apart.
var splitParts = strings.Split("a|b|Z|it|THE|ß|é|e\u0301|Ǆ|ǅ|ª|ʰ|ö|д|Ж|ا|ब|ि|ก|ำ|中|文|日|か|カ|ｶ|한|ㄱ|ㄅ|𠀀|ⅷ|1|2|345|6789|٣|½|²|'|'s|'S|'ll|'Re|'d|’s|.|,|!|?|(|)|[|]|{|}|-|_|/|\\|\"|#|$|%|&|*|+|:|;|<|=|>|@|^|`|~|…|。|、|！|「|€|™|∑|😀|👩🏽| |  |   |\t|\n|\r|\r\n|\n\n|\u00a0|\u3000|\u200b|\u200d|\u00ad|\u2028|\x00|\ue000", "|")

// splitProbe returns a text that the patterns of two pre-tokenizers split in two ways,
// unless they are the same: the parts above in a long random order.
func splitProbe() string {
	var b strings.Builder
	state := uint32(1)
	for range 4000 {
		state = state*1664525 + 1013904223 // Numerical Recipes' generator
		b.WriteString(splitParts[int(state>>16)%len(splitParts)])
	}
	return b.String()
}

// inOrder returns the merges by their ranks.
func (t *mergeTable) inOrder() []merge {
	list := make([]merge, 0, t.n)
	for _, s := range t.slots {
		if s.pair != noPair {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b merge) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.pair, b.pair)) })
	return list
}

// rankScores returns scores, by id, that merge in the order of the list: the earlier a
// piece is made, the better.
func rankScores(v *vocab, list []merge) []float32 {
	scores := make([]float32, v.size())
	made := make([]bool, v.entries())
	next := float32(0)
	for _, m := range list {
		if made[m.merged] {
			continue
		}
		made[m.merged] = true
		next--
		if id := v.ids[m.merged]; id >= 0 {
			scores[id] = next
		}
	}
	for e, id := range v.ids { // what no merge makes
		if id >= 0 && !made[e] && scores[id] == 0 {
			scores[id] = next - 1
		}
	}
	return scores
}

// rankScore is the reverse of scoreRank; 0 for what is not made by merging.
func rankScore(rank uint32) float32 {
	switch {
	case rank >= noRank-1: // the latter: no number
		return 0
	case rank>>31 != 0:
		return math.Float32frombits(rank)
	}
	return math.Float32frombits(rank ^ (1<<31 - 1))
}

// merges returns the merges that ranks stand for: of each piece the two that it is made
// of when only better pieces are there. A piece that is not made of two has none.
func (m *ranked) merges() []string {
	entries := make([]int32, 0, len(m.order))
	for e, rank := range m.order {
		if rank != noRank && m.vocab.ids[e] >= 0 && len(m.vocab.piece(int32(e))) > 1 {
			entries = append(entries, int32(e))
		}
	}
	slices.SortStableFunc(entries, func(a, b int32) int { return cmp.Compare(m.order[a], m.order[b]) })
	list := make([]string, 0, len(entries))
	for _, e := range entries {
		piece := m.vocab.piece(e)
		if k := m.lastCut(piece, m.order[e]); k > 0 {
			list = append(list, string(appendSpelled(nil, piece[:k]))+" "+string(appendSpelled(nil, piece[k:])))
		}
	}
	return list
}

// lastCut merges the bytes of a piece by ranks below limit and returns where its two last
// parts meet; 0 where more than two are left.
func (m *ranked) lastCut(piece []byte, limit uint32) int {
	cuts := make([]int, len(piece)+1)
	for i := range cuts {
		cuts[i] = i
	}
	for len(cuts) > 3 {
		best, at := uint32(math.MaxUint32), 0
		for i := 1; i+1 < len(cuts); i++ {
			if e := m.vocab.findBytes(piece[cuts[i-1]:cuts[i+1]]); e >= 0 && m.order[e] < min(best, limit) {
				best, at = m.order[e], i
			}
		}
		if at == 0 {
			return 0
		}
		cuts = slices.Delete(cuts, at, at+1)
	}
	return cuts[1]
}

// Has reports whether a key is there: GGUFKeys are Metadata of FromGGUF.
func (k GGUFKeys) Has(key string) bool { return k.value(key) != nil }

func (k GGUFKeys) value(key string) any {
	for _, x := range k {
		if x.Name == key {
			return x.Value
		}
	}
	return nil
}

// String returns a text.
func (k GGUFKeys) String(key string) (string, bool) { v, ok := k.value(key).(string); return v, ok }

// Bool returns a truth.
func (k GGUFKeys) Bool(key string) (value, ok bool) {
	value, ok = k.value(key).(bool)
	return value, ok
}

// Uint returns a number.
func (k GGUFKeys) Uint(key string) (uint64, bool) {
	v, ok := k.value(key).(uint32)
	return uint64(v), ok
}

// Strings returns a list of texts.
func (k GGUFKeys) Strings(key string) ([]string, bool) {
	v, ok := k.value(key).([]string)
	return v, ok
}

// Ints returns a list of integers.
func (k GGUFKeys) Ints(key string) ([]int64, bool) {
	var list []int64
	switch v := k.value(key).(type) {
	case []int32:
		for _, x := range v {
			list = append(list, int64(x))
		}
	case []uint8:
		for _, x := range v {
			list = append(list, int64(x))
		}
	default:
		return nil, false
	}
	return list, true
}

// Floats returns a list of numbers.
func (k GGUFKeys) Floats(key string) ([]float64, bool) {
	v, ok := k.value(key).([]float32)
	list := make([]float64, len(v))
	for i, x := range v {
		list[i] = float64(x)
	}
	return list, ok
}
