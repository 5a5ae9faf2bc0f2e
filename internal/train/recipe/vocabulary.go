package recipe

import (
	"encoding/json"
	"fmt"
	"strings"
)

// tags are the tokens that are no characters.
var tags = []string{"<end>", "<think>", "</think>", "<answer>", "</answer>"}

// foreign are the letters of the other script.
const foreign = "недат"

// endToken ends an answer.
const endToken = 0

// vocabulary are all tokens: tags, a line's end, ASCII, so that people may ask in words, and
// letters of the other script.
var vocabulary = func() []string {
	list := append([]string{}, tags...)
	list = append(list, "\n")
	for c := ' '; c <= '~'; c++ {
		list = append(list, string(c))
	}
	for _, c := range foreign {
		list = append(list, string(c))
	}
	return list
}()

// vocabSize is the number of rows of the embedding; some are not used.
const vocabSize = 128

// places are the tokens of characters.
var places = func() map[rune]int32 {
	m := map[rune]int32{}
	for i, t := range vocabulary[len(tags):] {
		m[[]rune(t)[0]] = int32(len(tags) + i)
	}
	return m
}()

// encode appends the tokens of a text. The error names what is no token.
func encode(dst []int32, text string) ([]int32, error) {
next:
	for len(text) > 0 {
		if text[0] == '<' {
			for i, t := range tags {
				if strings.HasPrefix(text, t) {
					dst, text = append(dst, int32(i)), text[len(t):]
					continue next
				}
			}
		}
		for _, c := range text {
			id, ok := places[c]
			if !ok {
				return nil, fmt.Errorf("recipe: %q is not in the vocabulary", c)
			}
			dst, text = append(dst, id), text[len(string(c)):]
			break
		}
	}
	return dst, nil
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
		if id < len(tags) {
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

// template shows the model the last question alone: it knows one at a time.
const template = `{%- for m in messages -%}{%- if m['role'] == 'user' and loop.last -%}{{ m['content'] | trim }}{{ '\n' }}{%- endif -%}{%- endfor -%}` +
	`{%- if add_generation_prompt -%}<think>{%- endif -%}`

// tokenizerConfigJSON returns what stands beside tokenizer.json.
func tokenizerConfigJSON() []byte {
	return toJSON(object{
		"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": vocabulary[endToken], "clean_up_tokenization_spaces": false, "chat_template": template,
	})
}

func toJSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // of strings and numbers
	}
	return append(b, '\n')
}
