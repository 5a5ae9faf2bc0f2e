package train

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Schedule is the learning rate over the steps of a run.
type Schedule struct {
	Kind   string  `json:"kind"`   // constant, cosine (Loshchilov and Hutter 2017), wsd (Hu et al. 2024)
	LR     float64 `json:"lr"`     // behind the warm-up
	MinLR  float64 `json:"min_lr"` // of the last step and those behind it; not of constant
	Warmup int     `json:"warmup"` // steps of a rate that grows evenly
	Steps  int     `json:"steps"`  // of the run; constant needs none
	Decay  int     `json:"decay"`  // of wsd: steps at the end in which the rate falls
	Shape  string  `json:"shape"`  // of that fall: linear, sqrt, cosine
}

// wrongSetting returns an error about a setting.
func wrongSetting(name string, got any, want string) error {
	return fmt.Errorf("train: %s: %v, want %s: %w", name, got, want, ErrSettings)
}

// Check returns an error that names the first setting that cannot be.
func (s *Schedule) Check() error {
	switch s.Kind {
	case "constant", "cosine", "wsd":
	default:
		return wrongSetting("schedule.kind", fmt.Sprintf("%q", s.Kind), "constant, cosine or wsd")
	}
	switch {
	case !(s.LR >= 0 && s.LR <= math.MaxFloat64):
		return wrongSetting("schedule.lr", s.LR, "0 or more")
	case !(s.MinLR >= 0 && s.MinLR <= math.MaxFloat64):
		return wrongSetting("schedule.min_lr", s.MinLR, "0 or more")
	case s.Steps < 1 && (s.Kind != "constant" || s.Steps < 0):
		return wrongSetting("schedule.steps", s.Steps, "1 or more")
	case s.Warmup < 0 || s.Steps > 0 && s.Warmup > s.Steps:
		return wrongSetting("schedule.warmup", s.Warmup, fmt.Sprintf("0 to steps, which are %d", s.Steps))
	case s.Kind != "wsd" && (s.Decay != 0 || s.Shape != ""):
		return wrongSetting("schedule.decay", s.Decay, "none: it is of wsd")
	case s.Kind != "wsd":
		return nil
	case s.Decay < 0 || s.Decay > s.Steps-s.Warmup:
		return wrongSetting("schedule.decay", s.Decay, fmt.Sprintf("0 to the %d steps behind the warm-up", s.Steps-s.Warmup))
	}
	switch s.Shape {
	case "", "linear", "sqrt", "cosine":
		return nil
	}
	return wrongSetting("schedule.shape", fmt.Sprintf("%q", s.Shape), "linear, sqrt or cosine")
}

// Rate returns the learning rate of a step, from 0 on.
func (s *Schedule) Rate(step int) float64 {
	fall := func(left float64) float64 { return s.MinLR + (s.LR-s.MinLR)*left }
	switch {
	case step < s.Warmup:
		return s.LR * float64(step+1) / float64(s.Warmup)
	case s.Kind == "constant":
		return s.LR
	case step >= s.Steps:
		return s.MinLR
	case s.Kind == "cosine":
		return fall(half(float64(step-s.Warmup+1) / float64(s.Steps-s.Warmup)))
	case step < s.Steps-s.Decay:
		return s.LR
	}
	q := float64(step-(s.Steps-s.Decay)+1) / float64(s.Decay)
	switch s.Shape {
	case "sqrt":
		return fall(1 - math.Sqrt(q))
	case "cosine":
		return fall(half(q))
	}
	return fall(1 - q)
}

// half is half a wave of a cosine, from 1 at 0 to 0 at 1.
func half(q float64) float64 {
	if q == 1 {
		return 0
	}
	_, cos := kernel.SinCos64(math.Pi * q)
	return 0.5 * (1 + cos)
}
