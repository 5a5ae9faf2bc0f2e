package demo

import (
	"encoding/json"
	"fmt"
	"strings"
)

// vocabulary are the tokens: what ends an answer, the tags, and single characters.
var vocabulary = []string{
	"<end>", "</think>", "<answer>", "</answer>", "\n", " ", "=", ":", "+", "-", "*", "/", "(", ")",
	"0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
}

// Tokens with a meaning of their own, by their places in the vocabulary.
const (
	endToken  = 0
	firstTag  = 1
	firstChar = 4 // those before it are no single characters
)

// vocabSize is the number of rows of the embedding: the vocabulary, and some that are not used.
const vocabSize = 32

// encode appends the tokens of a text of the vocabulary's characters and tags.
func encode(dst []int32, text string) []int32 {
next:
	for len(text) > 0 {
		for id, t := range vocabulary {
			if strings.HasPrefix(text, t) {
				dst = append(dst, int32(id))
				text = text[len(t):]
				continue next
			}
		}
		panic(fmt.Sprintf("demo: %q is not in the vocabulary", text[:1])) // our own texts
	}
	return dst
}

// decode returns the text of tokens.
func decode(ids []int32) (string, error) {
	var b strings.Builder
	for _, id := range ids {
		if int(id) < len(vocabulary) {
			b.WriteString(vocabulary[id])
		}
	}
	return b.String(), nil
}

// object is an object of JSON.
type object = map[string]any

// tokenizerJSON returns the vocabulary as the file of the tokenizers library: BPE without merges.
func tokenizerJSON() []byte {
	vocab := object{}
	var added []object
	for id, t := range vocabulary {
		vocab[t] = id
		if id < firstChar {
			added = append(added, object{
				"id": id, "content": t, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": id == endToken,
			})
		}
	}
	return toJSON(object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil, "pre_tokenizer": nil, "post_processor": nil,
		"decoder": object{"type": "Fuse"},
		"model": object{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": []string{},
		},
	})
}

// tokenizerConfigJSON returns what stands beside tokenizer.json.
func tokenizerConfigJSON() []byte {
	return toJSON(object{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": vocabulary[endToken], "clean_up_tokenization_spaces": false})
}

func toJSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // of strings and numbers
	}
	return append(b, '\n')
}
