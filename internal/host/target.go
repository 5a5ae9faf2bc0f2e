package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// target is what a name means at this moment.
type target struct {
	name  string     // with its tag
	key   string     // tells the bytes: names that share it share a resident
	model *hub.Model // of the store, or nil
	path  string     // where it is not of the store
	draft *target    // that guesses for it, or nil

	adapter *servedAdapter // that it is asked for with, or nil
	base    string         // the name without it, where there is one
}

// digest returns what tells the model, in 64 hexadecimal digits; "" of a path, and where an
// adapter's folder cannot be read.
func (t target) digest() string {
	if t.model == nil {
		return ""
	}
	e := Entry{Digest: t.model.Identity().Hex()}
	if t.adapter != nil {
		var err error
		if e, err = t.adapter.entry(e); err != nil {
			return ""
		}
	}
	return e.Digest
}

// variant returns what is beside the files; nil: nothing.
func (t target) variant() *hub.Variant {
	if t.model == nil {
		return nil
	}
	return t.model.Variant
}

// servedPath is a model that lies outside of the store.
type servedPath struct {
	name hub.Name
	path string // absolute
}

// maxAsked bounds the names that are looked for.
const maxAsked = 512 // bytes

// resolve finds what a name means: a model, or else a model with an adapter. Nothing but
// the store and what was added is looked at, whatever the name says.
func (h *Host) resolve(name string) (target, error) {
	t, err := h.resolveModel(name)
	if errors.Is(err, blitz.ErrNotFound) || errors.Is(err, ErrName) {
		return h.adapted(name, err)
	}
	return t, err
}

// resolveModel is resolve of a model alone.
func (h *Host) resolveModel(name string) (target, error) {
	if len(name) > maxAsked {
		return target{}, fmt.Errorf("host: a name of %d bytes, %d at most: %w", len(name), maxAsked, ErrName)
	}
	n, err := hub.ParseName(name)
	if err != nil {
		return target{}, fmt.Errorf("host: %w", err)
	}
	if s, ok := h.servedAs(n); ok {
		return s.target()
	}
	m, err := h.store.Get(name)
	var missing *hub.NotFoundError
	if errors.As(err, &missing) {
		missing.Suggestions = append(missing.Suggestions, h.servedLike(missing.Name)...)
	}
	if err != nil {
		return target{}, fmt.Errorf("host: %w", err)
	}
	return target{name: m.Name.String(), key: m.Digest().String(), model: m}, nil
}

// servedAs returns the path that is served by a name.
func (h *Host) servedAs(n hub.Name) (servedPath, bool) {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	s, ok := h.served[strings.ToLower(n.String())]
	return s, ok
}

// target returns what the path holds at this moment, told by size and time.
func (s servedPath) target() (target, error) {
	st, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return target{}, fmt.Errorf("host: %s: its file is gone: %w", s.name, blitz.ErrNotFound)
	}
	if err != nil {
		return target{}, fmt.Errorf("host: %s: %w", s.name, err)
	}
	key := fmt.Sprintf("%s %d %s", s.path, st.Size(), st.ModTime().UTC().Format(time.RFC3339Nano))
	return target{name: s.name.String(), key: key, path: s.path}, nil
}

// servedLike returns the names of served paths that look like name.
func (h *Host) servedLike(name string) []string {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	var names []string
	for _, s := range h.served {
		names = append(names, s.name.Short())
	}
	return spelling.Nearest(name, names)
}

// Serve has a model answer that lies outside of the store: a file or a folder. It
// returns the name, which is made of the path's last part. A name that is served already
// is an error of wrong use.
func (h *Host) Serve(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("host: %s: %w", path, err)
	}
	name, err := hub.ParseFree(nameOf(absolute))
	if err != nil {
		return "", fmt.Errorf("host: %s: %w", path, err)
	}
	s := servedPath{name, absolute}
	if _, err := s.target(); err != nil {
		return "", err
	}
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	key := strings.ToLower(name.String())
	if other, ok := h.served[key]; ok && other.path != absolute {
		return "", fault.Misuse(fmt.Errorf("host: %s and %s would both be called %s", other.path, absolute, name.Short()))
	}
	h.served[key] = s
	return name.String(), nil
}

// nameOf makes a name of a path: its last part without the ending of a model's file, and
// a dash for what no name can have.
func nameOf(path string) string {
	base := filepath.Base(path)
	for _, ending := range []string{".gguf", ".safetensors"} {
		if n := len(base) - len(ending); n > 0 && strings.EqualFold(base[n:], ending) {
			base = base[:n]
		}
	}
	var b strings.Builder
	for _, r := range base {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && (r != '.' || !strings.HasSuffix(b.String(), ".")):
			b.WriteRune(map[bool]rune{true: '.', false: '-'}[r == '.'])
		}
	}
	return strings.TrimRight(b.String()[:min(b.Len(), 100)], ".-")
}
