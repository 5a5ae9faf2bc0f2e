package engine

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// automaton is a Guide over a random automaton: what may come next depends on all
// tokens so far. It checks that it is called as Guide says.
type automaton struct {
	seed   uint64
	every  int // after so many tokens, some are forced; 0: never
	state  uint64
	prompt []int32
	told   []int32
	owed   []int32 // forced, not yet accepted
	asked  bool    // Forced returned none since the last token
	fault  error
}

func (a *automaton) complain(format string, args ...any) {
	if a.fault == nil {
		a.fault = fmt.Errorf(format, args...)
	}
}

func (a *automaton) Begin(prompt []int32) error {
	if a.prompt != nil {
		a.complain("begun twice")
	}
	a.prompt = slices.Clone(prompt)
	a.state = a.seed
	return nil
}

// allows says whether a token may come in a state: about one in eight.
func (a *automaton) allows(id int32) bool {
	return rand.NewPCG(a.state, uint64(id)).Uint64()%8 == 0 || id == int32(a.state%300)
}

func (a *automaton) Forced() []int32 {
	if len(a.owed) > 0 {
		a.complain("asked for more before %v were accepted", a.owed)
	}
	if a.every == 0 || len(a.told)%a.every != a.every-1 {
		a.asked = true
		return nil
	}
	a.owed = []int32{int32(a.state % 250), int32(a.state % 249)}
	return slices.Clone(a.owed)
}

func (a *automaton) Mask(mask []uint64) bool {
	if !a.asked {
		a.complain("a mask before Forced returned none")
	}
	for id := range int32(64 * len(mask)) {
		if !a.allows(id) {
			mask[id/64] &^= 1 << (id % 64)
		}
	}
	return true
}

func (a *automaton) Accept(id int32) error {
	if len(a.owed) > 0 {
		if a.owed[0] != id {
			a.complain("token %d came, %d was forced", id, a.owed[0])
		}
		a.owed = a.owed[1:]
	}
	a.told = append(a.told, id)
	a.asked = false
	a.state = rand.NewPCG(a.state, uint64(id)).Uint64()
	return nil
}

// set is a Guide that lets some tokens pass, always.
type set map[int32]bool

func (set) Begin([]int32) error { return nil }
func (set) Forced() []int32     { return nil }
func (set) Accept(int32) error  { return nil }
func (s set) Mask(mask []uint64) bool {
	for id := range int32(64 * len(mask)) {
		if !s[id] {
			mask[id/64] &^= 1 << (id % 64)
		}
	}
	return true
}

// answered submits a request and reads its answer.
func answered(t *testing.T, e *Engine, r Request) ([]Token, Finish) {
	t.Helper()
	s, err := e.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var all []Token
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		all = append(all, tok)
	}
	return all, s.Finish()
}

func idsOf(all []Token) (ids []int32) {
	for _, t := range all {
		ids = append(ids, t.ID)
	}
	return ids
}

// TestGuide holds answers under guides to an oracle: each token alone, as the likeliest
// of those that the automaton allows behind all tokens so far.
func TestGuide(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 200})
	penalised := off
	penalised.Repetition = 1.8 // of prompt and answer alike, forced tokens too
	for _, every := range []int{0, 4} {
		for seed := range uint64(3) {
			g := &automaton{seed: seed, every: every}
			p := prompt(20, int(seed))
			got, f := answered(t, e, Request{Tokens: p, MaxTokens: 25, Sampling: penalised, Logprobs: -1, Guides: []Guide{g}})
			if g.fault != nil || f.Reason != FinishLength || !slices.Equal(g.told, idsOf(got)) || !slices.Equal(g.prompt, p) {
				t.Fatalf("every %d, seed %d: %v; told %v of %v, finished by %v", every, seed, g.fault, g.told, idsOf(got), f)
			}
			oracle := &automaton{seed: seed, every: every}
			if err := oracle.Begin(p); err != nil {
				t.Fatal(err)
			}
			var want []Token
			for len(want) < 25 {
				if ids := oracle.Forced(); ids != nil {
					for _, id := range ids {
						want = append(want, Token{ID: id, Forced: true})
						if err := oracle.Accept(id); err != nil {
							t.Fatal(err)
						}
					}
					continue
				}
				some := set{}
				for id := range int32(m.Config.VocabSize) {
					some[id] = oracle.allows(id)
				}
				next, _ := answered(t, e, Request{Tokens: append(slices.Clone(p), idsOf(want)...), MaxTokens: 1, Sampling: penalised, Logprobs: -1, Guides: []Guide{some}})
				want = append(want, Token{ID: next[0].ID})
				if err := oracle.Accept(next[0].ID); err != nil {
					t.Fatal(err)
				}
			}
			for i, tok := range got {
				if tok.ID != want[i].ID || tok.Forced != want[i].Forced {
					t.Fatalf("every %d, seed %d: token %d is %+v, want %+v", every, seed, i, tok, want[i])
				}
			}
		}
	}
}

// TestGuidesTogether lets a token pass where all guides do, and follows the first that
// forces any.
func TestGuidesTogether(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 200})
	a, b := set{}, set{}
	for id := range int32(300) {
		a[id], b[id] = id%2 == 0, id%3 == 0
	}
	force, count := &automaton{seed: 1, every: 5}, &automaton{seed: 2}
	got, f := answered(t, e, Request{Tokens: prompt(9, 0), MaxTokens: 12, Sampling: off, Logprobs: -1, Guides: []Guide{a, b, forcing{force}, forcing{count}}})
	if f.Reason != FinishLength {
		t.Fatalf("finished by %v", f)
	}
	for i, tok := range got {
		if !tok.Forced && tok.ID%6 != 0 {
			t.Errorf("token %d is %d: one of the guides does not allow it", i, tok.ID)
		}
	}
	if !got[4].Forced || !got[5].Forced || got[3].Forced {
		t.Errorf("got %+v, want tokens 4 and 5 forced", got)
	}
	if !slices.Equal(force.told, idsOf(got)) || !slices.Equal(count.told, idsOf(got)) || force.fault != nil {
		t.Errorf("the guides were told %v and %v, want %v; %v", force.told, count.told, idsOf(got), force.fault)
	}
}

// forcing is an automaton without its masks.
type forcing struct{ *automaton }

func (forcing) Mask([]uint64) bool { return false }

// beginning is a Guide that forces tokens at the very beginning.
type beginning struct {
	set
	ids []int32
}

func (b *beginning) Forced() []int32 {
	ids := b.ids
	b.ids = nil
	return ids
}

func (b *beginning) Mask([]uint64) bool { return false }

// TestForced: forced tokens are as if they had been given, with and without their
// log-probabilities, wherever they stand.
func TestForced(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 200})
	p := prompt(30, 1)
	for _, most := range []int{1, 3, 4, 20} {
		for _, logprobs := range []int{-1, 2} {
			r := Request{Tokens: p, MaxTokens: most, Sampling: off, Logprobs: logprobs, Guides: []Guide{&beginning{ids: []int32{7, 8, 9}}, forcing{&automaton{seed: 4, every: 5}}}}
			var seen [][]float32
			if logprobs >= 0 {
				r.Observe = func(id int32, logits []float32) { seen = append(seen, slices.Clone(logits)) }
			}
			got, f := answered(t, e, r)
			if f.Reason != FinishLength || len(got) != most || !got[most-1].Last {
				t.Fatalf("%d tokens: got %+v, %v", most, got, f)
			}
			given, _ := answered(t, e, Request{Tokens: append(slices.Clone(p), 7, 8, 9), MaxTokens: 1, Sampling: off, Logprobs: -1})
			if want := append([]int32{7, 8, 9}, given[0].ID); !slices.Equal(idsOf(got)[:min(most, 4)], want[:min(most, 4)]) {
				t.Fatalf("%d tokens: got %v, want %v at first", most, idsOf(got), want)
			}
			if logprobs < 0 {
				continue
			}
			scores, err := e.Score(t.Context(), Owner{}, append(slices.Clone(p), idsOf(got)...), len(p), 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(scores) != most || len(seen) != most {
				t.Fatalf("%d tokens have %d scores, and %d rows were seen", most, len(scores), len(seen))
			}
			for i, tok := range got {
				if s := scores[i]; tok.Logprob != s.Logprob || !slices.Equal(tok.Top, s.Top) || tok.ID != s.ID {
					t.Errorf("%d tokens: token %d is %+v, alone it has %+v", most, i, tok, s)
				}
				if y := make([]float32, len(seen[i])); sample.Logprob(y, seen[i], tok.ID) != tok.Logprob {
					t.Errorf("token %d was shown with other logits than its own", i)
				}
			}
		}
	}
}

// failing is a Guide that fails.
type failing struct {
	begin, accept error
	forced        []int32
}

func (f failing) Begin([]int32) error { return f.begin }
func (f failing) Accept(int32) error  { return f.accept }
func (f failing) Forced() []int32     { return f.forced }
func (f failing) Mask([]uint64) bool  { return false }
func (s set) with(forced int32) Guide { return &beginning{s, []int32{forced}} }

// TestGuideFails: what a guide does wrong ends its answer, and nothing else.
func TestGuideFails(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 200})
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		guide Guide
		want  error
	}{
		"begins with an error":    {failing{begin: broken}, broken},
		"does not accept":         {failing{accept: broken}, broken},
		"forces what is no token": {failing{forced: []int32{1 << 20}}, ErrGuide},
		"allows nothing":          {set{}, sample.ErrMask},
	} {
		_, f := answered(t, e, Request{Tokens: prompt(9, 0), MaxTokens: 5, Sampling: off, Logprobs: -1, Guides: []Guide{c.guide}})
		if f.Reason != FinishError || !errors.Is(f.Err, c.want) || errors.Is(f.Err, sample.ErrLogits) {
			t.Errorf("a guide that %s: finished by %v, want %v", name, f, c.want)
		}
	}
	got, f := answered(t, e, Request{Tokens: prompt(9, 0), MaxTokens: 5, Sampling: off, Logprobs: -1, Stop: []int32{77}, Guides: []Guide{set{}.with(77)}})
	if len(got) != 1 || !got[0].End || !got[0].Forced || f.Reason != FinishStop {
		t.Errorf("a forced end token: got %+v, %v", got, f)
	}
	if got, f := answered(t, e, Request{Tokens: prompt(9, 0), MaxTokens: 5, Sampling: off, Logprobs: -1}); len(got) != 5 || f.Err != nil {
		t.Errorf("the engine does not go on: got %+v, %v", got, f)
	}
}

// TestRequestRefused: options that are out of range are refused before anything runs.
func TestRequestRefused(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 32})
	nan := off
	nan.Temperature = float32(math.NaN())
	for name, r := range map[string]Request{
		"negative MaxTokens":     {Tokens: prompt(3, 0), MaxTokens: -1, Sampling: off},
		"Logprobs of -2":         {Tokens: prompt(3, 0), Logprobs: -2, Sampling: off},
		"more best than tokens":  {Tokens: prompt(3, 0), Logprobs: m.Config.VocabSize + 1, Sampling: off},
		"a temperature of NaN":   {Tokens: prompt(3, 0), Sampling: nan},
		"settings of all zeroes": {Tokens: prompt(3, 0)},
		"an infinite bias":       {Tokens: prompt(3, 0), Sampling: sample.Settings{TopP: 1, Penalties: sample.Penalties{Repetition: 1}, Bias: map[int32]float32{1: nan.Temperature}}},
	} {
		if _, err := e.Submit(t.Context(), r); !errors.Is(err, ErrOption) {
			t.Errorf("%s: got %v, want %v", name, err, ErrOption)
		}
	}
	for _, o := range []Options{{Threads: 20000}, {Threads: -1}, {Context: -1}, {Sequences: -1}, {Sequences: 1 << 20}, {Chunk: -1}, {Chunk: 1 << 30}, {MemoryLimit: -1}} {
		if _, err := New(m, o); !errors.Is(err, ErrOption) {
			t.Errorf("%+v: got %v, want %v", o, err, ErrOption)
		}
	}
	if _, err := e.Submit(t.Context(), Request{Tokens: []int32{-5}, Sampling: off}); !errors.Is(err, model.ErrTokens) {
		t.Errorf("a negative token: got %v, want %v", err, model.ErrTokens)
	}
}
