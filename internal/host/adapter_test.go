package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/hub"
)

// tinyAdapter writes an adapter of the tiny model into a folder.
func tinyAdapter(t *testing.T, folder string, seed uint64, in int) {
	t.Helper()
	targets, err := adapter.NewTargets("q_proj")
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: 2, Alpha: 64, Targets: targets}, []adapter.Layer{{Name: "model.layers.0.self_attn.q_proj", Out: 256, In: in}}, seed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Modules[0].B {
		a.Modules[0].B[i] = float32((i*7+int(seed))%11 - 5)
	}
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
}

// logprobs returns what a model gives of a text.
func logprobs(t *testing.T, l *Lease) (list []float32) {
	t.Helper()
	tokens, err := l.Engine().Score(t.Context(), []int32{5, 6, 7, 8}, &blitz.ScoreOptions{Adapter: l.Adapter()})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tokens {
		list = append(list, x.Logprob)
	}
	return list
}

// TestAdapter: a model with an adapter has a name of its own, shares the weights, and is
// let go alone; what the folder holds anew is loaded.
func TestAdapter(t *testing.T) {
	h := tinyHost(t, Options{})
	folder := filepath.Join(t.TempDir(), "formal")
	tinyAdapter(t, folder, 1, 256)
	if err := h.Adapter("tiny", "formal", folder); err != nil {
		t.Fatal(err)
	}
	acquire := func(name string) *Lease { // released here too, so that a failure ends
		t.Helper()
		l, err := h.Acquire(t.Context(), name, Ask{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Release)
		return l
	}
	plain := acquire("tiny")
	alone, size := h.Memory().Weights, h.Loaded()[0].Size
	adapted := acquire("TINY:Formal")
	const bytes = 2 * 4 * 2 * (256 + 256) // of both halves, twice: as read and as computed with
	if got := h.Memory().Weights - alone; got != bytes {
		t.Errorf("the adapter counts %d bytes, want %d", got, bytes)
	}
	if got := h.Loaded()[0]; got.Name != "tiny:formal" || got.Size != size+bytes {
		t.Errorf("loaded: %+v, want %d bytes", got, size+bytes)
	}
	if adapted.Name() != "tiny:formal" || adapted.Engine() != plain.Engine() || plain.Adapter() != nil || adapted.Adapter() == nil {
		t.Errorf("%q with the adapter %v, and %v without", adapted.Name(), adapted.Adapter(), plain.Adapter())
	}
	if adapted.Digest() == plain.Digest() || len(adapted.Digest()) != 64 {
		t.Errorf("digests %q and %q", adapted.Digest(), plain.Digest())
	}
	first := logprobs(t, adapted)
	if slices.Equal(first, logprobs(t, plain)) {
		t.Error("the adapter changes nothing")
	}
	again := acquire("tiny:formal")
	if again.Adapter() != adapted.Adapter() {
		t.Error("the adapter is loaded twice")
	}
	var names []string
	for _, r := range h.Loaded() {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, []string{"tiny:formal", "tiny:latest"}) {
		t.Errorf("loaded: %q", names)
	}
	list, err := h.Stored(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "tiny:formal" || list[0].Size <= list[1].Size || list[0].Architecture != "llama" {
		t.Errorf("stored: %+v, %v", list, err)
	}

	tinyAdapter(t, folder, 2, 256)
	if err := os.Chtimes(filepath.Join(folder, adapter.WeightsName), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	other := acquire("tiny:formal")
	if slices.Equal(logprobs(t, other), first) {
		t.Error("another adapter in the folder changes nothing")
	}
	if !slices.Equal(logprobs(t, adapted), first) { // who has it keeps it
		t.Error("an adapter changed under a lease")
	}
	if got := h.Memory().Weights - alone; got != 2*bytes {
		t.Errorf("two adapters count %d bytes, want %d", got, 2*bytes)
	}
	for _, l := range []*Lease{adapted, again, other} {
		l.Release()
	}
	if got := h.Memory().Weights - alone; got != bytes { // the name keeps what the folder holds
		t.Errorf("behind all leases adapters count %d bytes, want %d", got, bytes)
	}
	if err := h.Unload("tiny:formal"); err != nil {
		t.Fatal(err)
	}
	if list := h.Loaded(); len(list) != 1 || list[0].Name != "tiny:latest" {
		t.Errorf("loaded when the adapter is let go: %+v", list)
	}
	if got := h.Memory().Weights; got != alone {
		t.Errorf("when the adapter is let go the weights count %d bytes, want %d", got, alone)
	}
	plain.Release()
}

// TestAdapterRoom: an adapter has its part in the memory of all models.
func TestAdapterRoom(t *testing.T) {
	h := tinyHost(t, Options{Context: 256, Sequences: 1})
	use, err := h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	all := h.Loaded()[0].Size
	use.Release()
	h = tinyHost(t, Options{Context: 256, Sequences: 1, MemoryLimit: all + 4096})
	folder := filepath.Join(t.TempDir(), "a")
	tinyAdapter(t, folder, 1, 256)
	if err := h.Adapter("tiny", "a", folder); err != nil {
		t.Fatal(err)
	}
	l, err := h.Acquire(t.Context(), "tiny:a", Ask{})
	if err == nil {
		l.Release()
	}
	if !errors.Is(err, blitz.ErrNoRoom) || !strings.Contains(err.Error(), "tiny:a") {
		t.Errorf("no room for the adapter: %v", err)
	}
	l, err = h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatalf("without it: %v", err)
	}
	l.Release()
}

// TestAdapterRefused says what is no adapter, and what one cannot be asked for.
func TestAdapterRefused(t *testing.T) {
	h := tinyHost(t, Options{})
	folder := filepath.Join(t.TempDir(), "a")
	tinyAdapter(t, folder, 1, 32) // of another model
	if err := h.Adapter("tiny", "a", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Acquire(t.Context(), "tiny:a", Ask{}); !errors.Is(err, blitz.ErrAdapter) || !strings.Contains(err.Error(), "q_proj") {
		t.Errorf("another model's: %v, want %v", err, blitz.ErrAdapter)
	}
	if err := h.Adapter("tiny", "a", t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	second := filepath.Join(t.TempDir(), "b")
	tinyAdapter(t, second, 1, 256)
	for what, err := range map[string]error{
		"a taken name": h.Adapter("tiny", "A", second), "no name": h.Adapter("tiny", "a:b", second), "an empty name": h.Adapter("tiny", "", second),
		"no model": h.Adapter("huge", "a", second), "a copy": h.Copy(t.Context(), "tiny:a", "copy"), "a removal": h.Remove(t.Context(), "tiny:a"),
		"a variant": h.Derive(t.Context(), "tiny:a", "variant", hub.Variant{}), "a guess": h.Draft("tiny", "tiny:a"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	var missing *hub.NotFoundError
	if _, err := h.Acquire(t.Context(), "tiny:c", Ask{}); !errors.As(err, &missing) || !slices.Contains(missing.Suggestions, "tiny:a") {
		t.Errorf("an adapter that there is not: %v", err)
	}
	if _, err := h.Acquire(t.Context(), "tiny:x:y", Ask{}); !errors.Is(err, ErrName) {
		t.Errorf("no name: %v", err)
	}
}
