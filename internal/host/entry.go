package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
)

// Entry is a model that may be asked for. What its files do not say is zero.
type Entry struct {
	Name         string // with its tag
	Digest       string // tells files and variant, 64 hexadecimal digits
	Size         int64  // bytes of its files
	Modified     time.Time
	Format       string // gguf or safetensors
	Architecture string
	Parameters   int64
	Quantization string
	Context      int64 // positions that it was made for
	License      string
}

// Stored returns the models of the store, and those outside of it that are served, in
// the order of their names; tokenizers alone are left out. What cannot be read makes up
// the error; the others are valid beside it.
func (h *Host) Stored(ctx context.Context) ([]Entry, error) {
	models, err := h.store.List()
	faults := []error{err}
	var list []Entry
	seen := map[string]bool{}
	for _, s := range h.servedPaths() {
		e, err := h.servedEntry(ctx, s)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		seen[strings.ToLower(e.Name)] = true
		list = append(list, e)
	}
	for _, s := range h.servedAdapters() {
		e, err := h.Entry(ctx, s.fullName())
		if err != nil {
			faults = append(faults, err)
			continue
		}
		seen[strings.ToLower(e.Name)] = true
		list = append(list, e)
	}
	if h.listsWithin() {
		m, err := hub.Within()
		if err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
		seen[strings.ToLower(m.Name.String())] = true
		list = append(list, storedEntry(m))
	}
	for _, m := range models {
		if !seen[strings.ToLower(m.Name.String())] && m.Facts.Format != "tokenizer" {
			list = append(list, storedEntry(m))
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list, errors.Join(faults...)
}

// Entry returns what is said of one model. The error is that of Acquire's name.
func (h *Host) Entry(ctx context.Context, name string) (Entry, error) {
	t, err := h.resolve(name)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	if t.model != nil {
		e = storedEntry(t.model)
	} else {
		n, err := hub.ParseName(cmp.Or(t.base, t.name))
		if err != nil {
			return Entry{}, fmt.Errorf("host: %w", err)
		}
		if e, err = h.servedEntry(ctx, servedPath{n, t.path}); err != nil {
			return Entry{}, err
		}
	}
	if t.adapter != nil {
		return t.adapter.entry(e)
	}
	return e, nil
}

// ListWithin has the model in the program listed among those that may be asked for. Who names it
// is answered anyway.
func (h *Host) ListWithin() {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	h.within = true
}

func (h *Host) listsWithin() bool {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	return h.within
}

func storedEntry(m *hub.Model) Entry {
	f := m.Facts
	return Entry{
		Name: m.Name.String(), Digest: m.Identity().Hex(), Size: m.Size(), Modified: m.PulledAt,
		Format: f.Format, Architecture: f.Architecture, Parameters: f.Parameters, Quantization: f.Quantization, Context: f.Context, License: f.License,
	}
}

func (h *Host) servedPaths() []servedPath {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	var list []servedPath
	for _, s := range h.served {
		list = append(list, s)
	}
	return list
}

// servedEntry looks into the files of a served path. Its digest is the root of the
// files, which are read for it once.
func (h *Host) servedEntry(ctx context.Context, s servedPath) (Entry, error) {
	st, err := os.Stat(s.path)
	if err != nil {
		return Entry{}, fmt.Errorf("host: %s: %w", s.name, err)
	}
	files, err := blitz.OpenFiles(s.path)
	if err != nil {
		return Entry{}, fmt.Errorf("host: %s: %w", s.name, err)
	}
	defer files.Close()
	f, err := files.Info()
	if err != nil {
		return Entry{}, fmt.Errorf("host: %s: %w", s.name, err)
	}
	root, err := files.Root(ctx, h.store.Dir())
	if err != nil {
		return Entry{}, fmt.Errorf("host: %s: %w", s.name, err)
	}
	return Entry{
		Name: s.name.String(), Digest: root, Size: cmp.Or(f.Size, st.Size()), Modified: st.ModTime(),
		Format: f.Format, Architecture: f.Architecture, Parameters: f.Parameters, Quantization: f.Quantization, Context: f.Context, License: f.License,
	}, nil
}
