package inference

import (
	"cmp"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/server/receipts"
)

// subject returns what answers, for receipts. The template is that of the request or of its
// variant; nil: the model's.
func (b *begun) subject(t *chat.Template) *receipts.Subject {
	l := b.lease
	s := &receipts.Subject{Model: l.Model(), Name: l.Name(), Signature: l.Signature(), Adapter: l.Adapter(), Folder: l.AdapterFolder()}
	if t == nil {
		t, _ = l.Template()
	}
	if t == nil {
		t, _ = s.Model.Template() // a model need not have one
	}
	if t != nil {
		s.Template = t.Source()
	}
	return s
}

// constraintsOf returns what a request holds its answers to, for receipts.
func constraintsOf(r *blitz.Request, f *Format) *attest.Constraints {
	c := &attest.Constraints{
		Schema: f.Schema, Grammar: f.Grammar, Regex: f.Regex, JSON: f.JSON, Choice: f.Choice,
		Stop: r.Stop, Bias: r.Sampling.LogitBias, Tools: r.Tools, Calls: r.Calls,
	}
	if r.Continue && (r.Grammar != nil || !r.Calls.IsZero()) {
		said, _ := r.Messages[len(r.Messages)-1].Content.Text()
		c.Begun = cmp.Or(strings.TrimSpace(said), " ")
	}
	return c
}
