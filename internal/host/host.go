// Package host keeps several models: each is opened when it is first asked for, kept for
// a while after its last use, and let go when its memory is needed.
//
// One goroutine owns which models there are and who uses them; whoever wants one sends
// it a message. Names are found, and files read, elsewhere. One model is opened at a
// time, so that what is measured of the memory holds until it is taken.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/hub"
)

// Errors that callers act on, beside those of package blitz: ErrNotFound with the names
// that are near, ErrNoRoom with figures, ErrClosed, and those of opening a model.
var (
	// ErrNotLoaded is a model that is to be let go and is not there.
	ErrNotLoaded = errors.New("not loaded")
	// ErrName is a name that no model can have.
	ErrName = hub.ErrSyntax
)

// Options say how models are kept. The zero value of each field is its default.
type Options struct {
	Home        string          // folder of the store
	Threads     int             // processors for all models together; as many as suit the machine
	KeepAlive   time.Duration   // after the last use; 5 minutes, for ever where negative
	Context     int             // the most positions of a sequence; the model's own, up to what memory allows
	Sequences   int             // that run at once in a model; the engine's default
	Cache       string          // f32, f16, bf16 or q8; by the model's weights
	MLA         string          // absorbed or expanded; absorbed
	Rope        blitz.Rope      // of rotary embedding, in place of what the files of all models say
	Speculate   string          // auto, off or ngram; auto
	MemoryLimit int64           // bytes for the weights and caches of all models; what is available
	Prefixes    *blitz.Prefixes // where engines keep what they computed; nil: nowhere
	Packed      *blitz.Packed   // where packed weights are kept; nil: nowhere
	// ExpertMemory is how many bytes the experts of a model may take, which are read from
	// Packed when they are needed; 0: all, or as many as fit.
	ExpertMemory int64
	Log          *slog.Logger // what is loaded and let go; nothing is written without it

	Settings  hub.Settings         // where sources are, and who asks them
	Places    hub.Places           // files of other programs that need not be fetched
	Catalogue *catalogue.Catalogue // names that Pull knows beside those of the store; nil: none
	Offline   bool                 // nothing is fetched
	Voucher   hub.Voucher          // says who signed what is fetched; nil: nobody is asked
}

// DefaultKeepAlive is how long a model is kept after its last use.
const DefaultKeepAlive = 5 * time.Minute

// Host keeps models. Any goroutine may use it.
type Host struct {
	options Options
	store   *hub.Store
	opener  opener
	log     *slog.Logger
	pulls   pulls
	uses    uses
	news    news
	views   views

	servedMu sync.Mutex
	served   map[string]servedPath // by name in lower case
	drafts   map[string]string     // what guesses for a model, by its name in lower case
	adapters map[string]servedAdapter
	within   bool // the model in the program is listed; it is always answered for

	events chan func()
	closed chan struct{} // the goroutine has ended

	// The rest belongs to the goroutine.
	closing   bool
	residents []*resident // in no order; those that are going are among them
	queue     []*load     // in the order in which they were asked for
	loading   *load       // taken from the queue
	spaces    []*space    // those who wait for memory beside a model
	failures  map[string]*failure
}

// New starts a host over a store. The error wraps blitz.ErrOption.
func New(o Options) (*Host, error) {
	store, err := hub.Open(o.Home)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	store.Settings, store.Places, store.Voucher = o.Settings, o.Places, o.Voucher
	store.PublicOnly, store.Offline = true, o.Offline // whoever reaches the server names sources
	f, err := newFiles(&o, store)
	if err != nil {
		return nil, err
	}
	return newHost(o, store, f), nil
}

func newHost(o Options, store *hub.Store, opener opener) *Host {
	if o.KeepAlive == 0 {
		o.KeepAlive = DefaultKeepAlive
	}
	h := &Host{
		options: o, store: store, opener: opener, log: o.Log, served: map[string]servedPath{}, drafts: map[string]string{}, adapters: map[string]servedAdapter{},
		events: make(chan func()), closed: make(chan struct{}), failures: map[string]*failure{},
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	go h.run()
	return h
}

// run is the host's goroutine.
func (h *Host) run() {
	defer close(h.closed)
	for {
		(<-h.events)()
		h.findSpaces()
		h.schedule()
		h.news.look(h)
		if h.closing && h.loading == nil && len(h.residents) == 0 {
			return
		}
	}
}

// do has the goroutine run f; false: it has ended.
func (h *Host) do(f func()) bool {
	done := make(chan struct{})
	select {
	case h.events <- func() { f(); close(done) }:
		<-done
		return true
	case <-h.closed:
		return false
	}
}

// post is do for those who need not know when.
func (h *Host) post(f func()) {
	select {
	case h.events <- f:
	case <-h.closed:
	}
}

// Close refuses new work, waits for the leases until ctx ends, and then ends what is
// still under way. It returns ctx's error where it did not wait for all. It may be
// called twice.
func (h *Host) Close(ctx context.Context) error {
	h.pulls.close()
	h.do(h.beginClose)
	var err error
	select {
	case <-h.closed:
	case <-ctx.Done():
		err = context.Cause(ctx)
		h.post(h.closeAll)
		<-h.closed
	}
	h.opener.close()
	return err
}

// beginClose refuses what waits and lets go what nobody uses.
func (h *Host) beginClose() {
	if h.closing {
		return
	}
	h.closing = true
	err := fmt.Errorf("host: %w", blitz.ErrClosed)
	for _, l := range h.queue {
		l.refuse(err)
	}
	h.queue = nil
	if h.loading != nil {
		h.loading.refuse(err)
		h.loading.cancel()
	}
	for _, r := range h.residents {
		for _, d := range slices.Clone(r.holds) {
			d.keep = 0
			h.settle(r, d)
		}
	}
}

// closeAll lets go what is in use, too.
func (h *Host) closeAll() {
	for _, r := range h.residents {
		h.evict(r, "the host is closed")
	}
}
