package audit

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// benchLog makes a log.
func benchLog(b *testing.B) (dir string, w *Writer) {
	b.Helper()
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		b.Fatal(err)
	}
	dir = filepath.Join(b.TempDir(), "log")
	if _, err := Init(dir, "example.org/log", key); err != nil {
		b.Fatal(err)
	}
	if w, err = Open(b.Context(), dir); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Close)
	return dir, w
}

// BenchmarkAppend appends from 64 goroutines, each of which waits until its leaf is durable.
func BenchmarkAppend(b *testing.B) {
	_, w := benchLog(b)
	b.SetParallelism(64)
	var n atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := w.Append(fmt.Appendf(nil, "%048d", n.Add(1))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkCheck checks a log of 2^16 leaves, and proves one of them.
func BenchmarkCheck(b *testing.B) {
	const leaves = 1 << 16
	dir, w := benchLog(b)
	var last *Pending
	for i := range leaves {
		last = w.Begin(fmt.Appendf(nil, "%048d", i))
	}
	if _, err := last.Wait(); err != nil {
		b.Fatal(err)
	}
	trust := transparency.Trust{Logs: []*transparency.Verifier{w.Verifier()}}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := Check(b.Context(), dir, trust, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(leaves*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			r, err := Read(dir)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Prove(leaves / 3); err != nil {
				b.Fatal(err)
			}
		}
	})
}
