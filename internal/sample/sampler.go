// Package sample turns logits into tokens: penalties, bias, temperature, top-k,
// top-p, min-p, and the draw itself, as docs/CANON.md section 7 has it to the bit.
package sample

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

var negInf = float32(math.Inf(-1))

// Errors. The first two say why no token can be drawn, which ends a sequence.
var (
	// ErrLogits is a logit that is NaN or infinite.
	ErrLogits = errors.New("sample: the greatest logit is not finite")
	// ErrMask is a mask that lets no token pass.
	ErrMask = errors.New("sample: no token is allowed")
	// ErrSetting is a setting that is out of range.
	ErrSetting = errors.New("out of range")
)

// Settings are the knobs of sampling. Settings without effect: Temperature 1, TopK
// 0, TopP 1, MinP 0, Repetition 1, the others 0. Temperature 0 is greedy.
type Settings struct {
	Temperature float32
	TopK        int
	TopP        float32
	MinP        float32
	Penalties
	Bias map[int32]float32 // added to the logits of these tokens
	Seed uint64
}

// Validate returns an error that names a setting that is out of range, and wraps
// ErrSetting.
func (s *Settings) Validate() error {
	type limit struct {
		name     string
		v        float32
		min, max float32
		want     string
	}
	for _, l := range []limit{
		{"temperature", s.Temperature, 0, 100, "0 to 100"},
		{"top-k", float32(s.TopK), 0, 1 << 30, "0 or more"},
		{"top-p", s.TopP, 0, 1, "0 to 1"},
		{"min-p", s.MinP, 0, 1, "0 to 1"},
		{"repeat-penalty", s.Repetition, 1e-3, 1e3, "0.001 to 1000"},
		{"frequency-penalty", s.Frequency, -100, 100, "-100 to 100"},
		{"presence-penalty", s.Presence, -100, 100, "-100 to 100"},
	} {
		if !(l.v >= l.min && l.v <= l.max) {
			return fmt.Errorf("sample: %s is %v, want %s: %w", l.name, l.v, l.want, ErrSetting)
		}
	}
	for id, b := range s.Bias {
		if b-b != 0 {
			return fmt.Errorf("sample: the bias of token %d is %v, want a finite number: %w", id, b, ErrSetting)
		}
	}
	return nil
}

// Sampler draws the tokens of one sequence. Its settings are fixed before the
// first draw.
type Sampler struct {
	Settings
	rng    *rand.ChaCha8
	ahead  []float32          // numbers of the next tokens that Guess has looked at
	text   map[int32]struct{} // tokens of prompt and output
	counts map[int32]int32    // of the output
	x      []float32          // logits after penalties, bias and mask, where there are any
	from   []float32          // [V] logits that are drawn from: x, or those that came
	tops   []float32          // the greatest of each block of them
	top    float32            // and of all
	hot    []float32          // [V] what a temperature makes of them
	prefix prefix
}

// New returns a sampler for a sequence that starts with prompt.
func New(s Settings, prompt []int32) *Sampler {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], s.Seed)
	p := &Sampler{Settings: s, rng: rand.NewChaCha8(seed)}
	if s.Penalties.active() {
		p.text, p.counts = make(map[int32]struct{}, len(prompt)), map[int32]int32{}
		for _, id := range prompt {
			p.text[id] = struct{}{}
		}
	}
	return p
}

// Next draws the next token from logits [V], which it leaves as they are. mask, where
// not nil, is the set of tokens that may pass: bit id%64 of word id/64. The error is
// ErrMask where it is empty, and ErrLogits.
func (s *Sampler) Next(logits []float32, mask []uint64) (int32, error) {
	x, err := s.change(logits, mask)
	if err != nil {
		return 0, err
	}
	s.scanAll(x)
	parts, err := s.Spread()
	if err != nil {
		return 0, err
	}
	s.weighAll(parts)
	return s.End(), nil
}

// change returns logits with penalties, bias and mask. Where there are none they are the
// ones that came. The error is ErrMask.
func (s *Sampler) change(logits []float32, mask []uint64) ([]float32, error) {
	if len(s.text) == 0 && len(s.Bias) == 0 && mask == nil {
		return logits, nil
	}
	s.x = append(s.x[:0], logits...)
	for id := range s.text {
		s.Penalties.Apply(s.x, id, true, s.counts[id])
	}
	for id, b := range s.Bias {
		if int(id) < len(s.x) && id >= 0 {
			s.x[id] += b
		}
	}
	if mask != nil && !apply(s.x, mask) {
		return nil, ErrMask
	}
	return s.x, nil
}

// Accept makes a token part of the output that was not drawn. It has its number of the
// generator all the same: draw i belongs to token i of the output, so that a token that
// is forced and one that is the only candidate lead to the same answer.
func (s *Sampler) Accept(id int32) {
	s.uniform()
	s.count(id)
}

// uniform returns the number of the next token; without a temperature it has none.
func (s *Sampler) uniform() float32 {
	if s.Temperature == 0 {
		return 0
	}
	if len(s.ahead) > 0 {
		u := s.ahead[0]
		s.ahead = append(s.ahead[:0], s.ahead[1:]...)
		return u
	}
	return Uniform(s.rng.Uint64())
}

// Guess returns the token that Next would draw after so many others, if it were given these
// logits [V]; 0 where it would draw none. It changes nothing of what is drawn: another
// model's guess is right the more often, the closer its logits are, also with a temperature.
func (s *Sampler) Guess(after int, logits []float32) int32 {
	var u float32
	if s.Temperature != 0 {
		for len(s.ahead) <= after {
			s.ahead = append(s.ahead, Uniform(s.rng.Uint64()))
		}
		u = s.ahead[after]
	}
	x, err := s.change(logits, nil)
	if err != nil {
		return 0
	}
	s.scanAll(x)
	parts, err := s.Spread()
	if err != nil {
		return 0
	}
	s.weighAll(parts)
	return s.pick(u)
}

// count lets penalties know of a token.
func (s *Sampler) count(id int32) {
	if s.text != nil {
		s.text[id] = struct{}{}
		s.counts[id]++
	}
}

// Uniform returns the number in [0, 1) that a random word stands for.
func Uniform(word uint64) float32 { return float32(word>>40) * 0x1p-24 }
