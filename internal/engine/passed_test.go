package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
)

// told is work that notes what it is told of a step.
type told struct{ positions []int }

func (w *told) begin(*sequence) error { return nil }
func (w *told) computed(positions int, took time.Duration) {
	w.positions = append(w.positions, positions)
}
func (w *told) row(*sequence, int, []float32) error { return nil }
func (w *told) end(Finish)                          {}

// A prompt hears of each layer that is passed within a step, but for the last, behind
// which the step tells itself; a sequence that decodes hears nothing.
func TestLayerPassed(t *testing.T) {
	const layers = 4
	prompt, decoding := &told{}, &told{}
	e := &Engine{
		config:  &model.Config{NumHiddenLayers: layers},
		batched: []*sequence{{work: prompt}, {work: decoding}},
		batch:   model.Batch{Segments: []model.Segment{{Pos: 100, Tokens: make([]int32, 8)}, {Pos: 7, Tokens: make([]int32, 1)}}},
	}
	for range layers {
		e.layerPassed()
	}
	if want := []int{102, 104, 106}; !slices.Equal(prompt.positions, want) || decoding.positions != nil {
		t.Errorf("told %d and %d, want %d and nothing", prompt.positions, decoding.positions, want)
	}
}
