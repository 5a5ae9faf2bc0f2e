package model

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// openDrafted opens a model of DeepSeek-V4 as two GGUF files, the second of its draft layers.
func openDrafted(t *testing.T, m *tiny.Model, as tensor.DType) *Model {
	t.Helper()
	g, err := m.GGUF(as, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.DraftGGUF(as)
	if err != nil {
		t.Fatal(err)
	}
	var files [2]*checkpoint.Checkpoint
	for i, x := range []*tiny.GGUF{g, d} {
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := x.Write(path); err != nil {
			t.Fatal(err)
		}
		if files[i], err = checkpoint.Open(path); err != nil {
			t.Fatal(err)
		}
		defer files[i].Close()
	}
	opened, err := Open(files[0], Options{MTP: true, Drafts: files[1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return opened
}

// TestDraftedMTP holds the guesses of a module in a file of its own to those computed in
// float64.
func TestDraftedMTP(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4-mtp")
	m := openDrafted(t, model, tensor.BF16)
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	e.near(t, "drafted", "logits", got.logits)
	e.near(t, "drafted", "mtp_logits", got.drafts)
	holdBits(t, m)
}

// TestDraftedBlocks does so with the tokens that draft layers of blocks guess.
func TestDraftedBlocks(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v4-dspark")
	arrays, err := golden.LoadNPZ(filepath.Join("testdata", "deepseek-v4-dspark", "expect.npz"))
	if err != nil {
		t.Fatal(err)
	}
	m := openDrafted(t, model, tensor.F32)
	r := newRunner(t, m, kernel.CacheF32, 2)
	for i, ids := range e.ids {
		seq := r.cache.Sequence()
		if err := seq.Reserve(len(ids) + m.BlockSize()); err != nil {
			t.Fatal(err)
		}
		h := m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Tokens: ids, Logits: 1}}})
		anchor := int32(argmax(m.Logits(&r.step, h, 0, 1).X))
		seq.Append(ids)
		b, err := m.DraftBlock(&r.step, seq, seq.Len(), len(ids), anchor)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := arrays["draft."+string(rune('0'+i))].Int32s(); err != nil || !slices.Equal(b.Tokens, want) {
			t.Errorf("sequence %d: tokens %v, want %v: %v", i, b.Tokens, want, err)
		}
		seq.Free()
	}
}
