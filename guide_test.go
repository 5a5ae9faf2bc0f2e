package blitz

import (
	"errors"
	"testing"
)

// onlyGuide is a Guide that lets some tokens pass, always.
type onlyGuide func(id int32) bool

// letters lets small letters pass, where a token is a byte.
var letters = onlyGuide(func(id int32) bool { return id >= 'a' && id <= 'z' })

func (onlyGuide) Begin([]int32) error { return nil }
func (onlyGuide) Forced() []int32     { return nil }
func (onlyGuide) Accept(int32) error  { return nil }

func (g onlyGuide) Mask(mask []uint64) bool {
	for id := range int32(64 * len(mask)) {
		if !g(id) {
			mask[id/64] &^= 1 << (id % 64)
		}
	}
	return true
}

// sayGuide is a Guide that has the model say some tokens, and then what it likes.
type sayGuide struct{ ids []int32 }

func (*sayGuide) Begin([]int32) error { return nil }
func (*sayGuide) Accept(int32) error  { return nil }
func (*sayGuide) Mask([]uint64) bool  { return false }

func (g *sayGuide) Forced() []int32 {
	ids := g.ids
	g.ids = nil
	return ids
}

// saying returns a Guide that has the model say a text, and end there if it is to.
func saying(t *testing.T, m *Model, text string, end bool) Guide {
	t.Helper()
	ids, err := m.Tokenizer().Encode(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if end {
		ids = append(ids, m.StopTokens()[0])
	}
	return &sayGuide{ids}
}

// TestGuideErrors: what a Guide does wrong ends its answer, by an error of its own.
func TestGuideErrors(t *testing.T) {
	e := tinyEngine(t)
	nothing := onlyGuide(func(int32) bool { return false })
	for name, c := range map[string]struct {
		guide Guide
		want  error
	}{
		"lets nothing pass":       {nothing, ErrMask},
		"forces what is no token": {&sayGuide{[]int32{-1}}, ErrGuide},
	} {
		a, err := e.Generate(t.Context(), Request{Prompt: "Q", Guides: []Guide{c.guide}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Wait(); !errors.Is(err, c.want) || errors.Is(err, ErrLogits) || a.Finish().Reason != FinishError || a.Finish().String() != "error" {
			t.Errorf("a guide that %s: got %v, %v, want %v", name, err, a.Finish(), c.want)
		}
	}
}
