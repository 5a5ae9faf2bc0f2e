package receipts

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/receipt"
)

// Header names the receipts of an answer: one for each choice, in their order, with commas.
const Header = "X-Blitz-Receipt"

// Making are the receipts of the answers to one request, under way. A nil one makes none.
// One goroutine uses it.
type Making struct {
	receipts *Receipts
	tenant   string
	subject  *subject
	notary   *attest.Notary
	kept     keeper
	all      []making
}

// making is the receipt of one answer.
type making struct {
	id          string
	recording   *attest.Recording // nil: somebody else makes it
	constraints any
	made        bool
}

// Begin begins the receipts of a tenant's request; private says that nothing of it is
// stored. A nil r makes none.
func (r *Receipts) Begin(tenant string, s *Subject, private bool) *Making {
	if r == nil {
		return nil
	}
	m := &Making{receipts: r, tenant: tenant, subject: r.subject(s), notary: r.o.Notary, kept: r.kept}
	if private {
		m.notary, m.kept = &r.private, r.passing
	}
	return m
}

// maxPrompt bounds the tokens of a prompt that a receipt can have: its file has bounds.
const maxPrompt = receipt.MaxSize / 10

// Watch has the answers to a request seen, which comes behind those that are seen already.
// The error, a *wire.Error, says why there can be no receipt.
func (m *Making) Watch(r *blitz.Request, e *blitz.Engine, c *attest.Constraints) error {
	if m == nil {
		return nil
	}
	constraints, err := c.Value()
	if err != nil {
		return &wire.Error{Kind: wire.Invalid, Message: err.Error(), Err: err}
	}
	vocabulary, room := e.Model().VocabSize(), e.Context()
	r.ObserveOf = func(int) func(int32, []float32) {
		rec := attest.NewRecording(vocabulary, room)
		m.all = append(m.all, making{id: attest.NewRequestID(), recording: rec, constraints: constraints})
		return rec.Observe
	}
	return nil
}

// Begun looks at answers that were begun. The error, a *wire.Error, says why one can have
// no receipt.
func (m *Making) Begun(answers []*blitz.Answer) error {
	if m == nil {
		return nil
	}
	for _, a := range answers {
		if n := len(a.PromptIDs()); n > maxPrompt {
			return wire.Refuse("", "the prompt has %d tokens, and this server gives receipts, which can have %d", n, maxPrompt)
		}
	}
	return nil
}

// Over makes the receipt of an answer that is over, signs it and keeps it. It may be called
// twice.
func (m *Making) Over(ctx context.Context, i int, a *blitz.Answer) error {
	if m == nil || m.all[i].made {
		return nil
	}
	x := &m.all[i]
	x.made = true
	if x.recording == nil {
		return nil // an answer that failed elsewhere has none
	}
	defer x.recording.Close()
	s, err := m.subject.wait()
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	one, err := m.notary.Certify(ctx, s, a, x.recording, x.constraints, x.id)
	if err != nil {
		return err
	}
	return m.kept.keep(ctx, m.tenant, x.id, one)
}

// Expect makes room for the receipts of n answers, behind those that are seen already, which
// somebody else makes, and returns their names: Given gets them.
func (m *Making) Expect(n int) (ids []string) {
	for range n {
		ids = append(ids, attest.NewRequestID())
	}
	if m != nil {
		for _, id := range ids {
			m.all = append(m.all, making{id: id})
		}
	}
	return ids
}

// Given keeps a receipt that was made elsewhere under a name. Any goroutine may call it. What
// proves that it stands in our log is found there; what another says of it would name the place
// of somebody else's.
func (m *Making) Given(ctx context.Context, id string, one *receipt.Receipt) error {
	if m == nil {
		return nil
	}
	kept := m.kept
	if _, err := one.Verify(m.receipts.check()); err != nil {
		kept = m.receipts.passing
	}
	return kept.keep(context.WithoutCancel(ctx), m.tenant, id, one)
}

// Means returns with what the answers to the request are computed and signed here, but for the
// engine.
func (m *Making) Means() (*attest.Subject, *attest.Notary, error) {
	s, err := m.subject.wait()
	return s, m.notary, err
}

// Name returns what the header says: "" where there are no receipts.
func (m *Making) Name() string {
	if m == nil {
		return ""
	}
	ids := make([]string, len(m.all))
	for i := range m.all {
		ids[i] = m.all[i].id
	}
	return strings.Join(ids, ", ")
}

// ID returns the name of the receipt of an answer, "" where there is none.
func (m *Making) ID(i int) string {
	if m == nil {
		return ""
	}
	return m.all[i].id
}

// Tell writes the header of an answer, unless that has begun.
func (m *Making) Tell(w http.ResponseWriter, events *wire.Events) {
	if m != nil {
		events.SetHeader(w, Header, m.Name())
	}
}

// Leave makes the receipts of answers that were left, which have what came, and ends all
// recordings.
func (m *Making) Leave(ctx context.Context, answers []*blitz.Answer) {
	if m == nil {
		return
	}
	var faults []error
	for i, a := range answers {
		if !m.all[i].made {
			_ = a.Wait() // it was closed, so that this is its end
			faults = append(faults, m.Over(ctx, i, a))
		}
	}
	m.Drop()
	if err := errors.Join(faults...); err != nil {
		m.receipts.o.Log.Error("an answer that was left has no receipt", "error", err)
	}
}

// Drop ends all recordings: nothing was answered.
func (m *Making) Drop() {
	if m == nil {
		return
	}
	for i := range m.all {
		if m.all[i].recording != nil {
			m.all[i].recording.Close()
		}
	}
}
