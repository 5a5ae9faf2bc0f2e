package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// vocabName is the file that BERT's vocabulary stands in, a piece a line: all that old folders
// have.
const vocabName = "vocab.txt"

// wordPieceClasses are the tokenizer classes that read such a file as BERT's does; "": none is
// named.
var wordPieceClasses = map[string]bool{"": true, "BertTokenizer": true, "DistilBertTokenizer": true, "ElectraTokenizer": true, "RetriBertTokenizer": true}

// parseVocabTxt builds the tokenizer that transformers makes of a vocab.txt and of what
// tokenizer_config.json says of the text.
func parseVocabTxt(data []byte, beside *folderConfig) (*Tokenizer, error) {
	if !wordPieceClasses[beside.class] {
		return nil, fmt.Errorf("%w: tokenizer_class %.40q without a tokenizer.json, want BertTokenizer", ErrUnsupported, beside.class)
	}
	vocab, err := vocabOfLines(data)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(vocab)
	if err != nil {
		return nil, err
	}
	usual := func(name, otherwise string) string {
		if name == "" {
			return otherwise
		}
		return name
	}
	around := &component{Type: "BertProcessing"}
	for _, x := range []struct {
		into **tokenAndID
		name string
	}{{&around.Cls, usual(beside.cls, "[CLS]")}, {&around.Sep, usual(beside.sep, "[SEP]")}} {
		id, ok := vocab[x.name]
		if !ok {
			return nil, fmt.Errorf("%w: no line is %.40q", ErrDamaged, x.name)
		}
		*x.into = &tokenAndID{id}
	}
	unknown := usual(beside.names.unknown.token.Content, "[UNK]")
	f := &jsonFile{
		Normalizer: &component{
			Type: "BertNormalizer", Lowercase: beside.lowercase, StripAccents: beside.stripAccents, HandleChineseChars: beside.chineseChars,
		},
		PreTokenizer:  &component{Type: "BertPreTokenizer"},
		PostProcessor: around,
		Decoder:       &component{Type: "WordPiece"},
		model:         jsonModel{Type: "WordPiece", UnkToken: &unknown, vocab: text},
	}
	for _, name := range []string{unknown, usual(beside.sep, "[SEP]"), usual(beside.names.pad.token.Content, "[PAD]"), usual(beside.cls, "[CLS]"), "[MASK]"} {
		if id, ok := vocab[name]; ok {
			f.Added = append(f.Added, addedEntry{ID: &id, Content: name, Special: true})
		}
	}
	return f.tokenizer(beside)
}

// vocabOfLines returns the ids of the pieces; of a piece that stands there twice the last.
func vocabOfLines(data []byte) (map[string]int32, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrDamaged)
	}
	if n := bytes.Count(data, []byte{'\n'}); n > maxVocab {
		return nil, fmt.Errorf("%w: %d lines, want at most %d", ErrUnsupported, n, maxVocab)
	}
	vocab := map[string]int32{}
	id := int32(0)
	for line := range strings.Lines(string(data)) {
		if piece := strings.TrimRight(line, "\r\n"); piece != "" {
			vocab[piece] = id
		}
		id++
	}
	return vocab, nil
}
