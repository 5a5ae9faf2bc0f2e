package receipts

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"weak"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/receipt"
)

// Options say who signs, and where receipts go.
type Options struct {
	Notary *attest.Notary
	DB     *database.DB // with Tables
	Log    *slog.Logger
}

// Receipts makes and keeps receipts. Any goroutine may use it.
type Receipts struct {
	o    Options
	log  *audit.Writer // nil: there is none
	kept keeper
	// Of answers of which nothing is stored the log has the leaf alone.
	private attest.Notary
	passing keeper

	mu       sync.Mutex
	subjects map[what]*subject
}

// New returns what makes receipts.
func New(o Options) *Receipts {
	r := &Receipts{o: o, private: *o.Notary, passing: &remembered{most: rememberedBytes}, subjects: map[what]*subject{}}
	r.kept = r.passing
	if l, ok := o.Notary.Log.(audit.Receipts); ok {
		r.log = l.Writer
		r.kept, r.private.Log = &logged{dir: r.log.Dir(), db: o.DB}, audit.Leaves{Writer: r.log}
	}
	return r
}

// Key returns the key that receipts are signed with.
func (r *Receipts) Key() *receipt.PublicKey { return r.o.Notary.Key.Public() }

// check returns what a receipt of this server's is checked with.
func (r *Receipts) check() receipt.Check {
	c := receipt.Check{Keys: []*receipt.PublicKey{r.o.Notary.Key.Public()}}
	if r.log != nil {
		c.Logs = []string{r.log.Verifier().String()}
	}
	return c
}

// Verify finds a receipt and checks all of it that needs no engine.
func (r *Receipts) Verify(ctx context.Context, tenant, id string) (*receipt.Receipt, *receipt.Verdict, error) {
	one, err := r.Find(ctx, tenant, id)
	if err != nil {
		return nil, nil, err
	}
	v, err := one.Verify(r.check())
	return one, v, err
}

// Again has a model compute an answer again. The error is a Refusal where it gives another.
func (r *Receipts) Again(ctx context.Context, e *blitz.Engine, with *Subject, one *receipt.Receipt, v *receipt.Verdict) error {
	s, err := r.subject(with).wait()
	if err == nil {
		err = attest.CompareSubject(v.Statement, s)
	}
	if err == nil {
		err = attest.CheckOpened(v.Statement, one.Opening)
	}
	if err == nil {
		err = attest.Again(ctx, e, with.Adapter, v.Statement, one.Opening)
	}
	if err == nil {
		v.Checked = append(v.Checked, receipt.CheckedEngine)
	}
	return err
}

// Subject is what answers.
type Subject struct {
	Model     *blitz.Model
	Name      string // of the model, for people
	Signature string // sum of the signature that vouched for the model; "": none did
	Template  string // that conversations are rendered by; "": none
	Adapter   *blitz.Adapter
	Folder    string // of the adapter
}

// what tells subjects apart, and keeps no model in memory.
type what struct {
	model                     weak.Pointer[blitz.Model]
	adapter                   weak.Pointer[blitz.Adapter]
	name, signature, template string
}

// subject is what answers as receipts name it, once its files were read.
type subject struct {
	there chan struct{}
	of    *attest.Subject
	err   error
}

// maxSubjects bounds what is remembered of models.
const maxSubjects = 256

// subject has somebody find out what answers as receipts name it, which reads all files of
// a model the first time.
func (r *Receipts) subject(s *Subject) *subject {
	key := what{weak.Make(s.Model), weak.Make(s.Adapter), s.Name, s.Signature, s.Template}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.subjects[key]; known != nil {
		return known
	}
	if len(r.subjects) >= maxSubjects {
		clear(r.subjects)
	}
	x := &subject{there: make(chan struct{})}
	r.subjects[key] = x
	digests := r.o.Notary.Digests
	go func() {
		defer close(x.there)
		ctx := context.Background()
		x.of, x.err = attest.NewSubject(ctx, s.Model, s.Name, s.Template, digests)
		if x.err == nil && s.Folder != "" {
			x.of.Adapter, x.err = attest.AdapterRoot(ctx, s.Folder, digests)
		}
		if x.err != nil {
			x.err = fmt.Errorf("what %s is cannot be said in a receipt: %w", s.Name, x.err)
			r.mu.Lock()
			delete(r.subjects, key) // it is tried again
			r.mu.Unlock()
			return
		}
		x.of.Model.Signature = s.Signature
	}()
	return x
}

// wait returns what answers.
func (x *subject) wait() (*attest.Subject, error) {
	<-x.there
	return x.of, x.err
}
