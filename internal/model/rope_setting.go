package model

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrRope is a setting of rotary embedding that a model cannot have.
var ErrRope = errors.New("rotary embedding cannot be set so")

// RopeSetting is what is set of rotary embedding in place of what a model's files say.
// Zero leaves a field as it is.
type RopeSetting struct {
	Scaling         string  // none, linear, dynamic, yarn
	Scale           float64 // how many times the context grows, from 1 on
	Base            float64 // rope_theta
	OriginalContext int     // positions that the model was first trained on, of yarn, dynamic and linear
	// YaRN's: what multiplies sine and cosine, and the turns within OriginalContext of the
	// fastest and the slowest frequency between which it passes from one to the other.
	AttentionFactor, BetaFast, BetaSlow float64
}

// scalings are the values of RopeSetting.Scaling.
var scalings = []string{"none", "linear", "dynamic", "yarn"}

// Scalings returns the values of RopeSetting.Scaling.
func Scalings() []string { return append([]string(nil), scalings...) }

// fields returns the numbers of a setting with their names.
func (s *RopeSetting) fields() []ropeField {
	original := float64(s.OriginalContext)
	return []ropeField{
		{"scale", &s.Scale, 1, maxScale},
		{"base", &s.Base, 1, 1e12},
		{"original", &original, 1, maxContext},
		{"attention", &s.AttentionFactor, 0, maxScale},
		{"fast", &s.BetaFast, 0, maxScale},
		{"slow", &s.BetaSlow, 0, maxScale},
	}
}

type ropeField struct {
	name        string
	v           *float64
	least, most float64
}

// String returns the setting in one form of all those that mean the same, "" where nothing
// is set. ParseRope reads it.
func (s RopeSetting) String() string {
	var parts []string
	if s.Scaling != "" {
		parts = append(parts, "scaling="+s.Scaling)
	}
	for _, f := range s.fields() {
		if *f.v != 0 {
			parts = append(parts, f.name+"="+strconv.FormatFloat(*f.v, 'g', -1, 64))
		}
	}
	return strings.Join(parts, ",")
}

// ParseRope reads what String returns. The error wraps ErrRope.
func ParseRope(text string) (RopeSetting, error) {
	var s RopeSetting
	wrong := func() (RopeSetting, error) {
		return RopeSetting{}, fmt.Errorf("model: %.80q: %w: want settings such as scaling=yarn,scale=4", text, ErrRope)
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		if name == "scaling" {
			s.Scaling = value
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		known := false
		for _, f := range s.fields() {
			if f.name == name && err == nil {
				known, *f.v = true, v
			}
		}
		if name == "original" && v == math.Trunc(v) && v >= 1 && v <= maxContext {
			s.OriginalContext = int(v)
		}
		if !known && text != "" {
			return wrong()
		}
	}
	if s.String() != text {
		return wrong()
	}
	return s, s.check()
}

// check returns an error where a field is out of range.
func (s *RopeSetting) check() error {
	if s.Scaling != "" && !isScaling(s.Scaling) {
		return fmt.Errorf("model: scaling %.40q, want %s: %w", s.Scaling, strings.Join(scalings, ", "), ErrRope)
	}
	for _, f := range s.fields() {
		if v := *f.v; v != 0 && !(v >= f.least && v <= f.most) {
			return fmt.Errorf("model: rotary embedding: %s %v, want a number from %v to %v: %w", f.name, v, f.least, f.most, ErrRope)
		}
	}
	return nil
}

func isScaling(name string) bool {
	for _, s := range scalings {
		if s == name {
			return true
		}
	}
	return false
}

// apply changes a configuration as the setting wants, which is checked again.
func (s *RopeSetting) apply(c *Config) error {
	if *s == (RopeSetting{}) {
		return nil
	}
	if err := s.check(); err != nil {
		return err
	}
	r := c.Rope
	if err := s.scale(&r, c); err != nil {
		return err
	}
	if s.Base != 0 {
		r.Theta = s.Base
	}
	c.Rope = r
	if conflict := c.finish(); conflict != nil {
		return fmt.Errorf("model: with %s: %s: %w", s, conflict.text, ErrRope)
	}
	return nil
}

// scale changes how frequencies are scaled.
func (s *RopeSetting) scale(r *RopeConfig, c *Config) error {
	yarn := s.AttentionFactor != 0 || s.BetaFast != 0 || s.BetaSlow != 0
	kind := s.Scaling
	switch {
	case kind != "" || s.Scale == 0 && s.OriginalContext == 0 && !yarn:
	case r.Type != "default":
		kind = r.Type
	case yarn || s.OriginalContext != 0:
		kind = "yarn"
	default:
		kind = "linear"
	}
	switch {
	case kind == "":
		return nil
	case r.Type == "proportional":
		return s.scaleProportional(r, c, kind, yarn)
	case kind == "none":
		if s.Scale != 0 || s.OriginalContext != 0 || yarn {
			return fmt.Errorf("model: %s: no scaling, and numbers of it: %w", s, ErrRope)
		}
		*r = RopeConfig{Type: "default", Theta: r.Theta, Partial: r.Partial, Pairs: r.Pairs}
		return nil
	case kind == "longrope":
		return fmt.Errorf("model: %s: the model's own scaling is longrope, which no number sets: %w; another scaling can take its place", s, ErrRope)
	case yarn && kind != "yarn":
		return fmt.Errorf("model: %s: numbers of yarn, and the scaling is %s: %w", s, kind, ErrRope)
	}
	if kind != r.Type {
		*r = RopeConfig{
			Type: kind, Theta: r.Theta, Partial: r.Partial, Pairs: r.Pairs, BetaFast: 32, BetaSlow: 1,
			OriginalMaxPositionEmbeddings: float64(c.MaxPositionEmbeddings), Divisors: r.Divisors,
		}
		if c.CompressRatios != nil { // what turns back in the output of attention is not scaled
			r.AttentionFactor = 1
		}
	} else if r.Type == "linear" {
		r.OriginalMaxPositionEmbeddings = float64(c.MaxPositionEmbeddings) / r.Factor
	}
	for _, x := range []struct {
		dst *float64
		v   float64
	}{
		{&r.Factor, s.Scale},
		{&r.OriginalMaxPositionEmbeddings, float64(s.OriginalContext)},
		{&r.AttentionFactor, s.AttentionFactor},
		{&r.BetaFast, s.BetaFast},
		{&r.BetaSlow, s.BetaSlow},
	} {
		if x.v != 0 {
			*x.dst = x.v
		}
	}
	if r.Factor == 0 {
		return fmt.Errorf("model: %s: no scale: %w", s, ErrRope)
	}
	r.lengthens = true
	return nil
}

// scaleProportional changes how the frequencies of a model are scaled whose rotary embedding is
// proportional: most of a head does not turn, whatever is set, so that there is nothing to pass
// to and from.
func (s *RopeSetting) scaleProportional(r *RopeConfig, c *Config, kind string, yarn bool) error {
	switch {
	case kind == "none" && s.Scale == 0 && s.OriginalContext == 0 && !yarn:
		r.Factor, r.lengthens = 1, false
	case kind == "none" || kind == "dynamic" || kind == "yarn" || yarn || s.OriginalContext != 0:
		return fmt.Errorf("model: %s: the model's rotary embedding is proportional, which is scaled by one number: %w; want none, or linear with a scale", s, ErrRope)
	case s.Scale == 0:
		return fmt.Errorf("model: %s: no scale: %w", s, ErrRope)
	default:
		r.OriginalMaxPositionEmbeddings = float64(c.MaxPositionEmbeddings) / r.Factor
		r.Factor, r.lengthens = s.Scale, true
	}
	return nil
}
