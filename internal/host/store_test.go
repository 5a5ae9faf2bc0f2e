package host

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/hub"
)

// puppetFile writes a model that has a template.
func puppetFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDescribe(t *testing.T) {
	h := tinyHost(t, Options{})
	if _, err := h.Serve(puppetFile(t)); err != nil {
		t.Fatal(err)
	}
	d, err := h.Describe(t.Context(), "puppet", false)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Template, "im_start") || !d.Reasons || !d.Calls || d.Infill || d.Architecture != "llama" || len(d.Digest) != 64 {
		t.Errorf("got %+v", d)
	}
	value := func(d *Description, key string) (Metadata, bool) {
		for _, m := range d.Metadata {
			if m.Key == key {
				return m, true
			}
		}
		return Metadata{}, false
	}
	if m, ok := value(d, "general.architecture"); !ok || m.Value != "llama" {
		t.Errorf("got %+v", m)
	}
	if m, ok := value(d, "tokenizer.ggml.tokens"); !ok || !m.List || m.Value != nil || len(d.Tensors) > 0 {
		t.Errorf("got %+v and %d tensors", m, len(d.Tensors))
	}
	if d, err = h.Describe(t.Context(), "puppet", true); err != nil {
		t.Fatal(err)
	}
	if m, _ := value(d, "tokenizer.ggml.tokens"); len(m.Value.([]any)) < 256 || len(d.Tensors) == 0 {
		t.Errorf("got %+v and %d tensors", m, len(d.Tensors))
	}
	if _, err := h.Describe(t.Context(), "none", false); !errors.Is(err, blitz.ErrNotFound) {
		t.Errorf("got %v, want %v", err, blitz.ErrNotFound)
	}
}

// TestVariants: names of the same files share what is in memory, and each has its own
// variant.
func TestVariants(t *testing.T) {
	h := tinyHost(t, Options{})
	if _, err := h.Serve(puppetFile(t)); err != nil {
		t.Fatal(err)
	}
	if err := h.Derive(t.Context(), "puppet", "brief", hub.Variant{System: "Be brief."}); err != nil {
		t.Fatal(err)
	}
	if err := h.Derive(t.Context(), "brief", "own", hub.Variant{Template: "{{ messages[0].content }}"}); err != nil {
		t.Fatal(err)
	}
	var leases []*Lease
	for _, name := range []string{"brief", "own"} {
		l, err := h.Acquire(t.Context(), name, Ask{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		leases = append(leases, l)
	}
	brief, own := leases[0], leases[1]
	if brief.Engine() != own.Engine() || brief.Digest() == own.Digest() {
		t.Error("they do not share the model, or have one digest")
	}
	if brief.Variant().System != "Be brief." || own.Variant().System != "Be brief." {
		t.Errorf("got %+v and %+v", brief.Variant(), own.Variant())
	}
	if x, err := brief.Template(); x != nil || err != nil {
		t.Errorf("got %v and %v, want the model's template", x, err)
	}
	x, err := own.Template()
	if err != nil || x.Source() != "{{ messages[0].content }}" {
		t.Errorf("got %v and %v", x, err)
	}
	if again, _ := own.Template(); again != x {
		t.Error("it is read again")
	}
	if d, err := h.Describe(t.Context(), "own", false); err != nil || d.Template != x.Source() || d.Reasons {
		t.Errorf("got %+v and %v", d, err)
	}
}

func TestCopyRemove(t *testing.T) {
	h := tinyHost(t, Options{})
	served, err := h.Serve(puppetFile(t))
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"tiny": "second", "puppet": "third"} {
		if err := h.Copy(t.Context(), from, to); err != nil {
			t.Fatal(err)
		}
		l, err := h.Acquire(t.Context(), to, Ask{})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Remove(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		l.Release()
		if _, err := h.Acquire(t.Context(), to, Ask{}); !errors.Is(err, blitz.ErrNotFound) {
			t.Errorf("got %v, want %v", err, blitz.ErrNotFound)
		}
	}
	for name, c := range map[string]struct {
		got, want error
	}{
		"no model":         {h.Copy(t.Context(), "none", "x"), blitz.ErrNotFound},
		"a path":           {h.Copy(t.Context(), "tiny", "../x"), ErrName},
		"no variant of it": {h.Derive(t.Context(), "none", "x", hub.Variant{}), blitz.ErrNotFound},
		"nothing to take":  {h.Remove(t.Context(), "none"), blitz.ErrNotFound},
		"no name":          {h.Remove(t.Context(), "../x"), ErrName},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
	for _, err := range []error{h.Copy(t.Context(), "tiny", served), h.Derive(t.Context(), "tiny", served, hub.Variant{}), h.Remove(t.Context(), served)} {
		if fault.Of(err) != fault.Usage {
			t.Errorf("a served name: got %v", err)
		}
	}
}

// TestReplaced: a model whose name gets other files stays for those who use it; who comes
// next gets the new one.
func TestReplaced(t *testing.T) {
	h := tinyHost(t, Options{})
	old, err := h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store().Import(t.Context(), puppetFile(t), "tiny", nil); err != nil {
		t.Fatal(err)
	}
	l, err := h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if l.Engine() == old.Engine() {
		t.Error("it is the old one")
	}
	if _, err := old.Engine().Score(t.Context(), []int32{1, 2, 3}, nil); err != nil {
		t.Errorf("the old one: %v", err)
	}
	old.Release()
}

// TestWithin asks for the model in the program, which is not stored, and not listed unless that is
// asked for; nothing else is served by its name.
func TestWithin(t *testing.T) {
	h := tinyHost(t, Options{})
	e, err := h.Entry(t.Context(), "countdown")
	if err != nil || e.Architecture != "llama" || e.Quantization != "BF16" || len(e.Digest) != 64 {
		t.Fatalf("got %+v, %v", e, err)
	}
	lists := func() bool {
		list, err := h.Stored(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list, func(x Entry) bool { return x == e })
	}
	if lists() {
		t.Error("it is listed")
	}
	if h.ListWithin(); !lists() {
		t.Error("it is not listed")
	}
	path := filepath.Join(t.TempDir(), "countdown.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Serve(path); !errors.Is(err, hub.ErrReserved) {
		t.Errorf("got %v, want %v", err, hub.ErrReserved)
	}
	if err := h.CheckFree("countdown:x"); !errors.Is(err, hub.ErrReserved) {
		t.Errorf("got %v, want %v", err, hub.ErrReserved)
	}
	if err := h.CheckPull("countdown"); !errors.Is(err, hub.ErrWithin) {
		t.Errorf("got %v, want %v", err, hub.ErrWithin)
	}
}
