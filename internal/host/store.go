package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

// Store returns the store that models come from.
func (h *Host) Store() *hub.Store { return h.store }

// Copy gives a model a further name in the store; one outside of it is taken into it. The
// error is that of Acquire's name, or of the store.
func (h *Host) Copy(ctx context.Context, from, to string) error {
	t, err := h.resolve(from)
	if err == nil {
		err = t.whole()
	}
	if err != nil {
		return err
	}
	if err := h.CheckFree(to); err != nil {
		return err
	}
	if t.model == nil {
		_, err = h.store.Import(ctx, t.path, to, nil)
	} else {
		_, err = h.store.Copy(ctx, t.name, to)
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	h.news.tell()
	return nil
}

// Derive stores a variant of a model under a name; see hub.Store.Derive. One outside of
// the store is taken into it.
func (h *Host) Derive(ctx context.Context, from, to string, v hub.Variant) error {
	t, err := h.resolve(from)
	if err == nil {
		err = t.whole()
	}
	if err != nil {
		return err
	}
	if err := h.CheckFree(to); err != nil {
		return err
	}
	base := t.name
	if t.model == nil {
		if _, err := h.store.Import(ctx, t.path, to, nil); err != nil {
			return fmt.Errorf("host: %w", err)
		}
		base = to
	}
	if _, err := h.store.Derive(ctx, base, to, v); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	h.news.tell()
	return nil
}

// CheckFree returns an error for a name that no model of the store can be given: it is none, or
// one outside of the store is served by it.
func (h *Host) CheckFree(name string) error {
	n, err := hub.ParseFree(name)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if s, ok := h.servedAs(n); ok {
		return fault.Misuse(fmt.Errorf("host: %s is served from %s", s.name.Short(), s.path))
	}
	return nil
}

// Remove takes a name out of the store, and lets its model go as Unload does. The error
// is that of Acquire's name, or of the store; a model outside of the store is an error of
// wrong use.
func (h *Host) Remove(ctx context.Context, name string) error {
	t, err := h.resolve(name)
	if err == nil {
		err = t.whole()
	}
	if err != nil {
		return err
	}
	if t.model == nil {
		return fault.Misuse(fmt.Errorf("host: %s is served from a path, and not in the store", t.name))
	}
	if _, err := h.store.Remove(ctx, t.name); err != nil && !errors.Is(err, hub.ErrNotFound) {
		return fmt.Errorf("host: %w", err)
	}
	h.unload(t.name)
	h.news.tell()
	return nil
}

// Discard drops what an unfinished pull of a name left, once it has ended; see Pull for
// names.
func (h *Host) Discard(ctx context.Context, name string) error {
	w, err := h.want(name)
	if err != nil {
		return err
	}
	if err := h.store.Discard(ctx, w.source); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
