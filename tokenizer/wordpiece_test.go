package tokenizer

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// wordsJSON is a tokenizer.json of a few words.
const wordsJSON = `{
	"added_tokens": [{"id": 0, "content": "[UNK]", "special": true}, {"id": 1, "content": "[CLS]", "special": true}, {"id": 2, "content": "[SEP]", "special": true}],
	"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
	"pre_tokenizer": {"type": "BertPreTokenizer"},
	"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
	"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 8, "vocab": {
		"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##aff": 4, "##able": 5, "play": 6, "##ing": 7, ",": 8, "##a": 9, "unaff": 10, "東": 11, "!": 12}}}`

func TestWordPiece(t *testing.T) {
	words, err := FromFiles(map[string][]byte{"tokenizer.json": []byte(wordsJSON)})
	if err != nil {
		t.Fatal(err)
	}
	file := metadata{
		"tokenizer.ggml.model":            "bert",
		"tokenizer.ggml.tokens":           []string{"[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁play", "ing", "▁,", "a", "▁unaff", "▁東", "▁!"},
		"tokenizer.ggml.token_type":       []int64{2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		"tokenizer.ggml.unknown_token_id": uint64(0),
	}
	other, err := FromGGUF(file)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{
		"":                          {1, 2},
		"PLAYING,  unaffa!":         {1, 6, 7, 8, 10, 9, 12, 2},
		"un\u00e1ffable":            {1, 0, 2}, // of nine characters
		"pl\u00e1ying東東":            {1, 6, 7, 11, 11, 2},
		"plays un":                  {1, 0, 3, 2}, // a word that cannot be cut is unknown as a whole
		"##ing":                     {1, 0, 0, 0, 2},
		"[SEP] un":                  {1, 2, 3, 2},
		"\x00un\ufffdaff\u200d":     {1, 10, 2},
		strings.Repeat("\u0301", 9): {1, 2},
	} {
		got, err := words.Encode(text, AddSpecial)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
		if got, err := other.Encode(text, AddSpecial); text != "un\u00e1ffable" && (err != nil || !slices.Equal(got, want)) {
			t.Errorf("%q of a GGUF file: got %v, %v, want %v", text, got, err, want)
		}
	}
	if got, err := words.Encode("[SEP]", Plain); err != nil || !slices.Equal(got, []int32{0, 0, 0}) {
		t.Errorf("plain: got %v, %v, want three unknown words", got, err)
	}
	if got, err := words.Decode([]int32{6, 7, 8, 3, 4, 5, 12}); err != nil || got != "playing, unaffable!" {
		t.Errorf("decoded: got %q, %v", got, err)
	}
	if got, err := other.Decode([]int32{6, 7, 3, 4}); err != nil || got != "playing unaff" {
		t.Errorf("decoded of a GGUF file: got %q, %v", got, err)
	}
}

func TestWordPieceRefused(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     error
	}{
		{`"unk_token": "[UNK]"`, `"unk_token": "missing"`, ErrDamaged},
		{`"continuing_subword_prefix": "##"`, `"continuing_subword_prefix": ""`, ErrUnsupported},
		{`"max_input_chars_per_word": 8`, `"max_input_chars_per_word": 0`, ErrDamaged},
		{`"un": 3`, `"un": -3`, ErrDamaged},
		{`"BertPreTokenizer"`, `"ByteLevel"`, ErrUnsupported},
	} {
		text := strings.Replace(wordsJSON, c.from, c.to, 1)
		if _, err := FromFiles(map[string][]byte{"tokenizer.json": []byte(text)}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.to, err, c.want)
		}
	}
	if _, err := FromGGUF(metadata{"tokenizer.ggml.model": "bert", "tokenizer.ggml.tokens": []string{"▁a", "[UNK]"}, "tokenizer.ggml.token_type": []int64{1, 2}}); !errors.Is(err, ErrDamaged) {
		t.Errorf("without a token that begins a text: got %v, want %v", err, ErrDamaged)
	}
}
