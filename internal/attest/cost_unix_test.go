//go:build unix

package attest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// processorTime returns what this process has taken of processors, all threads together.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCost answers with a model of your own, on one thread and by processor time,
// without receipts and with them in turns, and computes the answer again: what a receipt
// costs, and what checking it does.
//
//	TRUST_MODEL=model.gguf go test ./internal/attest -run '^$' -bench Cost -benchtime 3x
func BenchmarkCost(b *testing.B) {
	path := os.Getenv("TRUST_MODEL")
	if path == "" {
		b.Skip("TRUST_MODEL names no model: any GGUF file, best one of a large vocabulary")
	}
	const tokens, prompt = 96, 16
	m, err := blitz.Open(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: 1, Sequences: 1, Context: 512, Speculate: "off"})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewSubject(b.Context(), m, "model", "", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n := &Notary{Key: key, Program: receipt.Program{Version: "1", SHA256: s.Model.Root}}
	bias := map[int32]float32{}
	for _, id := range m.StopTokens() {
		bias[id] = -100
	}
	held := Constraints{Bias: bias}
	constraints, err := held.Value()
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = int32(1000 + 37*i)
	}
	var off, on, again time.Duration
	var one *receipt.Receipt
	asked := 0
	answer := func(rec *Recording) time.Duration {
		asked++ // nothing of the prompt is cached
		r := blitz.Request{Tokens: ids, MaxTokens: tokens, Sampling: &blitz.Sampling{LogitBias: bias}, Tenant: strconv.Itoa(asked)}
		if rec != nil {
			r.Observe = rec.Observe
		}
		began := processorTime(b)
		a, err := e.Generate(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Wait(); err != nil {
			b.Fatal(err)
		}
		if rec != nil {
			if one, err = n.Certify(b.Context(), s, a, rec, constraints, NewRequestID()); err != nil {
				b.Fatal(err)
			}
		}
		return processorTime(b) - began
	}
	for b.Loop() {
		off += answer(nil)
		on += answer(NewRecording(m.VocabSize(), e.Context()))
		st, err := one.Statement()
		if err != nil {
			b.Fatal(err)
		}
		began := processorTime(b)
		if err := Again(b.Context(), e, nil, st, one.Opening); err != nil {
			b.Fatal(err)
		}
		again += processorTime(b) - began
	}
	each := float64(time.Millisecond) * float64(b.N)
	b.ReportMetric(float64(off)/each/tokens, "cpu-ms/token")
	b.ReportMetric(100*(float64(on)/float64(off)-1), "%more-with-receipt")
	b.ReportMetric(100*float64(again)/float64(off), "%to-check")
}
