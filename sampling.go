package blitz

import (
	"math/rand/v2"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Sampling are the knobs of drawing tokens. The zero value is greedy with all else
// off; Model.Sampling is what a model's publisher suggests, to be changed where one
// wants to.
type Sampling struct {
	Temperature      float32  // 0: the likeliest token, always
	TopK             int      // draw among so many of the likeliest; 0: all
	TopP             *float32 // among the likeliest that have this probability together, 0: the likeliest alone; nil: all
	MinP             float32  // among those with this share of the likeliest's probability; 0: all
	RepeatPenalty    float32  // divides the logits of tokens that occurred; 0 or 1: off
	FrequencyPenalty float32  // taken off for each time that a token occurred in the answer
	PresencePenalty  float32  // taken off once for each token that occurred in the answer
	LogitBias        map[int32]float32
	Seed             *uint64 // nil: a random one, which Answer.Settings tells
}

// defaultSampling is used where a model's publisher suggests nothing.
var defaultSampling = Sampling{Temperature: 0.8, TopP: new(float32(0.95)), TopK: 40}

// suggested returns the Sampling that a publisher suggests; what is left out is off, the
// temperature 1.
func suggested(s checkpoint.Suggestions) Sampling {
	x := Sampling{Temperature: 1, TopP: s.TopP}
	set(&x.Temperature, s.Temperature)
	set(&x.TopK, s.TopK)
	set(&x.MinP, s.MinP)
	set(&x.RepeatPenalty, s.RepeatPenalty)
	return x
}

func set[T any](dst, v *T) {
	if v != nil {
		*dst = *v
	}
}

// Settings are what an answer is drawn with, none left open.
type Settings struct {
	Temperature      float32           `json:"temperature"`
	TopK             int               `json:"top_k"`
	TopP             float32           `json:"top_p"`
	MinP             float32           `json:"min_p"`
	RepeatPenalty    float32           `json:"repeat_penalty"`
	FrequencyPenalty float32           `json:"frequency_penalty"`
	PresencePenalty  float32           `json:"presence_penalty"`
	LogitBias        map[int32]float32 `json:"logit_bias,omitempty"`
	Seed             uint64            `json:"seed,string"`
	MaxTokens        int               `json:"max_tokens"` // 0: as many as the context has room for
	Stop             []string          `json:"stop,omitempty"`
	Think            Think             `json:"think"`
}

// resolve fills in what s leaves open.
func (s *Sampling) resolve() Settings {
	x := Settings{
		Temperature: s.Temperature, TopK: s.TopK, TopP: 1, MinP: s.MinP, RepeatPenalty: s.RepeatPenalty,
		FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty, LogitBias: s.LogitBias,
	}
	if s.TopP != nil {
		x.TopP = *s.TopP
	}
	if x.RepeatPenalty == 0 {
		x.RepeatPenalty = 1
	}
	switch {
	case s.Seed != nil:
		x.Seed = *s.Seed
	case s.Temperature != 0:
		x.Seed = rand.Uint64N(1 << 53) // every reader of JSON keeps it
	}
	return x
}

// sampling returns the Sampling that gives these settings.
func (s *Settings) sampling() *Sampling {
	return &Sampling{
		Temperature: s.Temperature, TopK: s.TopK, TopP: new(s.TopP), MinP: s.MinP, RepeatPenalty: s.RepeatPenalty,
		FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty, LogitBias: s.LogitBias, Seed: new(s.Seed),
	}
}

// draw returns the settings of package sample.
func (s *Settings) draw() sample.Settings {
	return sample.Settings{
		Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP,
		Penalties: sample.Penalties{Repetition: s.RepeatPenalty, Frequency: s.FrequencyPenalty, Presence: s.PresencePenalty},
		Bias:      s.LogitBias, Seed: s.Seed,
	}
}
