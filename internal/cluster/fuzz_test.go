package cluster

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/signed"
)

// FuzzJob: what is read as a job reads the same from its canonical text; all else is refused
// with a reason.
func FuzzJob(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3 {
		f.Add(jobOf(f, object(rng, strings.Repeat("ab", 32), 5, nil)).Text())
	}
	f.Add(jobOf(f, object(rng, strings.Repeat("ab", 32), 5, map[string]any{"constraints": map[string]any{"stop": []string{"x"}}})).Text())
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		j, err := ParseJob(text)
		if err != nil {
			if signed.ReasonOf(err) == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		again, err := ParseJob(j.Text())
		if err != nil || again.ID != j.ID || !bytes.Equal(again.Text(), j.Text()) {
			t.Fatalf("the canonical text: %v, %v", again, err)
		}
	})
}

// FuzzResult: what is read as a result reads the same from its canonical text, and is nobody's
// unless a peer signed it; all else is refused with a reason.
func FuzzResult(f *testing.F) {
	a := newAlone(f)
	j := newJobs(f, rand.New(rand.NewPCG(2, 2)), a.root, 1, 5)[0]
	r, err := a.models.Run(f.Context(), j)
	if err != nil {
		f.Fatal(err)
	}
	honest, err := r.Receipt.Statement()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Text())
	f.Add(bytes.Replace(r.Text(), []byte(`"version":1`), []byte(`"version":2`), 1))
	f.Add([]byte(`{"version":1,"receipt":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := ParseResult(text)
		if err != nil {
			if signed.ReasonOf(err) == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		again, err := ParseResult(x.Text())
		if err != nil || again.Node != x.Node || again.Job != x.Job {
			t.Fatalf("the canonical text: %v, %v", again, err)
		}
		if s, err := x.Verify(j, a.peers); err == nil && !Equal(s, honest) {
			t.Fatalf("a result that nobody signed passes: %s", text)
		}
	})
}
