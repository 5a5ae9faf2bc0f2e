package engine

import (
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestDraftsBesideAnswers computes drafts while answers and scores of the same tokens
// run: the logits of both are those of an engine that does nothing else, however they
// are cut, and the answers too.
func TestDraftsBesideAnswers(t *testing.T) {
	g, err := tiny.Load(filepath.Join("..", "model", "testdata", "deepseek-v3-mtp"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := g.WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, path, model.Options{MTP: true})
	ids := func(n, kind int) []int32 {
		all := prompt(n, kind)
		for i := range all {
			all[i] %= int32(m.Config.VocabSize)
		}
		return all
	}
	sequences := [][]int32{ids(60, 0), ids(290, 1), ids(1, 2)}
	rows := func(e *Engine, p Plan) (logits, drafts map[[2]int][]uint32) {
		logits, drafts = map[[2]int][]uint32{}, map[[2]int][]uint32{}
		into := func(rows map[[2]int][]uint32) func(i, at int, x []float32) error {
			return func(i, at int, x []float32) error {
				var bits []uint32
				for _, v := range x {
					bits = append(bits, math.Float32bits(v))
				}
				rows[[2]int{i, at}] = bits
				return nil
			}
		}
		p.Drafts, p.From = into(drafts), 5 // From does not count beside drafts
		if err := e.Evaluate(t.Context(), sequences, p, into(logits)); err != nil {
			t.Error(err)
		}
		return logits, drafts
	}
	alone := newEngine(t, m, Options{Context: 320, Sequences: 1, Threads: 1})
	want, wantDrafts := rows(alone, Plan{})
	if len(want) != 351 || len(wantDrafts) != 348 {
		t.Fatalf("%d rows and %d drafts, want 351 and 348", len(want), len(wantDrafts))
	}
	question := Request{Tokens: ids(290, 1), MaxTokens: 20, Sampling: off, Logprobs: -1}
	wantAnswer, _ := answered(t, alone, question)
	for _, p := range []Plan{{}, {Chunk: 30}, {Together: true, Chunk: 40}, {Decode: 9}} {
		e := newEngine(t, m, Options{Context: 320, Sequences: 4, Chunk: 100, Threads: 1})
		var group sync.WaitGroup
		for range 2 {
			s, err := e.Submit(t.Context(), question)
			if err != nil {
				t.Fatal(err)
			}
			group.Go(func() {
				if got := collect(s); !slices.Equal(got, idsOf(wantAnswer)) {
					t.Errorf("%+v: beside drafts came %v, want %v", p, got, idsOf(wantAnswer))
				}
			})
		}
		got, gotDrafts := rows(e, p)
		group.Wait()
		for at, bits := range want {
			if !slices.Equal(got[at], bits) || !slices.Equal(gotDrafts[at], wantDrafts[at]) {
				t.Fatalf("%+v: row %d of sequence %d is another", p, at[1], at[0])
			}
		}
	}
}
