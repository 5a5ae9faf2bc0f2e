package engine

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/sample"
)

// Guide says what may come next in one answer. The engine's goroutine calls it: Begin
// once, then Forced and Mask before each draw, and Accept with every token in order.
type Guide interface {
	// Begin is told the tokens of the prompt, which it does not keep.
	Begin(prompt []int32) error
	// Forced returns the tokens that come next without being drawn; none: the next one
	// is drawn. Each of them is accepted before Forced is asked again.
	Forced() []int32
	// Mask clears the bits of tokens that must not be drawn next, token id being bit
	// id%64 of word id/64. It says whether it cleared any.
	Mask(mask []uint64) bool
	// Accept is told the next token of the answer.
	Accept(id int32) error
}

// guidance is what several guides say together: all of them must let a token pass,
// and the first that forces tokens is followed.
type guidance struct {
	guides []Guide
	V      int
	full   []uint64 // the mask of all tokens
	words  []uint64 // memory of allowed
	// allowed is the mask of the next token, nil where all may come.
	allowed []uint64
}

func newGuidance(guides []Guide, V int) guidance {
	g := guidance{guides: guides, V: V}
	if len(guides) > 0 {
		g.full = make([]uint64, sample.MaskWords(V))
		sample.FillMask(g.full, V)
		g.words = make([]uint64, len(g.full))
	}
	return g
}

func (g *guidance) begin(prompt []int32) error {
	for _, guide := range g.guides {
		if err := guide.Begin(prompt); err != nil {
			return fmt.Errorf("engine: %w: %w", ErrGuide, err)
		}
	}
	return nil
}

func (g *guidance) accept(id int32) error {
	for _, guide := range g.guides {
		if err := guide.Accept(id); err != nil {
			return fmt.Errorf("engine: %w: token %d: %w", ErrGuide, id, err)
		}
	}
	return nil
}

// forced returns the tokens that come next without being drawn.
func (g *guidance) forced() ([]int32, error) {
	for _, guide := range g.guides {
		ids := guide.Forced()
		for _, id := range ids {
			if id < 0 || int(id) >= g.V {
				return nil, fmt.Errorf("engine: %w: token %d is forced, want 0 to %d", ErrGuide, id, g.V-1)
			}
		}
		if len(ids) > 0 {
			return ids, nil
		}
	}
	return nil, nil
}

// mask asks the guides which tokens may come next.
func (g *guidance) mask() {
	g.allowed = nil
	if len(g.guides) == 0 {
		return
	}
	copy(g.words, g.full)
	narrowed := false
	for _, guide := range g.guides {
		narrowed = guide.Mask(g.words) || narrowed
	}
	if narrowed {
		g.allowed = g.words
	}
}
