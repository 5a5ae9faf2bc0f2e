package main

import (
	"errors"
	"strings"

	"github.com/blitz-r1/blitz"
)

// tensorEntry is a tensor as show lists it.
type tensorEntry struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // row-major
	Size  int64  `json:"size"`  // bytes
	File  string `json:"file"`
}

// listTensors returns the tensors in the order of the files; none of a tokenizer.
func listTensors(files *blitz.Files) ([]tensorEntry, error) {
	list := []tensorEntry{}
	if f := files.GGUF(); f != nil {
		parts := f.Parts()
		for _, t := range f.Tensors() {
			list = append(list, tensorEntry{t.Name, t.Type.String(), t.Shape, t.Size, parts[t.Shard]})
		}
		return list, nil
	}
	f, err := files.Safetensors()
	if errors.Is(err, blitz.ErrNoWeights) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	parts := f.Parts()
	for _, t := range f.Tensors() {
		list = append(list, tensorEntry{t.Name, string(t.DType), t.Shape, t.Size, parts[t.Shard]})
	}
	return list, nil
}

// ownTemplate returns the chat template that the files have, "" where there is none, and
// the names of further ones.
func ownTemplate(files *blitz.Files) (text string, others []string, err error) {
	const key = "tokenizer.chat_template"
	f := files.GGUF()
	if f == nil { // of a GGUF file a tokenizer that this build does not know hides nothing
		t, err := files.Tokenizer()
		if err != nil {
			return "", nil, err
		}
		return t.ChatTemplate(), nil, nil
	}
	text, _ = f.String(key)
	for _, kv := range f.KeyValues() {
		if name, ok := strings.CutPrefix(kv.Key, key+"."); ok {
			others = append(others, name)
		}
	}
	return text, others, nil
}
