package inference

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Meter is told who uses what; a key's limits are its business.
type Meter interface {
	// Begin is asked before anything is done for a request; its error, a *wire.Error,
	// refuses it. end is told, once, what it took.
	Begin(ctx context.Context, model string) (end func(Use), err error)
	// May says whether the caller may use a model, by its name in the store.
	May(ctx context.Context, model string) bool
	// Tenant returns whose request it is: they share time fairly, and see nothing of
	// what is cached for others.
	Tenant(ctx context.Context) string
}

// Use is what a request took.
type Use struct {
	Model                                   string // its name in the store; "" where it was not leased
	Prompt, Cached, Reasoning, AnswerTokens int    // tokens; the cached ones are of the prompt
	Time                                    time.Duration
	Err                                     error // that ended it
}

// Options say how much a Service takes at once.
type Options struct {
	Host     *host.Host
	Meter    Meter
	Queue    int                // answers that may be under way and waiting, all models together; more are Overloaded
	Deadline time.Duration      // of a request
	Receipts *receipts.Receipts // of all answers; nil: none have one
	Jobs     *Jobs              // by which requests go that nobody waits for; nil: as others do
}

// Service answers requests. Any goroutine may use it.
type Service struct {
	o Options

	mu       sync.Mutex
	underWay int           // answers
	usual    time.Duration // that an answer takes, about
}

// Defaults of Options.
const (
	DefaultQueue    = 512
	DefaultDeadline = time.Hour
)

// New returns a service.
func New(o Options) *Service {
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.Deadline == 0 {
		o.Deadline = DefaultDeadline
	}
	return &Service{o: o, usual: time.Second}
}

// Queue returns how many answers may run and wait.
func (s *Service) Queue() int { return s.o.Queue }

// Receipts returns what makes receipts; nil: nothing does.
func (s *Service) Receipts() *receipts.Receipts { return s.o.Receipts }

// Host returns the models that there are.
func (s *Service) Host() *host.Host { return s.o.Host }

// UnderWay returns how many answers run or wait.
func (s *Service) UnderWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.underWay
}

// admit takes n places among the answers under way; leave gives them back.
func (s *Service) admit(n int) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay+n > s.o.Queue && s.underWay > 0 {
		return nil, &wire.Error{Kind: wire.Overloaded, Message: "the server is full, try again later", RetryAfter: s.wait()}
	}
	s.underWay += n
	began := time.Now()
	var once sync.Once
	return func() {
		once.Do(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.underWay -= n
			s.usual += (time.Since(began) - s.usual) / 16
		})
	}, nil
}

// maxWait is the longest that a client is told to wait.
const maxWait = 30 * time.Second

// wait returns when a place may be free: an answer or so later. s.mu is held.
func (s *Service) wait() time.Duration {
	return min(max(s.usual.Round(time.Second), time.Second), maxWait)
}

// Lease returns the use of a model, for what is no answer. The error is a *wire.Error.
func (s *Service) Lease(ctx context.Context, model string, keep *time.Duration) (*host.Lease, error) {
	return s.lease(ctx, model, host.Ask{KeepAlive: keep})
}

func (s *Service) lease(ctx context.Context, model string, ask host.Ask) (*host.Lease, error) {
	l, err := s.o.Host.Acquire(ctx, model, ask)
	if err != nil {
		return nil, s.modelError(model, err)
	}
	return l, nil
}

// Load has a model be there, and says how long that took. It is kept as after any other
// use. The error is a *wire.Error.
func (s *Service) Load(ctx context.Context, model string, keep *time.Duration) (time.Duration, error) {
	b, err := s.begin(ctx, model, host.Ask{KeepAlive: keep}, 1)
	if err != nil {
		return 0, err
	}
	b.done(Use{})
	return b.lease.Wait(), nil
}

// Unload lets a model go, now or after its last use; one that is not there is let go
// already. The error is a *wire.Error.
func (s *Service) Unload(ctx context.Context, model string) error {
	end, err := s.o.Meter.Begin(ctx, model)
	if err != nil {
		return err
	}
	if err = s.o.Host.Unload(model); errors.Is(err, host.ErrNotLoaded) {
		err = nil
	}
	if err != nil {
		err = s.modelError(model, err)
	}
	end(Use{Err: err})
	return err
}

// begin leases a model for n answers that are counted. done gives all of it back.
func (s *Service) begin(ctx context.Context, model string, ask host.Ask, n int) (b *begun, err error) {
	b = &begun{service: s, name: model, since: time.Now()}
	if b.end, err = s.o.Meter.Begin(ctx, model); err != nil {
		return nil, err
	}
	if b.leave, err = s.admit(n); err == nil {
		b.lease, err = s.lease(ctx, model, ask)
	}
	if err != nil {
		b.done(Use{Err: err})
		return nil, err
	}
	b.name = b.lease.Name()
	return b, nil
}

// begun is what a request holds while it is under way.
type begun struct {
	service *Service
	name    string
	since   time.Time
	end     func(Use)
	leave   func()
	lease   *host.Lease
	once    sync.Once
}

func (b *begun) done(u Use) {
	b.once.Do(func() {
		if b.lease != nil {
			b.lease.Release()
		}
		if b.leave != nil {
			b.leave()
		}
		if u.Time = time.Since(b.since); b.lease != nil {
			u.Model = b.name // and not what a client made up
		}
		b.end(u)
	})
}

// engine returns the engine of the leased model.
func (b *begun) engine() *blitz.Engine { return b.lease.Engine() }

// Tenant returns whose a request is: what is kept for one is not there for others.
func (s *Service) Tenant(ctx context.Context) string { return s.o.Meter.Tenant(ctx) }
