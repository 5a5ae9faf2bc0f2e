package convert

import (
	"errors"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/tokenizer"
)

// vocabulary returns the keys of the tokenizer, and notes what the file's one does
// otherwise than the folder's.
func (f *Folder) vocabulary(a architecture) ([]gguf.KeyValue, error) {
	t, err := f.files.Tokenizer()
	if errors.Is(err, tokenizer.ErrNoTokenizer) {
		return nil, errLost("no tokenizer: want tokenizer.json or tokenizer.model beside the weights")
	}
	if err != nil {
		return nil, err
	}
	size := f.read.Config.VocabSize
	o := tokenizer.GGUFOptions{Size: size}
	if a.pre != "" {
		o.Prefer = []string{a.pre}
	}
	keys, err := t.GGUF(o)
	if err != nil {
		return nil, err
	}
	if n := t.VocabSize(); n > size {
		f.note("the tokenizer has %d tokens, the model %d: the last %d are left out", n, size, n-size)
	}
	keys = f.addEnd(keys, t)
	f.compare(t, keys)
	list := make([]gguf.KeyValue, len(keys))
	for i, k := range keys {
		v, err := valueOf(k.Value)
		if err != nil {
			return nil, fmt.Errorf("convert: %s: %w", k.Name, err)
		}
		list[i] = gguf.KeyValue{Key: k.Name, Value: v}
	}
	return list, nil
}

// addEnd adds a second token that ends an answer, where the folder names one beside EOS.
func (f *Folder) addEnd(keys tokenizer.GGUFKeys, t *tokenizer.Tokenizer) tokenizer.GGUFKeys {
	const key = "tokenizer.ggml.eot_token_id"
	if keys.Has(key) {
		return keys
	}
	for _, id := range f.files.EndTokens(f.read.Config.VocabSize) {
		if id != t.EOS() {
			return append(keys, tokenizer.GGUFKey{Name: key, Value: uint32(id)})
		}
	}
	return keys
}

// probes are texts that tokenizers often take in different ways.
var probes = []string{
	"Hello, world! It's 2024, isn't it?", "  two  blanks   and\ttabs\n\n\n  and lines\r\n ", "x = [1, 22, 333, 4444, 55555] # (a+b)*c",
	"Ünïcödé naïve Straße", "中文和日本語の文章。한국어 문장입니다!", "Привет, мир! مرحبا بالعالم שלום", "👩🏽‍🚀🇩🇪 emoji ☃ ½ ²", "e\u0301 a\u0308 (not in NFC)", "<|im_start|>user\n<s>[INST]</s>",
}

// compare notes the first text that the two tokenizers take in different ways.
func (f *Folder) compare(t *tokenizer.Tokenizer, keys tokenizer.GGUFKeys) {
	other, err := tokenizer.FromGGUF(keys)
	if err != nil {
		f.note("the tokenizer of the file cannot be read again: %v", err)
		return
	}
	size := int32(f.read.Config.VocabSize)
	for _, text := range probes {
		want, err := t.Encode(text, tokenizer.AddSpecial)
		got, errOther := other.Encode(text, tokenizer.AddSpecial)
		beyond := func(id int32) bool { return id >= size }
		if err != nil || errOther != nil || slices.ContainsFunc(want, beyond) || slices.Equal(got, want) {
			continue
		}
		f.note("the tokenizer of the file takes %q for other tokens than that of the folder: GGUF files have no place for all of its steps", text)
		return
	}
}

// valueOf returns a value of a tokenizer's key as GGUF files store it.
func valueOf(v any) (gguf.Value, error) {
	switch v := v.(type) {
	case string:
		return gguf.ValueOf(v), nil
	case bool:
		return gguf.ValueOf(v), nil
	case uint32:
		return gguf.ValueOf(v), nil
	case []string:
		return gguf.ArrayOf(v), nil
	case []int32:
		return gguf.ArrayOf(v), nil
	case []float32:
		return gguf.ArrayOf(v), nil
	case []uint8:
		return gguf.ArrayOf(v), nil
	}
	return gguf.Value{}, fmt.Errorf("a value of type %T: %w", v, model.ErrConfig)
}
