// Package blitz runs reasoning models on ordinary processors, in pure Go.
//
// A Model is opened from a GGUF file or a Hugging Face folder, an Engine runs it,
// and a Session is a conversation on an engine:
//
//	m, err := blitz.Open("smollm2.gguf", nil)
//	…
//	e, err := blitz.NewEngine(m, nil)
//	…
//	answer, err := e.NewSession(nil).Ask(ctx, "Name the capital of France.")
//	for t := range answer.Tokens() {
//		fmt.Print(t.Content())
//	}
//
// The same model, prompt, settings and seed give the same bits on every
// processor, at any batch size, thread count and cache state; docs/CANON.md says
// how.
package blitz

import (
	"errors"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Errors that callers act on. Refused files wrap ErrArch, ErrConfig, ErrTensor,
// gguf.ErrFormat or safetensors.ErrFormat; missing ones fs.ErrNotExist.
var (
	// ErrContext is a prompt that leaves no room for an answer in the context.
	ErrContext = engine.ErrContext
	// ErrNoRoom is a model or a context that does not fit into memory.
	ErrNoRoom = model.ErrNoRoom
	// ErrArch is a model of an architecture that is not built.
	ErrArch = model.ErrArch
	// ErrConfig and ErrTensor are models whose parts do not fit together.
	ErrConfig = model.ErrConfig
	ErrTensor = model.ErrTensor
	// ErrNoTemplate is a conversation with a model that has no chat template.
	ErrNoTemplate = errors.New("the model has no chat template")
)

// Sampling are the knobs of drawing tokens. The zero value is greedy with all
// else off; see Model.Sampling for what a model's publisher suggests.
type Sampling struct {
	Temperature      float32 // 0: greedy
	TopK             int     // 0: off
	TopP             float32 // 0 or 1: off
	MinP             float32 // 0: off
	RepeatPenalty    float32 // 0 or 1: off
	FrequencyPenalty float32
	PresencePenalty  float32
	LogitBias        map[int32]float32
	Seed             uint64
	Allowed          func(id int32) bool // which tokens may come next; nil: all
}

// settings returns the settings of package sample.
func (s *Sampling) settings() sample.Settings {
	orOne := func(v float32) float32 {
		if v == 0 {
			return 1
		}
		return v
	}
	return sample.Settings{
		Temperature: s.Temperature, TopK: s.TopK, TopP: orOne(s.TopP), MinP: s.MinP,
		Penalties: sample.Penalties{Repetition: orOne(s.RepeatPenalty), Frequency: s.FrequencyPenalty, Presence: s.PresencePenalty},
		Bias:      s.LogitBias, Seed: s.Seed,
	}
}
