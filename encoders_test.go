package blitz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/tokenizer"
)

// encoderFolder has small random models, and what transformers computed with them in float64:
// see make.py there.
const encoderFolder = "internal/model/testdata/encoders"

// expected is what a model gives.
type expected struct {
	Query   string
	Texts   []string
	IDs     [][]int32
	Vectors [][]float64
	Scores  []float64
}

// readExpected returns what the model of a folder gives.
func readExpected(t *testing.T, name string) *expected {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(encoderFolder, name, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	e := &expected{}
	if err := json.Unmarshal(text, e); err != nil {
		t.Fatal(err)
	}
	return e
}

// encoderForms are the files of the models: a folder of safetensors, and the GGUF file that
// llama.cpp's converter makes of it.
func encoderForms(name string) []string {
	forms := []string{filepath.Join(encoderFolder, name)}
	if file := filepath.Join(encoderFolder, name, "model.gguf"); exists(file) {
		forms = append(forms, file)
	}
	return forms
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// openEncoder opens a model. Of one tokenizer the converter makes another one: it wants those of
// Gemma as SentencePiece models.
func openEncoder(t *testing.T, path string, o *EngineOptions) *Engine {
	t.Helper()
	m, err := Open(path, &Options{TokensOnly: strings.HasSuffix(path, "gemma/model.gguf")})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(); m.Close() })
	return e
}

// textIDs returns the tokens of texts with what the model wants around them.
func textIDs(t *testing.T, m *Model, texts []string) (all [][]int32) {
	t.Helper()
	for _, text := range texts {
		ids, err := m.Tokenizer().Encode(text, tokenizer.AddSpecial)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ids)
	}
	return all
}

var embedders = []string{"minilm", "bge", "nomic", "xlm-r", "embeddinggemma", "qwen3-embedding"}

// TestEmbedders holds vectors to those of sentence-transformers.
func TestEmbedders(t *testing.T) {
	for _, name := range embedders {
		want := readExpected(t, name)
		for _, path := range encoderForms(name) {
			e := openEncoder(t, path, &EngineOptions{Threads: 2, Context: 400})
			ids := want.IDs
			if e.Model().Tokenizer() != nil {
				ids = textIDs(t, e.Model(), want.Texts)
			}
			for i := range ids {
				if i == 3 && strings.HasSuffix(path, "xlm-r/model.gguf") {
					continue // such a file puts a blank before each part, and a checkpoint where there is none
				}
				if !slices.Equal(ids[i], want.IDs[i]) {
					t.Errorf("%s: text %d is %v, want %v", path, i, ids[i], want.IDs[i])
				}
			}
			got, err := e.EmbedAll(t.Context(), want.IDs, nil)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if strings.HasSuffix(path, ".gguf") { // they say nothing of the length
				for _, v := range want.Vectors {
					toLengthOne(v)
				}
			}
			if rms, worst := vectorsOff(got, want.Vectors); !(rms <= 1e-5 && worst <= 1e-4) {
				t.Errorf("%s: off by %.2g rms and %.2g at most, want 1e-5 and 1e-4", path, rms, worst)
			}
		}
	}
}

func toLengthOne(v []float64) {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	for i := range v {
		v[i] /= math.Sqrt(sum)
	}
}

// vectorsOff returns the error of vectors in deviations of the wanted ones.
func vectorsOff(got [][]float32, want [][]float64) (rms, worst float64) {
	var d2, square float64
	for i := range want {
		if len(got[i]) != len(want[i]) {
			return math.Inf(1), math.Inf(1)
		}
		for k, w := range want[i] {
			d := math.Abs(float64(got[i][k]) - w)
			d2, square, worst = d2+d*d, square+w*w, max(worst, d)
		}
	}
	n := 0
	for i := range want {
		n += len(want[i])
	}
	deviation := math.Sqrt(square / float64(n))
	return math.Sqrt(d2/float64(n)) / deviation, worst / deviation
}

// TestEmbeddersBatched wants the same bits from every implementation, with any threads, alone
// and in batches of any order, from steps of any size.
func TestEmbeddersBatched(t *testing.T) {
	defer kernel.UseImpl(kernel.Current())
	for _, name := range embedders {
		path := encoderForms(name)[0]
		want := readExpected(t, name)
		var first [][]float32
		for i, impl := range kernel.Implementations() {
			kernel.UseImpl(impl)
			for _, o := range []*EngineOptions{{Threads: 1, Context: 400}, {Threads: 3, Context: 400, Chunk: 16}, {Threads: 2, Context: 400, Sequences: 2}} {
				if testing.Short() && i > 0 && o.Threads == 2 {
					continue
				}
				e := openEncoder(t, path, o)
				got, err := e.EmbedAll(t.Context(), want.IDs, nil)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = got
				}
				reversed := slices.Clone(want.IDs)
				slices.Reverse(reversed)
				back, err := e.EmbedAll(t.Context(), reversed, nil)
				if err != nil {
					t.Fatal(err)
				}
				slices.Reverse(back)
				alone, err := e.Embed(t.Context(), want.IDs[len(want.IDs)-1], nil)
				if err != nil {
					t.Fatal(err)
				}
				for k := range first {
					if !slices.Equal(got[k], first[k]) || !slices.Equal(back[k], first[k]) {
						t.Errorf("%s, %v, %+v: vector %d is another one", name, impl, *o, k)
					}
				}
				if !slices.Equal(alone, first[len(first)-1]) {
					t.Errorf("%s, %v, %+v: a text alone has another vector", name, impl, *o)
				}
			}
		}
	}
}

// TestRerankers holds scores to those of transformers.
func TestRerankers(t *testing.T) {
	for _, name := range []string{"cross-encoder", "bge-reranker", "qwen3-reranker"} {
		want := readExpected(t, name)
		for _, path := range encoderForms(name) {
			e := openEncoder(t, path, &EngineOptions{Threads: 2})
			r, err := e.Rank(t.Context(), want.Query, want.Texts, nil)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			tokens := 0
			for i, s := range r.Scores {
				tokens += len(want.IDs[i])
				if off := math.Abs(float64(s) - want.Scores[i]); !(off <= 1e-5) {
					t.Errorf("%s: document %d has %v, want %v", path, i, s, want.Scores[i])
				}
			}
			if r.Tokens != tokens {
				t.Errorf("%s: read %d tokens, want %d", path, r.Tokens, tokens)
			}
		}
	}
}

// TestEncodersRefuse asks models for what they were not made for.
func TestEncodersRefuse(t *testing.T) {
	e := openEncoder(t, encoderForms("minilm")[0], nil)
	if _, err := e.Model().Template(); !errors.Is(err, ErrEncoder) {
		t.Errorf("a template of an encoder: got %v, want %v", err, ErrEncoder)
	}
	if _, err := e.Generate(t.Context(), Request{Tokens: []int32{2, 5}}); !errors.Is(err, ErrEncoder) || !strings.Contains(fmt.Sprint(err), "bert") {
		t.Errorf("an answer of an encoder: got %v, want %v", err, ErrEncoder)
	}
	if _, err := e.Score(t.Context(), []int32{2, 5, 6}, nil); !errors.Is(err, ErrEncoder) {
		t.Errorf("a score of an encoder: got %v, want %v", err, ErrEncoder)
	}
	if _, err := e.Rank(t.Context(), "a", []string{"b"}, nil); !errors.Is(err, ErrNoRank) {
		t.Errorf("a ranking by an embedder: got %v, want %v", err, ErrNoRank)
	}
	var long *ContextError
	if _, err := e.Embed(t.Context(), make([]int32, 401), nil); !errors.As(err, &long) || long.Prompt != 401 || long.Context != 400 {
		t.Errorf("a text that is too long: got %v", err)
	}
	ranker := openEncoder(t, encoderForms("bge-reranker")[0], nil)
	if _, err := ranker.Embed(t.Context(), []int32{0, 5, 2}, nil); !errors.Is(err, ErrRanks) {
		t.Errorf("a vector of a reranker: got %v, want %v", err, ErrRanks)
	}
}

// TestRankHostile ranks by a query that is longer than any context, and for a caller who is
// gone: neither costs the query once more for every document.
func TestRankHostile(t *testing.T) {
	e := openEncoder(t, encoderForms("bge-reranker")[0], &EngineOptions{Threads: 1})
	documents := slices.Repeat([]string{"b"}, 2000)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		query string
		want  func(error) bool
	}{
		{"too long", t.Context(), strings.Repeat("a ", 4000), func(err error) bool {
			var long *ContextError
			return errors.As(err, &long) && strings.Contains(err.Error(), "document 0")
		}},
		{"gone", gone, strings.Repeat("a ", 100), func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := e.Rank(c.ctx, c.query, documents, nil)
		runtime.ReadMemStats(&after)
		if !c.want(err) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: %d bytes were allocated, want at most 8 MiB", c.name, n)
		}
	}
}

// TestRankParts wants the same scores where few pairs may be there at once.
func TestRankParts(t *testing.T) {
	defer func(n int) { mostPairTokens = n }(mostPairTokens)
	for _, name := range []string{"cross-encoder", "qwen3-reranker"} {
		want := readExpected(t, name)
		e := openEncoder(t, encoderForms(name)[0], &EngineOptions{Threads: 2})
		var first *Ranking
		for _, mostPairTokens = range []int{1 << 20, 40, 1} {
			r, err := e.Rank(t.Context(), want.Query, want.Texts, nil)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = r
			}
			if !slices.Equal(r.Scores, first.Scores) || r.Tokens != first.Tokens || len(r.Scores) != len(want.Texts) {
				t.Errorf("%s, %d tokens at once: got %+v, want %+v", name, mostPairTokens, r, first)
			}
		}
	}
}
