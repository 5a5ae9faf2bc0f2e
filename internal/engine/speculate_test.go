package engine

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// questions are requests whose text repeats itself, does not, is short, and reaches past a
// split of the cache.
func questions(V int) (all []Request) {
	ids := func(n, kind int) []int32 {
		ids := prompt(n, kind)
		for i := range ids {
			ids[i] %= int32(V)
		}
		return ids
	}
	word := ids(9, 1)
	for i, text := range [][]int32{slices.Repeat(word, 5), ids(23, 2), word[:1], slices.Repeat(append(ids(3, 4), word...), 21)} {
		for k, temperature := range []float32{0, 0.7, 1.3} {
			r := Request{Tokens: text, MaxTokens: 30 - 5*i, Sampling: off, Logprobs: k - 1}
			r.Sampling.Temperature, r.Sampling.Seed = temperature, uint64(5*k+i)
			switch k {
			case 1:
				r.Sampling.TopP, r.Sampling.Repetition = 0.9, 1.2
			case 2:
				r.Sampling.TopK = 40
			}
			all = append(all, r)
		}
	}
	stopped := all[0]
	for id := range int32(V) {
		if id%12 == 5 {
			stopped.Stop = append(stopped.Stop, id)
		}
	}
	one := all[1]
	one.MaxTokens = 1
	return append(all, stopped, one)
}

// spelled is all that is said of an answer.
func spelled(s *Stream) string {
	var text []byte
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		text = fmt.Appendf(text, "%d %v %v %08x", t.ID, t.End, t.Last, math.Float32bits(t.Logprob))
		for _, c := range t.Top {
			text = fmt.Appendf(text, " %d:%08x", c.ID, math.Float32bits(c.Logprob))
		}
		text = append(text, '\n')
	}
	return fmt.Sprintf("%s%v", text, s.Finish().Reason)
}

// answersOf answers questions one after the other, and all together.
func answersOf(t *testing.T, e *Engine, all []Request) (alone, together []string) {
	t.Helper()
	submit := func(r Request) *Stream {
		s, err := e.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, r := range all {
		alone = append(alone, spelled(submit(r)))
	}
	var streams []*Stream
	for _, r := range all {
		streams = append(streams, submit(r))
	}
	for _, s := range streams {
		together = append(together, spelled(s))
	}
	return alone, together
}

// TestSpeculate: answers are those without guesses, whatever guesses, in every kind of
// cache, alone and together.
func TestSpeculate(t *testing.T) {
	for name, other := range map[string]string{"llama": "qwen3", "gemma3-text": "", "deepseek-v3-mtp": "", "deepseek-v32": "", "qwen3.5": "qwen2-moe", "deepseek-v4-mtp": "", "deepseek-v4-dspark": ""} {
		open := func(name string) *model.Model {
			g, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "model.gguf")
			write := func() error { return g.WriteGGUF(path, tensor.F32) }
			if strings.HasPrefix(name, "deepseek-v4-") { // GGUF files have no draft layers
				path = t.TempDir()
				write = func() error { return g.WriteSafetensors(path) }
			}
			if err := write(); err != nil {
				t.Fatal(err)
			}
			return openModel(t, path, model.Options{MTP: name == "deepseek-v3-mtp" || strings.HasPrefix(name, "deepseek-v4-")})
		}
		m := open(name)
		kinds := map[string]Options{"auto": {}, "ngram": {Speculate: SpeculateNgram}, "itself": {Draft: m}}
		if m.Config.Recurrent != nil || m.Config.CompressRatios != nil {
			delete(kinds, "itself") // its states go no way back
		}
		if m.HasMTP() || m.BlockSize() > 0 {
			kinds["mtp"] = Options{Speculate: SpeculateMTP}
		}
		if other != "" {
			kinds["another"] = Options{Speculate: SpeculateDraft, Draft: open(other)}
		}
		for _, cache := range []kernel.CacheKind{kernel.CacheF32, kernel.CacheQ8} {
			all := questions(m.Config.VocabSize)
			base := Options{Context: 320, Sequences: 4, Chunk: 100, Threads: 1, Cache: &cache}
			plain := base
			plain.Speculate = SpeculateOff
			e := newEngine(t, m, plain)
			want, _ := answersOf(t, e, all)
			if l := e.Load(); l.Guessed != 0 {
				t.Errorf("%s: without speculation %d tokens were guessed", name, l.Guessed)
			}
			for kind, o := range kinds {
				with := base
				with.Speculate, with.Draft = o.Speculate, o.Draft
				e := newEngine(t, m, with)
				alone, together := answersOf(t, e, all)
				for i := range all {
					if alone[i] != want[i] || together[i] != want[i] {
						t.Fatalf("%s, cache %v, %s, question %d: alone\n%s\ntogether\n%s\nwithout\n%s", name, cache, kind, i, alone[i], together[i], want[i])
					}
				}
				l := e.Load()
				if l.Guessed == 0 || l.Confirmed > l.Guessed || kind == "itself" && 10*l.Confirmed < 7*l.Guessed {
					t.Errorf("%s, cache %v, %s: %d of %d guesses were right", name, cache, kind, l.Confirmed, l.Guessed)
				}
			}
		}
	}
}

// TestForetell: guesses that are told are confirmed as far as they are right, and change no
// answer.
func TestForetell(t *testing.T) {
	m := tinyModel(t, "llama")
	off := Options{Context: 200, Sequences: 2, Threads: 1, Speculate: SpeculateOff}
	plain := newEngine(t, m, off)
	answer := func(e *Engine, r Request) []int32 {
		s, err := e.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return collect(s)
	}
	for right, wants := range map[int]func(guessed, confirmed uint64) bool{ // of five
		5: func(guessed, confirmed uint64) bool { return confirmed == guessed },
		4: func(guessed, confirmed uint64) bool { return confirmed > 0 && confirmed <= guessed },
		0: func(guessed, confirmed uint64) bool { return confirmed == 0 },
	} {
		var text []int32 // prompt and answer
		told := 0
		o := off
		o.Foretell = func(dst, before []int32, most int) []int32 {
			for _, id := range text[min(len(before), len(text)):min(len(before)+most, len(text))] {
				if told++; told%5 >= right {
					id = (id + 1) % int32(m.Config.VocabSize)
				}
				dst = append(dst, id)
			}
			return dst
		}
		e := newEngine(t, m, o)
		for i := range 6 {
			r := request(3 * i)
			r.MaxTokens = 40
			want := answer(plain, r)
			text = append(slices.Clone(r.Tokens), want...)
			if got := answer(e, r); !slices.Equal(got, want) {
				t.Errorf("%d of 5 right, request %d: got %v, want %v", right, i, got, want)
			}
		}
		if l := e.Load(); l.Guessed == 0 || !wants(l.Guessed, l.Confirmed) { // how many pay is a matter of time
			t.Errorf("%d of 5 right: %d of %d guesses were confirmed", right, l.Confirmed, l.Guessed)
		}
	}
}

// TestWideDraft: a draft model whose cache is larger than the model's has room for a sequence.
func TestWideDraft(t *testing.T) {
	m, draft := tinyModel(t, "llama"), tinyModel(t, "qwen3")
	e := newEngine(t, m, Options{Context: 100, Sequences: 1, Threads: 1, Draft: draft})
	s, err := e.Submit(t.Context(), request(0))
	if err != nil {
		t.Fatal(err)
	}
	if ids := collect(s); len(ids) == 0 || e.Load().Guessed == 0 {
		t.Errorf("%d tokens, %d guesses", len(ids), e.Load().Guessed)
	}
}
