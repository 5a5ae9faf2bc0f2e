// Package letters has vocabularies of a few tags and single characters: those of the small
// models that a command trains from random weights.
package letters

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// Object is an object of JSON.
type Object = map[string]any

// End is the token that ends an answer: the first tag.
const End = 0

// Vocabulary is a list of tokens of which none is made of others.
type Vocabulary struct {
	Tokens []string // the tags, then single characters
	tags   int
	places map[rune]int32 // of characters
}

// New returns the vocabulary of some tags, which begin with <, and of the characters of a text.
func New(tags []string, characters string) *Vocabulary {
	v := &Vocabulary{Tokens: append([]string{}, tags...), tags: len(tags), places: map[rune]int32{}}
	for _, c := range characters {
		v.places[c] = int32(len(v.Tokens))
		v.Tokens = append(v.Tokens, string(c))
	}
	return v
}

// Encode appends the tokens of a text. The error names what is no token.
func (v *Vocabulary) Encode(dst []int32, text string) ([]int32, error) {
next:
	for len(text) > 0 {
		if text[0] == '<' {
			for id, t := range v.Tokens[:v.tags] {
				if strings.HasPrefix(text, t) {
					dst, text = append(dst, int32(id)), text[len(t):]
					continue next
				}
			}
		}
		c, n := utf8.DecodeRuneInString(text)
		id, ok := v.places[c]
		if !ok || c == utf8.RuneError && n == 1 {
			return nil, fmt.Errorf("letters: %q is not in the vocabulary", text[:n])
		}
		dst, text = append(dst, id), text[n:]
	}
	return dst, nil
}

// Decode returns the text of tokens; ids that are not in the vocabulary have none.
func (v *Vocabulary) Decode(ids []int32) (string, error) {
	var b strings.Builder
	for _, id := range ids {
		if id >= 0 && int(id) < len(v.Tokens) {
			b.WriteString(v.Tokens[id])
		}
	}
	return b.String(), nil
}

// Write writes what a model without weights is opened from: its config.json, and the files of
// its tokenizer with a chat template, "" for none.
func (v *Vocabulary) Write(folder string, config Object, template string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	beside := Object{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": v.Tokens[End], "clean_up_tokenization_spaces": false}
	if template != "" {
		beside["chat_template"] = template
	}
	for name, content := range map[string]Object{"config.json": config, "tokenizer.json": v.tokenizer(), "tokenizer_config.json": beside} {
		if err := newfile.Write(filepath.Join(folder, name), JSON(content)); err != nil {
			return err
		}
	}
	return nil
}

// tokenizer is the vocabulary as the file of the tokenizers library: BPE without merges.
func (v *Vocabulary) tokenizer() Object {
	vocab := Object{}
	var added []Object
	for id, t := range v.Tokens {
		vocab[t] = id
		if id < v.tags {
			added = append(added, Object{
				"id": id, "content": t, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": id == End,
			})
		}
	}
	return Object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil, "pre_tokenizer": nil, "post_processor": nil,
		"decoder": Object{"type": "Fuse"},
		"model": Object{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": []string{},
		},
	}
}

// JSON returns a value of strings, numbers and the like, set in, as a file.
func JSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // of strings and numbers
	}
	return append(b, '\n')
}
