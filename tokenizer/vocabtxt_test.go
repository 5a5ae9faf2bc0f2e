package tokenizer

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVocabTxt opens a folder that has BERT's vocabulary alone: its tokens are those of the
// tokenizer.json that transformers makes of it.
func TestVocabTxt(t *testing.T) {
	want, err := Open(filepath.Join(encoderFolders, "minilm"))
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id := range want.VocabSize() {
		piece, _ := want.Token(int32(id))
		lines.WriteString(piece + "\n")
	}
	open := func(config, vocab string) (*Tokenizer, error) {
		return FromFiles(map[string][]byte{"vocab.txt": []byte(vocab), "tokenizer_config.json": []byte(config)})
	}
	texts := []string{"the quick brown fox", "Unbelievable embeddings: 12,345 naïve cafés in Zürich!", "東京 mountains, (lazy) dogs... don't they?", "[MASK] x [SEP] qqqq \u200d", ""}
	for _, config := range []string{`{}`, `{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "cls_token": "[CLS]", "sep_token": "[SEP]"}`} {
		got, err := open(config, strings.ReplaceAll(lines.String(), "\n", "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			for _, flags := range []Flags{AddSpecial, Plain} {
				a, errA := got.Encode(text, flags)
				b, errB := want.Encode(text, flags)
				if errA != nil || errB != nil || !slices.Equal(a, b) {
					t.Errorf("%s %q: got %v %v, want %v %v", config, text, a, errA, b, errB)
				}
				skipped, errA := got.DecodeSkip(a)
				other, errB := want.DecodeSkip(b)
				if errA != nil || errB != nil || skipped != other {
					t.Errorf("%s: %v is %q %v, want %q %v", config, a, skipped, errA, other, errB)
				}
			}
		}
	}
	cased, err := open(`{"do_lower_case": false}`, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nThe\nthe\n##n\n")
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := cased.Encode("The then THE", AddSpecial); err != nil || !slices.Equal(ids, []int32{2, 4, 5, 6, 1, 3}) {
		t.Errorf("cased: got %v %v", ids, err)
	}
	for _, x := range []struct {
		config, vocab, word string
		want                error
	}{
		{`{"tokenizer_class": "GPT2Tokenizer"}`, lines.String(), "GPT2Tokenizer", ErrUnsupported},
		{`{}`, "[UNK]\n[SEP]\nx\n", "[CLS]", ErrDamaged},
		{`{}`, "[CLS]\n[SEP]\nx\n", "[UNK]", ErrDamaged},
		{`{}`, "[CLS]\n\xff\n", "UTF-8", ErrDamaged},
		{`{}`, strings.Repeat("\n", maxVocab+1), "lines", ErrUnsupported},
	} {
		if _, err := open(x.config, x.vocab); !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.word) {
			t.Errorf("%s: got %v, want %v with %q", x.word, err, x.want, x.word)
		}
	}
}
