package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestPrefixes opens checkpoints in all spellings of what stands before the names.
func TestPrefixes(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3", "gemma3-text"} {
		m, e := loadExpectation(t, name)
		k, err := m.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		want := logitsOf(t, openCheckpoint(t, k, nil, Options{}), e.ids)
		for _, prefix := range [][2]string{
			{"", ""},
			{"", "model."},
			{"language_model.model.", "language_model."},
			{"model.language_model.", ""},
			{"model.language_model.", "model."},
			{"language_model.", "language_model."},
			{"language_model.", ""},
			{"model.", "model."},
		} {
			renamed := &tiny.Checkpoint{Config: k.Config, Tensors: slices.Clone(k.Tensors)}
			for i := range renamed.Tensors {
				x := &renamed.Tensors[i]
				if rest, ok := strings.CutPrefix(x.Name, "model."); ok {
					x.Name = prefix[0] + rest
				} else {
					x.Name = prefix[1] + x.Name
				}
			}
			if err := sameBits(logitsOf(t, openCheckpoint(t, renamed, nil, Options{}), e.ids), want); err != nil {
				t.Errorf("%s with %q before the layers, %q before the head: %v", name, prefix[0], prefix[1], err)
			}
		}
	}
}

// TestTiedEnds opens checkpoints whose configuration says that embedding and head are one
// matrix: with either alone, with both and the same numbers in one type or two, and with
// both that differ, which are two then.
func TestTiedEnds(t *testing.T) {
	const embed, head = "model.embed_tokens.weight", "lm_head.weight"
	m, e := loadExpectation(t, "llama")
	tied := m.With(map[string]any{"tie_word_embeddings": true})
	k, err := tied.Checkpoint(tensor.BF16)
	if err != nil {
		t.Fatal(err)
	}
	want := logitsOf(t, openCheckpoint(t, k, nil, Options{}), e.ids)
	i := slices.IndexFunc(k.Tensors, func(x tiny.Stored) bool { return x.Name == embed })
	same := k.Tensors[i]
	same.Name = head
	wide := same
	wide.Type, wide.Data = tensor.F32, nil
	for j := 0; j < len(same.Data); j += 2 { // bfloat16 is the upper half of float32
		wide.Data = append(wide.Data, 0, 0, same.Data[j], same.Data[j+1])
	}
	for what, tensors := range map[string][]tiny.Stored{
		"the head alone":    append(slices.Delete(slices.Clone(k.Tensors), i, i+1), same),
		"both":              append(slices.Clone(k.Tensors), same),
		"both in two types": append(slices.Clone(k.Tensors), wide),
	} {
		opened := openCheckpoint(t, &tiny.Checkpoint{Config: k.Config, Tensors: tensors}, nil, Options{})
		if err := sameBits(logitsOf(t, opened, e.ids), want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if len(opened.Config.Assumed) > 0 || !opened.Config.TieWordEmbeddings {
			t.Errorf("%s: tied %v, said %q", what, opened.Config.TieWordEmbeddings, opened.Config.Assumed)
		}
	}

	untied, err := m.Checkpoint(tensor.BF16)
	if err != nil {
		t.Fatal(err)
	}
	want = logitsOf(t, openCheckpoint(t, untied, nil, Options{}), e.ids)
	untied.Config = tied.Raw
	opened := openCheckpoint(t, untied, nil, Options{})
	if err := sameBits(logitsOf(t, opened, e.ids), want); err != nil {
		t.Errorf("two that differ: %v", err)
	}
	saidAll(t, "two that differ", opened.Config.Assumed, []string{"tie_word_embeddings", head, "differ"})
}
