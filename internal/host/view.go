package host

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/tokenizer"
)

// View is what can be said of a model before it is loaded.
type View struct {
	Fits    int  // positions of a sequence that there is memory for, were no other model there; 0: it does not fit
	Reasons bool // the template has to do with reasoning
	Calls   bool // and with tools
	Used    time.Time
}

// View looks at a model. One whose files cannot be read, or that this program does not run,
// fits nowhere. The error is that of Acquire's name.
func (h *Host) View(ctx context.Context, name string) (View, error) {
	t, err := h.sought(name)
	if err != nil {
		return View{}, err
	}
	seen := h.views.get(t.key+" "+t.digest(), func() *sight { return h.look(ctx, t) })
	v := View{Reasons: seen.reasons, Calls: seen.calls}
	if t.model != nil {
		v.Used = h.store.LastUse(t.model)
	}
	if seen.needs != nil {
		v.Fits = h.fits(seen.needs)
	}
	return v, nil
}

// fits returns how many positions there is memory for beside the weights, if all other
// models were let go.
func (h *Host) fits(n needs) int {
	var all int64
	if !h.do(func() { _, all = h.room() }) {
		return 0
	}
	most := n.context()
	if h.options.Context > 0 {
		most = min(most, h.options.Context)
	}
	least, err := n.cache(min(leastContext, most))
	if err != nil {
		return 0
	}
	usual, err := n.cache(min(most, usualContext))
	if err != nil {
		return 0
	}
	_, weights := bounded(n, all, least, usual)
	if weights > all {
		return 0
	}
	longest, err := n.longest(all - weights)
	if err != nil {
		return 0
	}
	if longest < min(leastContext, most) {
		return 0
	}
	return min(longest, most)
}

// sight is what the files of a model say.
type sight struct {
	needs          needs // nil: they cannot be read
	reasons, calls bool
}

// maxSights bounds what is kept of models.
const maxSights = 4096

// views keeps what files said, by what they are: they are opened once.
type views struct {
	mu   sync.Mutex
	kept map[string]*sight
}

func (v *views) get(key string, look func() *sight) *sight {
	v.mu.Lock()
	s := v.kept[key]
	v.mu.Unlock()
	if s != nil {
		return s
	}
	if s = look(); s.needs == nil { // perhaps another time
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept == nil || len(v.kept) >= maxSights {
		v.kept = map[string]*sight{}
	}
	v.kept[key] = s
	return s
}

// look opens the files of a model. What they need stays known when they are closed.
func (h *Host) look(ctx context.Context, t target) *sight {
	s := &sight{}
	c, err := h.opener.survey(ctx, t)
	if err != nil {
		return s
	}
	defer c.close()
	s.needs = c
	if m, ok := c.(*modelFiles); ok {
		s.reasons, s.calls = templateOf(m.files, t.variant())
	}
	return s
}

// Memory is what models take and may take, in bytes; 0: the system does not say.
type Memory struct {
	Total   int64 // for all models together
	Free    int64 // that none was given
	Weights int64 // of models in memory
	Caches  int64 // that they have taken
}

// Memory returns what there is at this moment.
func (h *Host) Memory() Memory {
	var m Memory
	h.do(func() {
		m.Free, m.Total = h.room()
		for _, r := range h.residents {
			m.Weights += r.plan.weights + r.adapters
			m.Caches += r.opened.caches()
		}
	})
	if m.Total >= anyMemory {
		m.Free, m.Total = 0, 0
	}
	return m
}

// Tokenizer returns the tokenizer of a model, which is not loaded for it. The error is that
// of Acquire's name, or says what is wrong with a file; tokenizer.ErrNoTokenizer where the
// model has none.
func (h *Host) Tokenizer(name string) (*tokenizer.Tokenizer, error) {
	t, err := h.sought(name)
	if err != nil {
		return nil, err
	}
	var loaded *tokenizer.Tokenizer
	h.do(func() {
		if r := h.ready(t.key); r != nil {
			if e := r.opened.engine(); e != nil {
				loaded = e.Model().Tokenizer()
			}
		}
	})
	if loaded != nil {
		return loaded, nil
	}
	path := t.path
	if t.model != nil {
		if path, err = h.store.Path(t.model); err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
	}
	tokens, err := blitz.OpenTokenizer(path)
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	return tokens, nil
}
