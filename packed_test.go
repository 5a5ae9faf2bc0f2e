package blitz

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// packedModel returns the path of a tiny model, and where its packed weights are kept,
// though they are few.
func packedModel(t *testing.T, limit int64) (path string, p *Packed) {
	t.Helper()
	m, err := tiny.Load(filepath.Join("internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "tiny.gguf")
	if err := m.WriteGGUF(path, tensor.Q8_0); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	p = NewPacked(filepath.Join(home, "packed"), home, limit)
	p.images.Least = 0
	return path, p
}

// openSummed opens a model whose digests are known, as those of the store's are.
func openSummed(t *testing.T, path string, p *Packed) *Model {
	t.Helper()
	f, err := OpenFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Root(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	m, err := f.Open(&Options{Packed: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// greedyIDs answers a prompt.
func greedyIDs(t *testing.T, m *Model) []int32 {
	t.Helper()
	e, err := NewEngine(m, &EngineOptions{Threads: 1, Context: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	a, err := e.Generate(t.Context(), Request{Tokens: []int32{1, 2, 3}, MaxTokens: 8, Sampling: &Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	return a.IDs()
}

// TestKeepPacked keeps the weights of a model while it answers; the next time they are
// mapped, and answer the same, also once they are cleared away.
func TestKeepPacked(t *testing.T) {
	path, p := packedModel(t, 1<<30)
	first := openSummed(t, path, p)
	if !first.IsUnkept() || first.MappedBytes() != 0 {
		t.Fatal("nothing was kept, and the model is mapped")
	}
	var told int64
	o := &KeepOptions{Quiet: func() bool { return true }, Progress: func(done, total int64) { told = done - total }}
	kept := make(chan error)
	go func() { kept <- first.KeepPacked(context.Background(), o) }()
	want := greedyIDs(t, first)
	if err := <-kept; err != nil || told != 0 {
		t.Fatalf("keeping: %v, %d bytes too many told", err, told)
	}
	if models, bytes, err := p.Size(); models != 1 || bytes == 0 || err != nil {
		t.Errorf("%d models of %d bytes are kept, %v, want one", models, bytes, err)
	}
	second := openSummed(t, path, p)
	if second.IsUnkept() || second.MappedBytes() == 0 {
		t.Error("the model is packed anew, want it mapped")
	}
	if err := second.KeepPacked(t.Context(), nil); err != nil {
		t.Errorf("keeping what is kept: %v", err)
	}
	if models, _, err := p.Clear(); models != 1 || err != nil {
		t.Errorf("clearing removed %d models, %v", models, err)
	}
	got := greedyIDs(t, second)
	if len(got) != len(want) {
		t.Fatalf("answered %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("answered %v, want %v", got, want)
		}
	}
	if !openSummed(t, path, p).IsUnkept() {
		t.Error("the model is mapped from what was cleared")
	}
}

// TestKeepPackedByDigest: what is kept is found by the digest of the file that is there.
func TestKeepPackedByDigest(t *testing.T) {
	path, p := packedModel(t, 1<<30)
	open := func() *Model {
		t.Helper()
		m, err := Open(path, &Options{Packed: p})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return m
	}
	if err := open().KeepPacked(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	// A file that was written just now is not remembered, so that it is packed again.
	if m := open(); m.MappedBytes() != 0 {
		t.Error("a file that may still change is believed to be the one of before")
	}
	m := open()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := m.KeepPacked(t.Context(), nil); !errors.Is(err, checkpoint.ErrChanged) {
		t.Errorf("the file changed since it was opened: %v, want ErrChanged", err)
	}
}

// TestKeepPackedRefuses: no room, closed, interrupted.
func TestKeepPackedRefuses(t *testing.T) {
	path, p := packedModel(t, 100)
	m := openSummed(t, path, p)
	if err := m.KeepPacked(t.Context(), nil); !errors.Is(err, ErrPackedFull) {
		t.Errorf("more than the limit: %v, want ErrPackedFull", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path, p = packedModel(t, 1<<30)
	m = openSummed(t, path, p)
	if err := m.KeepPacked(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	m.Close()
	if err := m.KeepPacked(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed model: %v, want ErrClosed", err)
	}
	if models, _, _ := p.Size(); models != 0 {
		t.Errorf("%d models are kept, want none", models)
	}
}
