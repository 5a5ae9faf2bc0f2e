package blitz

import (
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
)

// Rope is what is set of rotary position embedding in place of what a model's files say.
// Zero leaves a field as it is. It changes answers, and how long contexts may be: a Scale
// makes them longer.
type Rope struct {
	// Scaling is none, linear, dynamic (its base grows with the context) or yarn. Where it is
	// empty, what the model has is set anew, and a model without any gets yarn if one of
	// yarn's numbers is set, else linear.
	Scaling         string
	Scale           float64 // how many times the context grows, from 1 on
	Base            float64 // rope_theta
	OriginalContext int     // positions that the model was first trained on
	// YaRN's: what multiplies sine and cosine, and how often the fastest and the slowest
	// frequencies turn within OriginalContext, between which it passes from one to the other.
	AttentionFactor, BetaFast, BetaSlow float64
}

// ErrRope is a Rope that a model cannot have.
var ErrRope = model.ErrRope

// ropeContext is the name of RopeContext in the text of Engine.Rope.
const ropeContext = "context="

// ParseRope reads what Engine.Rope returned: the Rope of Options and the RopeContext of
// EngineOptions. The error wraps ErrRope.
func ParseRope(text string) (r Rope, context int, err error) {
	rest := text
	if at := strings.LastIndex(text, ropeContext); at == 0 || at > 0 && text[at-1] == ',' {
		number := text[at+len(ropeContext):]
		if n, wrong := strconv.Atoi(number); wrong == nil && n > 0 && strconv.Itoa(n) == number {
			context, rest = n, strings.TrimSuffix(text[:at], ",")
		}
	}
	s, err := model.ParseRope(rest)
	return Rope(s), context, err
}

// Rope returns what was set of rotary embedding, and the context that its frequencies are
// for where they depend on such, in one form of all those that mean the same; "" where the
// model is as its files say, whatever the context. Like the kind of cache it changes bits.
func (e *Engine) Rope() string {
	if e.far != nil {
		return e.far.Facts().Rope
	}
	return e.model.ropeText(e.run.Options().RopeContext)
}

func (m *Model) ropeText(context int) string {
	var parts []string
	if s := model.RopeSetting(m.rope).String(); s != "" {
		parts = append(parts, s)
	}
	if n := m.config.RopeReach(context); n > 0 {
		parts = append(parts, ropeContext+strconv.Itoa(n))
	}
	return strings.Join(parts, ",")
}
