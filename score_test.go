package blitz

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestLogits holds scores to the raw logits, and both to what answers find in the cache.
func TestLogits(t *testing.T) {
	e := tinyEngine(t)
	ids := make([]int32, 40)
	for i := range ids {
		ids[i] = int32(i*i%200 + 3)
	}
	var rows [][]float32
	plans := []LogitsPlan{{}, {Chunk: 7, Decode: 3}, {Together: true, From: 0}}
	for k, p := range plans {
		at := 0
		if err := e.Logits(t.Context(), [][]int32{ids}, p, func(i, row int, logits []float32) error {
			if i != 0 || row != at {
				t.Fatalf("row %d of sequence %d, want row %d of 0", row, i, at)
			}
			if at++; k == 0 {
				rows = append(rows, slices.Clone(logits))
			} else if !slices.Equal(logits, rows[row]) {
				t.Fatalf("%+v: row %d is another", p, row)
			}
			return nil
		}); err != nil || at != len(ids) {
			t.Fatalf("%+v: %d rows, %v", p, at, err)
		}
	}
	scores, err := e.Score(t.Context(), ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scores {
		top, sum := math.Inf(-1), 0.0
		for _, v := range rows[i] {
			top = max(top, float64(v))
		}
		for _, v := range rows[i] {
			sum += math.Exp(float64(v) - top)
		}
		if want := float64(rows[i][ids[i+1]]) - top - math.Log(sum); math.Abs(float64(s.Logprob)-want) > 1e-5 {
			t.Errorf("token %d has the log-probability %v, want %v", i+1, s.Logprob, want)
		}
	}
	if err := e.Logits(t.Context(), [][]int32{ids}, LogitsPlan{Chunk: -1}, nil); !errors.Is(err, ErrOption) {
		t.Errorf("pieces of -1: got %v, want %v", err, ErrOption)
	}
	if _, err := e.Score(t.Context(), ids, &ScoreOptions{From: -1}); !errors.Is(err, ErrOption) {
		t.Errorf("scores from -1: got %v, want %v", err, ErrOption)
	}
}

func TestEmbed(t *testing.T) {
	e := tinyEngine(t)
	for _, pooling := range []Pooling{PoolLast, PoolMean, PoolFirst} {
		x, err := e.Embed(t.Context(), []int32{5, 6, 7}, &EmbedOptions{Pooling: pooling})
		var length float64
		for _, v := range x {
			length += float64(v) * float64(v)
		}
		if err != nil || math.Abs(length-1) > 1e-5 {
			t.Errorf("pooling %d: the square of its length is %v, %v, want 1", pooling, length, err)
		}
	}
	if _, err := e.Embed(t.Context(), nil, &EmbedOptions{Pooling: PoolMean}); !errors.Is(err, ErrPrompt) {
		t.Errorf("of nothing: got %v, want %v", err, ErrPrompt)
	}
}

func TestTime(t *testing.T) {
	e := tinyEngine(t)
	timings, err := e.Time(t.Context(), Trial{Depth: 8, Sequences: 1, Prompt: 16, Tokens: 4, Repeat: 3})
	if err != nil || len(timings) != 3 {
		t.Fatalf("%d timings, %v, want 3", len(timings), err)
	}
	for _, x := range timings {
		prefill, decode := TotalWork(x.PrefillWork), TotalWork(x.DecodeWork)
		if x.Prefill <= 0 || x.Decode <= 0 || prefill.Time > x.Prefill || decode.Time > x.Decode {
			t.Errorf("operations took longer than all: %+v", x)
		}
		if prefill.FloatMACs <= decode.FloatMACs || decode.ReadBytes <= prefill.ReadBytes || prefill.Calls == 0 {
			t.Errorf("16 tokens at once did %+v, 4 one by one %+v", prefill, decode)
		}
	}
	if _, err := e.Time(t.Context(), Trial{Sequences: 1000}); !errors.Is(err, ErrContext) {
		t.Errorf("a trial that does not fit: got %v, want %v", err, ErrContext)
	}
}
