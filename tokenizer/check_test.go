package tokenizer

import (
	"errors"
	"strings"
	"testing"
)

func TestTwins(t *testing.T) {
	vocab := func(more dict) dict {
		v := dict{"a": 0, "b": 1, "ab": 2}
		for k, id := range more {
			v[k] = id
		}
		return dict{"pre_tokenizer": nil, "decoder": nil, "added_tokens": nil, "model": dict{"type": "BPE", "vocab": v, "merges": []any{"a b"}}}
	}
	for name, c := range map[string]struct {
		open func() (*Tokenizer, error)
		says string // "": no note
	}{
		"none": {func() (*Tokenizer, error) { return parseTokenizerJSON(jsonText(small(vocab(nil))), &folderConfig{}) }, ""},
		"an id of two pieces": {func() (*Tokenizer, error) {
			return parseTokenizerJSON(jsonText(small(vocab(dict{"c": 2}))), &folderConfig{})
		}, "id 2 is that of"},
		"a piece of two ids": {func() (*Tokenizer, error) {
			m := tinyBPE(nil)
			m["tokenizer.ggml.tokens"].([]string)[8] = "ab"
			return FromGGUF(m)
		}, `ids 3 and 8 are both "ab"`},
		"two ranks": {func() (*Tokenizer, error) {
			return parseTiktoken(append(ranks(), "YWI= 7\n"...), &folderConfig{})
		}, `id 7 is that of "\a" and of "ab"`},
		"an added token with the id of a piece": {func() (*Tokenizer, error) {
			return parseTokenizerJSON(jsonText(small(dict{"added_tokens": []any{dict{"id": 257, "content": "<x>"}}})), &folderConfig{})
		}, `its id 257 is that of "abc": it becomes 258`},
		"added tokens with one id": {func() (*Tokenizer, error) {
			return parseTokenizerJSON(jsonText(small(dict{"added_tokens": []any{dict{"id": 300, "content": "<x>"}, dict{"id": 300, "content": "<y>"}}})), &folderConfig{})
		}, `its id 300 is that of "<x>": it becomes 301`},
	} {
		tok, err := c.open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if notes := strings.Join(tok.Notes(), "\n"); (notes == "") != (c.says == "") || !strings.Contains(notes, c.says) {
			t.Errorf("%s: got notes %q, want one that says %q", name, notes, c.says)
		}
	}
}

// A vocabulary that no text leads to is refused, or noted if there are tokens that
// stand in text by name.
func TestVocabulariesThatNoTextLeadsTo(t *testing.T) {
	bpe := func(vocab dict, more dict) dict {
		return merged(dict{"pre_tokenizer": nil, "decoder": nil, "added_tokens": nil, "model": merged(dict{"type": "BPE", "vocab": vocab, "merges": []any{}}, more)}, nil)
	}
	named := dict{"added_tokens": []any{dict{"id": 9, "content": "<x>", "special": true}}}
	for name, c := range map[string]struct {
		changes dict
		err     error
		note    bool
	}{
		"one letter":            {bpe(dict{"a": 0}, nil), nil, false},
		"one letter of three":   {bpe(dict{"中": 0}, nil), nil, false},
		"words alone":           {bpe(dict{"abc": 0, "def": 1}, nil), ErrDamaged, false},
		"whole words":           {bpe(dict{"abc": 0}, dict{"ignore_merges": true}), nil, false},
		"bytes alone":           {bpe(dict{"<0x00>": 0}, dict{"byte_fallback": true}), nil, false},
		"words and a name":      {merged(bpe(dict{"abc": 0}, nil), named), nil, true},
		"byte-level words":      {dict{"added_tokens": nil, "model": dict{"type": "BPE", "vocab": dict{"abc": 0}, "merges": []any{}}}, ErrDamaged, false},
		"pieces that spell not": {dict{"added_tokens": nil, "model": dict{"type": "BPE", "vocab": dict{"中": 0}, "merges": []any{}}}, ErrDamaged, false},
		"unigram of nothing":    {dict{"pre_tokenizer": nil, "decoder": nil, "added_tokens": nil, "model": dict{"type": "Unigram", "unk_id": 0, "vocab": []any{[]any{"", 0}}}}, ErrDamaged, false},
	} {
		tok, err := parseTokenizerJSON(jsonText(small(c.changes)), &folderConfig{})
		if !errors.Is(err, c.err) || c.err == nil && (len(tok.Notes()) > 0) != c.note {
			t.Errorf("%s: got %v, %v, want %v, a note: %v", name, tok.Notes(), err, c.err, c.note)
		}
	}
	m := tinyBPE(metadata{"tokenizer.ggml.token_type": []int64{5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, "tokenizer.ggml.merges": []string{}})
	if _, err := FromGGUF(m); !errors.Is(err, ErrDamaged) {
		t.Errorf("a GGUF of unused tokens: got %v, want ErrDamaged", err)
	}
	m["tokenizer.ggml.token_type"] = []int64{3, 3, 3, 3, 3, 3, 3, 3, 3, 3}
	if tok := mustGGUF(t, m); len(tok.Notes()) != 1 {
		t.Errorf("a GGUF of control tokens: got notes %q", tok.Notes())
	}
}
