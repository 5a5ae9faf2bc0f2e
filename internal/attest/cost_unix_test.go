//go:build unix

package attest

import (
	"os"
	"slices"
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

// BenchmarkReceipt answers with a model of your own, on one thread, and records some of the
// tokens, those behind them not, in turns of a few within one answer: what a receipt costs of
// decoding, by processor time of all threads, as the median over the turns. What is hashed
// beside a turn is counted to it.
//
//	TRUST_MODEL=model.gguf go test ./internal/attest -run '^$' -bench Receipt -benchtime 2x
func BenchmarkReceipt(b *testing.B) {
	const tokens, turn = 192, 4
	m, e := openCost(b, 1)
	ids, bias := costRequest(m, 4)
	var more, cost []float64
	var turns [2]time.Duration // with and without
	for n := range b.N {
		var rec *Recording
		at, began := 0, processorTime(b)
		r := blitz.Request{Tokens: ids, MaxTokens: tokens, Sampling: &blitz.Sampling{LogitBias: bias}, Tenant: strconv.Itoa(n)}
		r.Observe = func(id int32, logits []float32) {
			if rec != nil {
				rec.Observe(id, logits)
			}
			if at++; at%turn != 0 {
				return
			}
			records := rec != nil
			if records {
				rec.finish(turn)
			}
			now := processorTime(b)
			which := 1
			if records {
				which = 0
			}
			turns[which] = now - began
			if k := at / turn; k > 2 && k%2 == 0 { // a pair; the first has the prompt in it
				more = append(more, 100*(float64(turns[0])/float64(turns[1])-1))
				cost = append(cost, float64(turns[1])/turn/float64(time.Millisecond))
			}
			// On, off, off, on: what a growing context costs is in both.
			if rec = nil; (at/turn)%4 == 0 || (at/turn)%4 == 3 {
				rec = NewRecording(m.VocabSize(), e.Context())
			}
			began = processorTime(b)
		}
		a, err := e.Generate(b.Context(), r)
		if err == nil {
			err = a.Wait()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(median(cost), "cpu-ms/token")
	b.ReportMetric(median(more), "%more-with-receipt")
	b.ReportMetric(float64(4*m.VocabSize()+4), "hashed-B/token")
}

func median(all []float64) float64 {
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// openCost opens the model that TRUST_MODEL names, and an engine of so many threads.
func openCost(b *testing.B, threads int) (*blitz.Model, *blitz.Engine) {
	b.Helper()
	path := os.Getenv("TRUST_MODEL")
	if path == "" {
		b.Skip("TRUST_MODEL names no model: any GGUF file, best one of a large vocabulary")
	}
	m, err := blitz.Open(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Close)
	e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: threads, Sequences: 1, Context: 512, Speculate: "off"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	return m, e
}

// costRequest returns a prompt of so many tokens, and a bias that no answer ends by itself
// with.
func costRequest(m *blitz.Model, prompt int) (ids []int32, bias map[int32]float32) {
	bias = map[int32]float32{}
	for _, id := range m.StopTokens() {
		bias[id] = -100
	}
	for i := range prompt {
		ids = append(ids, int32(1000+37*i))
	}
	return ids, bias
}

// BenchmarkAgain answers with a model of your own, and computes the answer again: what
// checking costs of the answer's processor time, and of its time; TRUST_THREADS is how many
// threads compute.
//
//	TRUST_MODEL=model.gguf go test ./internal/attest -run '^$' -bench Again -benchtime 3x
func BenchmarkAgain(b *testing.B) {
	const tokens, prompt = 96, 16
	threads, _ := strconv.Atoi(os.Getenv("TRUST_THREADS"))
	m, e := openCost(b, max(threads, 1))
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewSubject(b.Context(), m, "model", "", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n := &Notary{Key: key, Program: receipt.Program{Version: "1", SHA256: s.Model.Root}}
	ids, bias := costRequest(m, prompt)
	held := Constraints{Bias: bias}
	constraints, err := held.Value()
	if err != nil {
		b.Fatal(err)
	}
	var processor, wall []float64
	var took time.Duration
	for asked := range b.N {
		rec := NewRecording(m.VocabSize(), e.Context())
		r := blitz.Request{Tokens: ids, MaxTokens: tokens, Sampling: &blitz.Sampling{LogitBias: bias}, Tenant: strconv.Itoa(asked), Observe: rec.Observe}
		began, at := processorTime(b), time.Now()
		a, err := e.Generate(b.Context(), r)
		if err == nil {
			err = a.Wait()
		}
		if err != nil {
			b.Fatal(err)
		}
		one, err := n.Certify(b.Context(), s, a, rec, constraints, NewRequestID())
		if err != nil {
			b.Fatal(err)
		}
		answered, answeredAt := processorTime(b)-began, time.Since(at)
		st, err := one.Statement()
		if err != nil {
			b.Fatal(err)
		}
		began, at = processorTime(b), time.Now()
		if err := Again(b.Context(), e, nil, st, one.Opening); err != nil {
			b.Fatal(err)
		}
		processor = append(processor, 100*float64(processorTime(b)-began)/float64(answered))
		wall = append(wall, 100*float64(time.Since(at))/float64(answeredAt))
		took += answered
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N)/tokens, "cpu-ms/token")
	b.ReportMetric(median(processor), "%to-check")
	b.ReportMetric(median(wall), "%to-check-wall")
}
