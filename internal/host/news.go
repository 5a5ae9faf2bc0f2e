package host

import (
	"sync"
)

// news tells those who want to know that models come, go, load or are let go.
type news struct {
	mu   sync.Mutex
	told []func()

	last string // what was in memory; belongs to the host's goroutine
}

// Notify has f be called whenever a model comes into the store or goes, or is loaded or let
// go, by whomever of this process. f must not wait, and asks nothing of the host itself: it
// may be called by the host's own goroutine. How far a load is calls nobody.
func (h *Host) Notify(f func()) {
	h.news.mu.Lock()
	defer h.news.mu.Unlock()
	h.news.told = append(h.news.told, f)
}

// Changed says that the store was changed by somebody else than the host's methods.
func (h *Host) Changed() { h.news.tell() }

func (n *news) tell() {
	n.mu.Lock()
	told := n.told
	n.mu.Unlock()
	for _, f := range told {
		f()
	}
}

// look tells what is different in memory since the last time. The host's goroutine calls it.
func (n *news) look(h *Host) {
	n.mu.Lock()
	unheard := len(n.told) == 0
	n.mu.Unlock()
	if unheard {
		return
	}
	var now []byte
	for _, r := range h.residents {
		if r.state == going {
			continue
		}
		for _, d := range r.holds {
			now = append(append(now, d.target.name...), " ready\n"...)
		}
	}
	add := func(l *load) {
		now = append(now, l.target.name...)
		if l.opening {
			now = append(now, " opens\n"...)
		} else {
			now = append(now, " waits\n"...)
		}
	}
	if h.loading != nil {
		add(h.loading)
	}
	for _, l := range h.queue {
		add(l)
	}
	if string(now) != n.last {
		n.last = string(now)
		n.tell()
	}
}
