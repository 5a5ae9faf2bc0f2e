package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// Models computes jobs on models of this machine. Any goroutine may use it.
type Models struct {
	Notary *attest.Notary // signs the receipts
	Served []*Served
}

// Served is a model that is served.
type Served struct {
	Root    string
	Context int // positions of a sequence, at most
	// Open opens the model in a form of latent attention, "" where there is none, and starts
	// an engine whose cache is of a kind.
	Open func(ctx context.Context, mla, cache string) (*blitz.Engine, *attest.Subject, error)

	mu      sync.Mutex
	engines map[string]*opened
}

// opened is an engine, and what it is in receipts.
type opened struct {
	engine  *blitz.Engine
	subject *attest.Subject
}

// Close closes all engines.
func (m *Models) Close() {
	for _, s := range m.Served {
		s.mu.Lock()
		for name, o := range s.engines {
			o.engine.Close()
			delete(s.engines, name)
		}
		s.mu.Unlock()
	}
}

// engine returns an engine for a job.
func (s *Served) engine(ctx context.Context, j *Job) (*opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := j.Profile.MLA + " " + j.Profile.Cache
	if o := s.engines[name]; o != nil {
		return o, nil
	}
	form := j.Profile.MLA
	if form == "none" {
		form = ""
	}
	e, subject, err := s.Open(ctx, form, j.Profile.Cache)
	if err != nil {
		return nil, err
	}
	if have := e.Model().Form(); have != j.Profile.MLA {
		e.Close()
		return nil, signed.Refuse(signed.Model, "the job is of the form of attention %q, the model's is %q", j.Profile.MLA, have)
	}
	if s.engines == nil {
		s.engines = map[string]*opened{}
	}
	o := &opened{e, subject}
	s.engines[name] = o
	return o, nil
}

// served returns the model of a job; nil: it is not here.
func (m *Models) served(j *Job) *Served {
	for _, s := range m.Served {
		if s.Root == j.Model {
			return s
		}
	}
	return nil
}

// Check is that of Runner.
func (m *Models) Check(j *Job) error {
	s := m.served(j)
	switch {
	case s == nil:
		return signed.Refuse(signed.Model, "the job is of the model %s, which this pool does not have", j.Model)
	case j.Adapter != "":
		return signed.Refuse(signed.Model, "the job is of the adapter %s, which this pool does not have", j.Adapter)
	case j.Profile.Name != blitz.Profile:
		return signed.Refuse(signed.Form, "job.profile.name: %q, this program has %s", j.Profile.Name, blitz.Profile)
	case int64(len(j.Prompt))+j.Parameters.MaxTokens > int64(s.Context):
		return signed.Refuse(signed.Form, "job: a prompt of %d tokens and %d more, this pool has a context of %d", len(j.Prompt), j.Parameters.MaxTokens, s.Context)
	}
	return nil
}

// Run is that of Runner.
func (m *Models) Run(ctx context.Context, j *Job) (*Result, error) {
	s := m.served(j)
	if s == nil {
		return nil, m.Check(j)
	}
	o, err := s.engine(ctx, j)
	if err != nil {
		return nil, err
	}
	return Compute(ctx, j, &Means{Engine: o.engine, Subject: o.subject, Notary: m.Notary})
}

// Means are what a job is computed with.
type Means struct {
	Engine  *blitz.Engine
	Subject *attest.Subject
	Notary  *attest.Notary
	Adapter *blitz.Adapter // of the job's root; nil: none
	Tenant  string         // for whom it is computed
	Batch   bool           // nobody waits for it
	Request string         // name of the receipt; "": a new one
}

// Compute computes a job, and signs the receipt of it. The error is a Refusal where the job is at
// fault.
func Compute(ctx context.Context, j *Job, by *Means) (*Result, error) {
	out, r, err := Draw(ctx, j, by)
	if err != nil {
		return nil, err
	}
	made, err := newResult(j, by.Notary.Key.Public().ID(), out, r)
	if err != nil {
		return nil, err
	}
	st, err := r.Statement()
	if err == nil {
		err = made.fits(j, st)
	}
	if err != nil {
		return nil, fmt.Errorf("the result is not one of its job: %s", err.Error())
	}
	return made, nil
}

// Draw is Compute without a result, which a queue can move: a job of any size, which needs no id.
func Draw(ctx context.Context, j *Job, by *Means) (out []uint32, r *receipt.Receipt, err error) {
	e := by.Engine
	request, err := attest.RequestOf(&j.Parameters, j.Prompt, j.Constraints)
	if err != nil {
		return nil, nil, err
	}
	request.Adapter, request.Tenant, request.Batch = by.Adapter, by.Tenant, by.Batch
	prompt, output := j.salts()
	rec := attest.NewSaltedRecording(prompt, output, e.Model().VocabSize(), e.Context())
	defer rec.Close()
	request.Observe = rec.Observe
	a, err := e.Generate(ctx, request)
	if err != nil {
		return nil, nil, refusedBy(err)
	}
	defer a.Close()
	if err := a.Wait(); err != nil {
		return nil, nil, err
	}
	if r, err = by.Notary.Certify(ctx, by.Subject, a, rec, j.Constraints, cmp.Or(by.Request, attest.NewRequestID())); err != nil {
		return nil, nil, err
	}
	for _, id := range a.IDs() {
		out = append(out, uint32(id))
	}
	return out, r, nil
}

// refusedBy returns what an engine says of a request: a Refusal where it is the request's own
// fault.
func refusedBy(err error) error {
	for _, own := range []error{blitz.ErrContext, blitz.ErrOption, blitz.ErrPrompt, blitz.ErrTokens} {
		if errors.Is(err, own) {
			return signed.Refuse(signed.Form, "job: %v", err)
		}
	}
	return err
}

// Judge computes the answer of a result again, in one prefill. The error is a Refusal where
// the result is wrong, or no peer's.
func (m *Models) Judge(ctx context.Context, r *Result, peers *Peers) error {
	p := peers.ByKey(r.Node)
	if p == nil {
		return signed.Refuse(signed.Key, "%s is no peer", r.Node)
	}
	v, err := r.Receipt.Verify(receipt.Check{Keys: []*receipt.PublicKey{p.Key}})
	if err != nil {
		return err
	}
	s, o := v.Statement, r.Receipt.Opening
	if err := attest.CheckOpened(s, o); err != nil {
		return err
	}
	j := &Job{Model: s.Model.Root, Adapter: s.Adapter, Profile: s.Profile, Prompt: o.Prompt.IDs, Parameters: s.Parameters}
	if err := m.Check(j); err != nil {
		return err
	}
	e, err := m.served(j).engine(ctx, j)
	if err != nil {
		return err
	}
	return attest.Again(ctx, e.engine, nil, s, o)
}
