package blitz

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// TestVocabularyBytes: what grammars read of tokens, one behind the other, is what a
// reader of the answer sees, be a space taken from its begin or not.
func TestVocabularyBytes(t *testing.T) {
	for name, takes := range map[string]bool{"llama_spm": true, "deepseek_coder": false} {
		packed, err := os.Open(filepath.Join("tokenizer", "testdata", name+".gguf.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		r, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "tokenizer.gguf")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		tok, err := OpenTokenizer(path)
		if err != nil {
			t.Fatal(err)
		}
		tokens, special := tokenBytes(tok, tok.VocabSize()+100)
		if got := takesSpace(tok, tokens, special); got != takes {
			t.Errorf("%s: a space is taken from the begin: got %v", name, got)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 3000 {
			var text []byte
			s := tok.NewStream()
			read := ""
			for i := range 1 + rng.IntN(4) {
				id := int32(rng.IntN(tok.VocabSize()))
				for special[id] {
					id = int32(rng.IntN(tok.VocabSize()))
				}
				if b := tokens[id]; i == 0 && takes {
					text = append(text, bytes.TrimPrefix(b, []byte(" "))...)
				} else {
					text = append(text, b...)
				}
				piece, err := s.Next(id)
				if err != nil {
					t.Fatal(err)
				}
				read += piece
			}
			if read += s.Flush(); utf8.Valid(text) && read != string(text) {
				t.Fatalf("%s: the reader sees %q, a grammar %q", name, read, text)
			}
		}
	}
}
