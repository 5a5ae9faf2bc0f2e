package host

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
)

// Draft has a smaller model guess the coming tokens of another, which changes no bit of its
// answers. model is a name that models are asked for by, draft a name too, or an absolute
// path. Both have to be there; whether their vocabularies are the same is seen when they are
// loaded. It is told before anybody asks for the model.
func (h *Host) Draft(model, draft string) error {
	of, err := h.resolveModel(model)
	if err != nil {
		return err
	}
	if _, err := h.draftTarget(draft); err != nil {
		return err
	}
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	h.drafts[strings.ToLower(of.name)] = draft
	return nil
}

// sought is resolve, with the model that guesses for it. Names of the same bytes share them
// where they share that, too.
func (h *Host) sought(name string) (target, error) {
	t, err := h.resolve(name)
	if err != nil {
		return target{}, err
	}
	h.servedMu.Lock()
	draft := h.drafts[strings.ToLower(cmp.Or(t.base, t.name))]
	h.servedMu.Unlock()
	if draft == "" {
		return t, nil
	}
	d, err := h.draftTarget(draft)
	if err != nil {
		return target{}, fmt.Errorf("host: %s: its draft model: %w", t.name, err)
	}
	t.draft, t.key = &d, t.key+"\n"+d.key
	return t, nil
}

// draftTarget is what a draft's name or path means at this moment.
func (h *Host) draftTarget(draft string) (target, error) {
	if filepath.IsAbs(draft) {
		name, err := hub.ParseName(nameOf(draft))
		if err != nil {
			return target{}, fmt.Errorf("host: %s: %w", draft, err)
		}
		return servedPath{name, draft}.target()
	}
	return h.resolveModel(draft)
}

// draftCache returns what the draft model's cache takes of a sequence: where that is longer
// than it was made for it does not guess. 0: there is no draft model.
func (m *modelFiles) draftCache(positions int) (int64, error) {
	if m.draft == nil {
		return 0, nil
	}
	bytes, err := m.draft.n.CacheBytes(m.kind, min(positions, m.draft.context()))
	return int64(bytes), err
}

// divide divides the memory of caches between a model and its draft model, by what a sequence
// takes of each.
func (m *modelFiles) divide(p plan) (own, draft int64, err error) {
	more, err := m.draftCache(p.context)
	if err != nil || more == 0 {
		return p.caches, 0, err
	}
	one, err := m.cache(p.context)
	if err != nil {
		return 0, 0, err
	}
	rest := float64(p.caches - one) // a sequence of the whole context has room in both
	draft = more + int64(rest*(float64(more)/float64(one)))
	return p.caches - draft, draft, nil
}
