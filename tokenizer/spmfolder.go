package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// This file reads a tokenizer.model with a configuration beside it as
// transformers 5 does: it makes a BPE with a list of merges of it, or a Unigram,
// and finds control pieces in text, which SentencePiece itself does not.

// parseSPMFolder builds the tokenizer of such a folder.
func parseSPMFolder(data []byte, beside *folderConfig) (*Tokenizer, error) {
	f, err := readSPM(data)
	if err != nil {
		return nil, err
	}
	t := newTokenizer()
	class := beside.spmClass()
	if class == genericClass {
		f.rename(beside.added)
	}
	if err := f.loadPieces(t); err != nil {
		return nil, err
	}
	switch class {
	case llamaClass:
		err = f.loadLlama(t, beside)
	case gemmaClass:
		err = f.loadGemma(t, beside)
	default:
		err = f.loadGeneric(t, beside)
	}
	if err == nil {
		err = t.addTokens(f.addedTokens(beside, class))
	}
	if err != nil {
		return nil, err
	}
	for id, p := range f.pieces {
		if t.added[int32(id)] == nil {
			t.kinds[id] = p.kind
		}
	}
	t.roles.unknown = -1 // that of SentencePiece, unless the files name another
	beside.apply(t)
	return t, t.finish()
}

// An spmClass says which class of transformers reads a folder.
type spmClass uint8

const (
	genericClass spmClass = iota // as the model file itself has it
	llamaClass
	gemmaClass
)

// spmClass returns the class that the files name, and completes the names of the
// roles by what the class takes for granted.
func (c *folderConfig) spmClass() spmClass {
	class := genericClass
	switch {
	case genericTypes[c.modelType]: // whatever the class
	case c.class == "LlamaTokenizer":
		class = llamaClass
	case c.class == "GemmaTokenizer", c.class == "" && strings.HasPrefix(c.modelType, "gemma"):
		class = gemmaClass
	}
	names := [4]string{"<s>", "</s>", "<unk>", ""}
	if class == gemmaClass {
		names = [4]string{"<bos>", "<eos>", "<unk>", "<pad>"}
	}
	for i, role := range []*roleName{&c.names.bos, &c.names.eos, &c.names.unknown, &c.names.pad} {
		if !role.said && names[i] != "" {
			role.token = addedEntry{Content: names[i], known: true}
		}
	}
	return class
}

// genericTypes are the model types whose folders often name a wrong class.
var genericTypes = map[string]bool{
	"granite": true, "internlm2": true, "internlm3": true, "minicpm3": true, "ministral": true, "ministral3": true, "mistral": true, "mistral3": true,
	"mixtral": true, "nemotron": true, "phi3": true, "phimoe": true, "pixtral": true, "stablelm": true, "voxtral": true,
}

// rename gives pieces the names that added_tokens_decoder has for their ids:
// placeholders are renamed so. A name that is another piece's stays that one's.
func (f *spmFile) rename(added []addedEntry) {
	names := map[int32]string{}
	for _, a := range added {
		if a.ID != nil && int(*a.ID) < len(f.pieces) {
			names[*a.ID] = a.Content
		}
	}
	kept := map[string]bool{}
	for id, p := range f.pieces {
		if _, ok := names[int32(id)]; !ok {
			kept[p.text] = true
		}
	}
	for id, name := range names {
		if !kept[name] && f.pieces[id].kind != kindByte {
			kept[name] = true
			f.pieces[id].text = name
		}
	}
}

// addedTokens returns what is found in text: what the files beside the model
// name, and its own control and user-defined pieces. Of the generic class, the
// latter are found in normalized text instead.
func (f *spmFile) addedTokens(beside *folderConfig, class spmClass) []addedEntry {
	list := beside.moreTokens(nil)
	raw := false
	at := map[string]int{}
	for i := range list {
		a := &list[i]
		if !a.known || beside.says(a.Content) {
			a.known = false // it gets an id
		}
		if class == genericClass && f.dummyPrefix {
			a.Normalized = &raw // so that each text between two has its prefix
		}
		at[a.Content] = i
	}
	for _, p := range f.pieces {
		if p.kind != kindControl && (p.kind != kindUser || class == genericClass) {
			continue
		}
		if i, ok := at[p.text]; ok {
			list[i].Special = list[i].Special || p.kind == kindControl
			continue
		}
		list = append(list, addedEntry{Content: p.text, Special: p.kind == kindControl, Normalized: &raw})
	}
	return list
}

// says reports whether the files themselves name a token, not only the class.
func (c *folderConfig) says(content string) bool {
	for _, role := range []roleName{c.names.bos, c.names.eos, c.names.unknown, c.names.pad} {
		if role.token.Content == content && !role.said {
			return false
		}
	}
	return true
}

// loadLlama builds what LlamaTokenizer is: a BPE whose merges are in the order of
// the ids, without a normalizer.
func (f *spmFile) loadLlama(t *Tokenizer, beside *folderConfig) error {
	b, err := f.newBPE(t, f.byID(), true)
	if err != nil {
		return err
	}
	prefixed := or(beside.prefixSpace, true)
	scheme := prependFirst
	switch {
	case !prefixed:
		scheme = prependNever
	case or(beside.legacy, false):
		scheme = prependAlways
	}
	t.stages = metaspace(blank, scheme, false)
	t.addCut(b)
	return t.setDecoder(spmDecoder(true, prefixed))
}

// loadGemma builds what GemmaTokenizer is: the same without a prefix.
func (f *spmFile) loadGemma(t *Tokenizer, beside *folderConfig) error {
	b, err := f.newBPE(t, f.byID(), true)
	if err != nil {
		return err
	}
	b.unknown = t.vocab.find(beside.names.unknown.token.Content)
	t.normalizer = blankNormalizer()
	t.addCut(b)
	return t.setDecoder(spmDecoder(true, false))
}

// loadGeneric builds what the settings in the model file say.
func (f *spmFile) loadGeneric(t *Tokenizer, beside *folderConfig) error {
	legacy := or(beside.legacy, true)
	if err := f.setGenericText(t, legacy); err != nil {
		return err
	}
	user, err := f.userPieces()
	if err != nil {
		return err
	}
	if user != nil {
		t.stages = append(t.stages, &splitStage{finder: trieFinder{user}})
	}
	if f.bpe || f.other != 0 {
		b, err := f.newBPE(t, f.byScore(), f.byteFallback)
		if err != nil {
			return err
		}
		b.unknown = t.vocab.find(f.unknownPiece)
		if user != nil {
			b.whole = wholeAlways
		}
		t.addCut(b)
	} else if err := f.loadGenericUnigram(t); err != nil {
		return err
	}
	return t.setDecoder(spmDecoder(f.byteFallback, f.dummyPrefix))
}

// setGenericText sets the normalizer of the generic class, and the stage that
// puts a blank in front.
func (f *spmFile) setGenericText(t *Tokenizer, legacy bool) error {
	chars, err := newCharsMap(f.charsmap)
	if err != nil {
		return err
	}
	t.charsmap = f.charsmap
	if chars != nil {
		t.normalizer = append(t.normalizer, namedStep{"Precompiled", chars.step()})
	}
	if f.removeExtra {
		t.normalizer = append(t.normalizer, namedStep{"Replace", replaceStep(endSpaces{}, "")}, namedStep{"Replace", replaceStep(scanner(scanSpaces), " ")})
	}
	if f.escape {
		t.normalizer = append(t.normalizer, blankNormalizer()...)
	}
	if !f.dummyPrefix {
		return nil
	}
	scheme := prependFirst
	if legacy {
		scheme = prependAlways
		// A text that begins with a blank gets another.
		t.normalizer = append(t.normalizer, namedStep{"Replace", plainStep(func(text string) string {
			if strings.HasPrefix(text, blank) {
				return blank + text
			}
			return text
		})})
	}
	t.stages = metaspace(blank, scheme, false)
	return nil
}

// loadGenericUnigram builds a Unigram of all pieces.
func (f *spmFile) loadGenericUnigram(t *Tokenizer) error {
	var keys []trieKey
	scores := make([]float64, len(f.pieces))
	for id, p := range f.pieces {
		scores[id] = float64(p.score)
		keys = append(keys, trieKey{p.text, int32(id)})
	}
	u, err := newUnigram(keys, scores, lowest(scores))
	if err != nil {
		return err
	}
	u.unknown = f.unknownID
	if int(u.unknown) >= len(f.pieces) || u.unknown < 0 {
		return fmt.Errorf("%w: unk_id %d, want 0 to %d", ErrDamaged, u.unknown, len(f.pieces)-1)
	}
	if f.byteFallback {
		u.setBytes(t.idOfPiece)
	}
	t.model = u
	return nil
}

// spmDecoder is the decoder of a tokenizer.json that undoes what was done.
func spmDecoder(bytes, prefixed bool) *component {
	text := blank
	list := []component{{Type: "Replace", Pattern: &pattern{String: &text}, Content: " "}}
	if bytes {
		list = append(list, component{Type: "ByteFallback"})
	}
	if bytes || prefixed {
		list = append(list, component{Type: "Fuse"})
	}
	if prefixed {
		list = append(list, component{Type: "Strip", Content: " ", Start: 1})
	}
	return &component{Type: "Sequence", Decoders: list}
}

// newBPE builds a BPE whose merges make the given pieces, in that order. Of one
// piece, those with the shorter left part go first.
func (f *spmFile) newBPE(t *Tokenizer, order []int32, fallback bool) (*bpe, error) {
	b := &bpe{vocab: t.vocab, unknown: -1, fuse: true}
	in := make([]bool, len(f.pieces))
	work, count := 0, 0
	for _, id := range order {
		n := len(f.pieces[id].text)
		in[id] = true
		work += n * n
	}
	if work > maxMergeWork {
		return nil, fmt.Errorf("%w: pieces so long that their merges cannot be looked for", ErrUnsupported)
	}
	part := func(text string) []byte {
		if e := t.vocab.find(text); e >= 0 && in[t.vocab.ids[e]] {
			return t.vocab.piece(e)
		}
		return nil
	}
	rules := func(yield func(mergeRule) bool) {
		for _, id := range order {
			text := f.pieces[id].text
			for k := charLen(text, 0); k < len(text); k += charLen(text, k) {
				left := part(text[:k])
				if left == nil {
					continue
				}
				if right := part(text[k:]); right != nil && !yield(mergeRule{left, right}) {
					return
				}
			}
		}
	}
	for range rules {
		count++
	}
	b.merges = newMergeTable(count)
	if err := b.merges.addRules(t.vocab, rules, true, nil); err != nil {
		return nil, err
	}
	b.findStarts(fallback)
	t.model = b
	return b, nil
}

// maxMergeWork bounds the bytes that are looked at to find the merges: some
// hundred times what the largest published vocabulary needs.
const maxMergeWork = 1 << 30

// byID returns all pieces.
func (f *spmFile) byID() []int32 {
	order := make([]int32, len(f.pieces))
	for id := range order {
		order[id] = int32(id)
	}
	return order
}

// byScore returns the normal pieces, the best first.
func (f *spmFile) byScore() []int32 {
	var order []int32
	for id, p := range f.pieces {
		if p.kind == kindNormal {
			order = append(order, int32(id))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(f.pieces[b].score, f.pieces[a].score) })
	return order
}

// endSpaces finds the spaces at both ends of a text.
type endSpaces struct{}

func (endSpaces) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	part := s.of(text)
	from := int32(len(part) - len(strings.TrimLeft(part, " ")))
	if from > 0 {
		dst = append(dst, span{s.start, s.start + from})
	}
	if to := int32(len(strings.TrimRight(part, " "))); to >= from && to < int32(len(part)) {
		dst = append(dst, span{s.start + to, s.end})
	}
	return dst, nil
}

// scanSpaces finds two spaces and more.
func scanSpaces(text string, i int) int {
	if !strings.HasPrefix(text[i:], "  ") {
		return i
	}
	return i + len(text[i:]) - len(strings.TrimLeft(text[i:], " "))
}

// A trieFinder finds the keys of a trie, the longest first.
type trieFinder struct{ keys *trie }

func (f trieFinder) find(dst []span, text string, s span, b *bounds) ([]span, error) {
	return scanner(func(part string, i int) int {
		_, n := f.keys.longest(part[i:])
		return i + n
	}).find(dst, text, s, b)
}
