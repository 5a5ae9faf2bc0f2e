package inference

import (
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// behave returns the request with what it leaves open as the name of the model wants it,
// which may have a variant of its own.
func (r *Request) behave(l *host.Lease) (*Request, error) {
	out := *r
	if v := l.Variant(); v != nil {
		if err := out.vary(l, v); err != nil {
			return nil, err
		}
	}
	if out.ThinkParam == "" || out.Think.Mode != blitz.ThinkOn {
		return &out, nil
	}
	t := out.Template
	if t == nil {
		t, _ = l.Model().Template() // without one, rendering says so
	}
	if t != nil && !t.Reasons() {
		return nil, wire.Refuse(out.ThinkParam, "the model %s does not support thinking", l.Name())
	}
	return &out, nil
}

// vary fills in what a variant says.
func (r *Request) vary(l *host.Lease, v *hub.Variant) error {
	if r.Template == nil && r.Messages != nil {
		var err error
		if r.Template, err = l.Template(); err != nil {
			return err
		}
	}
	begins := len(r.Messages) > 0 && (r.Messages[0].Role == "system" || r.Messages[0].Role == "developer")
	if v.System != "" && r.Messages != nil && r.Before == nil && !begins {
		system := chat.Message{Role: "system", Content: jinja.String(v.System)}
		r.Messages = slices.Concat([]chat.Message{system}, r.Messages)
	}
	p := v.Parameters
	r.Sampling = r.Sampling.over(p)
	if r.Stop == nil {
		r.Stop = p.Stop
	}
	if r.MaxTokens == 0 && p.MaxTokens != nil {
		r.MaxTokens = int(max(*p.MaxTokens, 0))
	}
	return nil
}

// over returns the settings with what they leave open taken from a variant.
func (s Sampling) over(p hub.Parameters) Sampling {
	number := func(to **float64, from *float64) {
		if *to == nil {
			*to = from
		}
	}
	number(&s.Temperature, p.Temperature)
	number(&s.TopP, p.TopP)
	number(&s.MinP, p.MinP)
	number(&s.RepeatPenalty, p.RepeatPenalty)
	number(&s.FrequencyPenalty, p.FrequencyPenalty)
	number(&s.PresencePenalty, p.PresencePenalty)
	if s.TopK == nil {
		s.TopK = p.TopK
	}
	if s.Seed == nil {
		s.Seed = p.Seed
	}
	return s
}
