package grammar

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// Vocabulary is the tokens of a model, put in order once. It is immutable and may be
// shared.
type Vocabulary struct {
	size  int         // tokens, those without text included
	trie  []trieNode  // all beginnings of tokens, each before those that it begins
	texts [][]byte    // of the tokens
	kinds []tokenKind // of the tokens
	same  []int32     // of a token: the next one with the same text, -1: none
	marks []int32     // special tokens that end no answer
	ends  []int32     // tokens that end an answer
	long  int         // bytes of the longest token
}

// tokenKind is what a token is to a grammar.
type tokenKind uint8

const (
	tokenNone tokenKind = iota // it has no text, and never comes
	tokenText
	tokenMark
	tokenEnd
)

// trieNode is a beginning of tokens.
type trieNode struct {
	id    int32  // the first token that it is, -1: none
	skip  int32  // the first node behind those that it begins
	depth uint16 // bytes before its last
	c     byte   // its last byte
}

// Bounds of a vocabulary.
const (
	maxTokens      = 1 << 24
	maxTokenLength = math.MaxUint16
	maxTokenBytes  = 1 << 28 // of all tokens
)

// NewVocabulary returns the vocabulary of tokens, by their ids: the bytes that each adds to a text,
// which special ones (special may be shorter than tokens) do not: theirs name them. Tokens without bytes never
// come. ends are the tokens that end an answer; they are no text either. The slices are
// not kept. The error wraps ErrTooLarge, or says what is no token.
func NewVocabulary(tokens [][]byte, special []bool, ends []int32) (*Vocabulary, error) {
	v := &Vocabulary{size: len(tokens), kinds: make([]tokenKind, len(tokens)), same: make([]int32, len(tokens)), texts: make([][]byte, len(tokens))}
	if len(tokens) > maxTokens {
		return nil, fmt.Errorf("grammar: a vocabulary of %d tokens, want at most %d: %w", len(tokens), maxTokens, ErrTooLarge)
	}
	total := 0
	for id, t := range tokens {
		if total += len(t); len(t) > maxTokenLength || total > maxTokenBytes {
			return nil, fmt.Errorf("grammar: token %d has %d bytes, all so far %d, want at most %d and %d: %w", id, len(t), total, maxTokenLength, maxTokenBytes, ErrTooLarge)
		}
	}
	memory := make([]byte, 0, total)
	for id, t := range tokens {
		memory = append(memory, t...)
		v.texts[id] = memory[len(memory)-len(t):]
		v.same[id] = -1
		switch {
		case len(t) == 0:
		case id < len(special) && special[id]:
			v.kinds[id] = tokenMark
		default:
			v.kinds[id] = tokenText
		}
	}
	for _, id := range ends {
		if id < 0 || int(id) >= len(tokens) {
			return nil, fmt.Errorf("grammar: end token %d, want 0 to %d: %w", id, len(tokens)-1, ErrSyntax)
		}
		if v.kinds[id] != tokenEnd {
			v.ends = append(v.ends, id)
		}
		v.kinds[id] = tokenEnd
	}
	v.sort()
	return v, nil
}

// sort makes the trie.
func (v *Vocabulary) sort() {
	var order []int32
	for id, kind := range v.kinds {
		switch kind {
		case tokenText:
			order = append(order, int32(id))
			v.long = max(v.long, len(v.texts[id]))
		case tokenMark:
			v.marks = append(v.marks, int32(id))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if n := bytes.Compare(v.texts[a], v.texts[b]); n != 0 {
			return n
		}
		return int(a - b)
	})
	nodes := 0
	each := func(add func(id int32, shared int)) {
		var last []byte
		for _, id := range order {
			text := v.texts[id]
			shared := 0
			for shared < min(len(last), len(text)) && last[shared] == text[shared] {
				shared++
			}
			add(id, shared)
			last = text
		}
	}
	each(func(id int32, shared int) { nodes += len(v.texts[id]) - shared })
	v.trie = make([]trieNode, 0, nodes)
	var open []int32 // the nodes of the last token
	close := func(depth int) {
		for _, n := range open[depth:] {
			v.trie[n].skip = int32(len(v.trie))
		}
		open = open[:depth]
	}
	each(func(id int32, shared int) {
		text := v.texts[id]
		if shared == len(text) { // the last one again
			n := &v.trie[open[shared-1]]
			v.same[id], n.id = n.id, id
			return
		}
		close(shared)
		for i := shared; i < len(text); i++ {
			open = append(open, int32(len(v.trie)))
			v.trie = append(v.trie, trieNode{id: -1, depth: uint16(i), c: text[i]})
		}
		v.trie[len(v.trie)-1].id = id
	})
	close(0)
}

// Size returns the number of token ids.
func (v *Vocabulary) Size() int { return v.size }
