package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// newLog makes a log in a folder of its own.
func newLog(t *testing.T) (dir string, key *signed.PrivateKey, trust transparency.Trust) {
	t.Helper()
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "log")
	s, err := Init(dir, "example.org/log", key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(dir, "example.org/log", key); !errors.Is(err, ErrExists) {
		t.Errorf("a log over a log: %v", err)
	}
	return dir, key, transparency.Trust{Logs: []*transparency.Verifier{s.Verifier}}
}

func open(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// fill appends leaves from one goroutine.
func fill(t *testing.T, w *Writer, from, n int) {
	t.Helper()
	fillOther(t, w, from, n, 0)
}

// fillOther appends leaves with other numbers than their own.
func fillOther(t *testing.T, w *Writer, from, n, other int) {
	t.Helper()
	var all []*Pending
	for i := range n {
		all = append(all, w.Begin(fmt.Appendf(nil, "leaf %d", from+i+other)))
	}
	for i, p := range all {
		if index, err := p.Wait(); err != nil || index != int64(from+i) {
			t.Fatalf("leaf %d: index %d, %v", from+i, index, err)
		}
	}
}

// TestGrow: a log that grows by pieces, opened anew between them, has the root of its
// leaves, and proves each leaf and each older tree.
func TestGrow(t *testing.T) {
	dir, _, trust := newLog(t)
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	size := 0
	for _, n := range []int{0, 1, 1, 253, 1, 1, 300, 2000} {
		w := open(t, dir)
		fill(t, w, size, n)
		w.Close()
		for i := range n {
			more, err := tlog.StoredHashes(int64(size+i), fmt.Appendf(nil, "leaf %d", size+i), read)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, more...)
		}
		size += n
		got, err := Check(t.Context(), dir, trust, nil)
		if err != nil {
			t.Fatalf("%d leaves: %v", size, err)
		}
		want, err := rootOf(int64(size), read)
		if err != nil || got.Root != want || got.Size != int64(size) {
			t.Errorf("%d leaves: root %v of %d, want %v, %v", size, got.Root, got.Size, want, err)
		}
		r, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int64{0, int64(size) / 2, int64(size) - 1} {
			if size == 0 {
				break
			}
			p, err := r.Prove(i)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Check(&trust, fmt.Appendf(nil, "leaf %d", i)); err != nil {
				t.Errorf("%d leaves: leaf %d: %v", size, i, err)
			}
			old, proof, err := r.ProveSince(i)
			if err != nil || transparency.CheckConsistency(i, old, r.Size, r.Root, proof) != nil {
				t.Errorf("%d leaves: since %d: %v", size, i, err)
			}
		}
		if _, err := r.Prove(int64(size)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a leaf that is not there: %v", err)
		}
	}
}

// TestTogether: many goroutines append at once, and each leaf stands where it was said.
func TestTogether(t *testing.T) {
	dir, _, trust := newLog(t)
	w := open(t, dir)
	var all sync.WaitGroup
	var mu sync.Mutex
	where := map[int64]string{}
	for g := range 16 {
		all.Go(func() {
			for i := range 20 {
				leaf := fmt.Sprintf("%d/%d", g, i)
				index, err := w.Append([]byte(leaf))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				where[index] = leaf
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if _, err := Check(t.Context(), dir, trust, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir)
	if err != nil || r.Size != 320 || len(where) != 320 {
		t.Fatalf("%d leaves, %d answers: %v", r.Size, len(where), err)
	}
	for index, want := range where {
		if leaf, err := r.Leaf(index); err != nil || string(leaf) != want {
			t.Errorf("leaf %d is %q, want %q: %v", index, leaf, want, err)
		}
	}
	if _, err := w.Append(make([]byte, maxLeaf+1)); !errors.Is(err, ErrLeaf) {
		t.Errorf("a leaf that is too long: %v", err)
	}
	w.Close()
	for range 50 { // none of them waits
		if _, err := w.Append(nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed log: %v", err)
		}
	}
}

// TestKilled: what a killed writer left behind the checkpoint, in any state, is written
// over, and nothing that was acknowledged is lost.
func TestKilled(t *testing.T) {
	dir, _, trust := newLog(t)
	w := open(t, dir)
	fill(t, w, 0, 300)
	note := w.Checkpoint()
	fill(t, w, 300, 400)
	w.Close()
	if err := os.WriteFile(filepath.Join(dir, CheckpointName), note, 0o644); err != nil { // all tiles came, the checkpoint did not
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tile", "0", "002"), []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	w = open(t, dir)
	fill(t, w, 300, 500)
	w.Close()
	if got, err := Check(t.Context(), dir, trust, note); err != nil || got.Size != 800 {
		t.Errorf("after the kill: %+v, %v", got, err)
	}
}

// TestEdits: any change of any public file is found, alone or since an older checkpoint.
func TestEdits(t *testing.T) {
	dir, key, trust := newLog(t)
	w := open(t, dir)
	fill(t, w, 0, 257)
	since := w.Checkpoint()
	fill(t, w, 257, 300)
	w.Close()
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err == nil && e.Type().IsRegular() && !strings.HasPrefix(name, privateName) && (!strings.Contains(name, ".p") || strings.HasSuffix(name, ".p/45") || strings.HasSuffix(name, "1/000.p/2")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 6 {
		t.Fatalf("files %v, %v", files, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		path := files[rng.IntN(len(files))]
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now := slices.Clone(was)
		switch at := rng.IntN(len(now)); rng.IntN(4) {
		case 0:
			now[at] ^= 1 << rng.IntN(8)
		case 1:
			now = now[:at]
		case 2:
			now = slices.Insert(now, at, byte(rng.Uint32()))
		case 3:
			now = nil
		}
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Check(t.Context(), dir, trust, since); signed.ReasonOf(err) == "" && !bytes.Equal(was, now) {
			t.Errorf("%s: an edit is not found: %v", path, err)
		}
		if err := os.WriteFile(path, was, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fork := filepath.Join(t.TempDir(), "fork")
	if _, err := Init(fork, "example.org/log", key); err != nil {
		t.Fatal(err)
	}
	f := open(t, fork)
	fillOther(t, f, 0, 600, 1)
	f.Close()
	if _, err := Check(t.Context(), fork, trust, nil); err != nil {
		t.Errorf("a fork by itself: %v", err)
	}
	if _, err := Check(t.Context(), fork, trust, since); signed.ReasonOf(err) != signed.Consistency {
		t.Errorf("a fork since an older checkpoint: %v", err)
	}
}

// TestWitness: a witness cosigns once what goes on from what it saw, keeps its word when it
// is started anew, and never cosigns a fork.
func TestWitness(t *testing.T) {
	dir, key, trust := newLog(t)
	own, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	s, err := transparency.NewSigner("example.net/w", transparency.WitnessKey, own)
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	ask := func(old int64, at string) (int, string) {
		t.Helper()
		w, err := NewWitness(s, trust.Logs, state) // anew, each time
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(at)
		if err != nil {
			t.Fatal(err)
		}
		_, proof, err := r.ProveSince(old)
		if err != nil {
			t.Fatal(err)
		}
		out := httptest.NewRecorder()
		w.ServeHTTP(out, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader(transparency.FormatAdd(old, proof, r.Note()))))
		return out.Code, out.Body.String()
	}
	l := open(t, dir)
	fill(t, l, 0, 10)
	code, line := ask(0, dir)
	cosigned := append(slices.Clone(l.Checkpoint()), line...)
	with := trust
	with.Witnesses, with.Quorum = []*transparency.Verifier{s.Verifier}, 1
	if _, err := with.Open(cosigned); code != http.StatusOK || err != nil {
		t.Fatalf("the first checkpoint: %d %q, %v", code, line, err)
	}
	fill(t, l, 10, 300)
	if code, body := ask(5, dir); code != http.StatusConflict || body != "10\n" {
		t.Errorf("another old size: %d %q", code, body)
	}
	fork := filepath.Join(t.TempDir(), "fork")
	if _, err := Init(fork, "example.org/log", key); err != nil {
		t.Fatal(err)
	}
	f := open(t, fork)
	fillOther(t, f, 0, 20, 1)
	if code, _ := ask(10, fork); code != http.StatusUnprocessableEntity {
		t.Errorf("a fork: %d", code)
	}
	if code, _ := ask(10, dir); code != http.StatusOK {
		t.Errorf("the log itself: %d", code)
	}
}
