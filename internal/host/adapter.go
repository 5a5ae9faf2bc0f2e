package host

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// servedAdapter is an adapter that a model may be asked for with: MODEL:NAME.
type servedAdapter struct {
	model  string // its name with its tag
	name   string
	folder string // absolute
}

// Adapter has a model, which a name means, be asked for with a low-rank adapter too, as
// MODEL:NAME. The folder is looked at when somebody asks, so that it may be another
// adapter then; it is loaded beside the model, once for all names of the same model, and
// let go by itself. The error is that of the model's name, or says what is wrong with
// the adapter as far as its shapes tell without the model.
func (h *Host) Adapter(model, name, folder string) error {
	t, err := h.resolveModel(model)
	if err != nil {
		return err
	}
	if n, err := hub.ParseName("model:" + name); err != nil || n.Tag != name {
		return fault.Misuse(fmt.Errorf("host: adapter %q: want letters, digits, '_', '-', '.'", name))
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("host: %s: %w", folder, err)
	}
	a, err := adapter.Open(folder)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	_ = a.Close() // it was only read
	s := servedAdapter{t.name, name, folder}
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	key := s.key()
	if other, ok := h.adapters[key]; ok && other.folder != folder {
		return fault.Misuse(fmt.Errorf("host: %s and %s would both be called %s", other.folder, folder, s.fullName()))
	}
	h.adapters[key] = s
	return nil
}

// AdapterName returns what a model with an adapter is asked for by; model is its name with
// its tag.
func AdapterName(model, name string) string {
	s := servedAdapter{model: model, name: name}
	return s.fullName()
}

func (s *servedAdapter) key() string { return strings.ToLower(s.model + ":" + s.name) }

// fullName returns what is asked for: the model without the tag that all have, and the
// adapter.
func (s *servedAdapter) fullName() string {
	return strings.TrimSuffix(s.model, ":"+hub.DefaultTag) + ":" + s.name
}

// adapted finds a name of a model with an adapter. The error is missing where there is
// none of that form.
func (h *Host) adapted(name string, missing error) (target, error) {
	at := strings.LastIndexByte(name, ':')
	if at < 0 {
		return target{}, missing
	}
	t, err := h.resolveModel(name[:at])
	if err != nil {
		return target{}, missing
	}
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	s, ok := h.adapters[strings.ToLower(t.name+":"+name[at+1:])]
	if !ok {
		return target{}, h.noAdapter(t.name, name[at+1:], missing)
	}
	t.adapter, t.base = &s, t.name
	t.name = s.fullName()
	return t, nil
}

// noAdapter says which adapters a model has; servedMu is held.
func (h *Host) noAdapter(model, name string, missing error) error {
	var names []string
	for _, s := range h.adapters {
		if strings.EqualFold(s.model, model) {
			names = append(names, s.fullName())
		}
	}
	var notFound *hub.NotFoundError
	if len(names) == 0 || !errors.As(missing, &notFound) {
		return missing
	}
	slices.Sort(names)
	notFound.Suggestions = append(spelling.Nearest(name, names), names...)
	slices.Sort(notFound.Suggestions)
	notFound.Suggestions = slices.Compact(notFound.Suggestions)
	return missing
}

// servedAdapters returns all, in the order of their names.
func (h *Host) servedAdapters() []servedAdapter {
	h.servedMu.Lock()
	defer h.servedMu.Unlock()
	var list []servedAdapter
	for _, s := range h.adapters {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b servedAdapter) int { return cmp.Compare(a.key(), b.key()) })
	return list
}

// whole refuses what a model with an adapter cannot be asked for.
func (t *target) whole() error {
	if t.adapter != nil {
		return fault.Misuse(fmt.Errorf("host: %s is a model with an adapter from %s, and no model of the store", t.name, t.adapter.folder))
	}
	return nil
}

// state tells what the folder holds at this moment, by sizes and times, and how much that
// is.
func (s *servedAdapter) state() (state string, size int64, changed time.Time, err error) {
	for _, name := range []string{adapter.ConfigName, adapter.WeightsName} {
		st, err := os.Stat(filepath.Join(s.folder, name))
		if err != nil {
			return "", 0, changed, fmt.Errorf("host: adapter of %s: %w", s.fullName(), err)
		}
		state += fmt.Sprintf("%s %d %s\n", name, st.Size(), st.ModTime().UTC().Format(time.RFC3339Nano))
		size += st.Size()
		if st.ModTime().After(changed) {
			changed = st.ModTime()
		}
	}
	return state, size, changed, nil
}

// entry makes an entry of a model one of the model with the adapter.
func (s *servedAdapter) entry(e Entry) (Entry, error) {
	state, size, changed, err := s.state()
	if err != nil {
		return e, err
	}
	sum := sha256.Sum256([]byte("model with adapter\n" + e.Digest + "\n" + s.folder + "\n" + state))
	e.Name, e.Digest, e.Modified = s.fullName(), hex.EncodeToString(sum[:]), changed
	e.Size += size
	return e, nil
}
