package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
)

// trial is what is measured of a model.
type trial struct {
	prompt, tokens, repeat int
	threads                int
	cache                  string
	profile                bool
}

// opened is a model with its cache.
type opened struct {
	path string
	*model.Model
	cache *kvcache.Cache
	step  model.Step
}

func open(path string, t *trial) (*opened, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{})
	if err != nil {
		return nil, err
	}
	kind := m.DefaultCache()
	if t.cache != "" {
		if kind, err = kernel.ParseCacheKind(t.cache); err != nil {
			return nil, err
		}
	}
	cache, err := kvcache.New(m.CacheLayers(kind), 16<<30)
	if err != nil {
		return nil, err
	}
	return &opened{path, m, cache, model.Step{Workers: kernel.NewWorkers(t.threads), Kind: kind}}, nil
}

// measure prints how fast each of the models decodes and reads at each depth, in turns.
func measure(paths []string, depths []int, t *trial) error {
	runtime.LockOSThread() // whose time may be measured
	var models []*opened
	for _, path := range paths {
		m, err := open(path, t)
		if err != nil {
			return err
		}
		models = append(models, m)
	}
	fmt.Println("model,depth,test,tokens/s,slowest,fastest")
	for _, depth := range depths {
		rates := make([][2][]float64, len(models))
		for i := range t.repeat {
			for k, m := range models {
				if i == 0 {
					m.warm()
				}
				prefill, decode, err := m.at(depth, t, t.profile && i == t.repeat-1)
				if err != nil {
					return err
				}
				rates[k][0], rates[k][1] = append(rates[k][0], prefill), append(rates[k][1], decode)
			}
		}
		for k, m := range models {
			for i, test := range []string{fmt.Sprint("pp", t.prompt), fmt.Sprint("tg", t.tokens)} {
				r := rates[k][i]
				slices.Sort(r)
				fmt.Printf("%s,%d,%s,%.2f,%.2f,%.2f\n", m.path, depth, test, r[len(r)/2], r[0], r[len(r)-1])
			}
		}
	}
	return nil
}

func (m *opened) random(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(rand.IntN(m.Config.VocabSize))
	}
	return ids
}

// warm reads a few tokens, so that weights are in memory.
func (m *opened) warm() {
	seq := m.cache.Private()
	defer seq.Free()
	if seq.Reserve(1) == nil {
		m.run(seq, m.random(1))
	}
}

// run computes the next tokens of a sequence, with logits of the last one.
func (m *opened) run(seq *kvcache.Sequence, ids []int32) {
	h := m.Forward(&m.step, &model.Batch{Segments: []model.Segment{{Seq: seq, Pos: seq.Len(), Tokens: ids, Logits: 1}}})
	m.Logits(&m.step, h, 0, 1)
	seq.Append(ids)
}

// at returns the tokens a second of a prompt at a depth, and of decoding behind it.
func (m *opened) at(depth int, t *trial, profile bool) (prefill, decode float64, err error) {
	seq := m.cache.Private()
	defer seq.Free()
	if err := seq.Reserve(depth + t.prompt + t.tokens); err != nil {
		return 0, 0, err
	}
	m.fill(seq, depth)
	timed := func(what string, n, each int) float64 {
		m.step.Meter = new(model.Meter)
		began := t.clock()
		for range n / each {
			m.run(seq, m.random(each))
		}
		took := t.clock() - began
		if profile {
			fmt.Fprintf(os.Stderr, "%s %s at %d: %v\n", m.path, what, depth, took)
			for _, op := range model.Ops() {
				w := m.step.Meter.Of(op)
				fmt.Fprintf(os.Stderr, "  %-14s %9.2f ms  %8.1f MB  %8.2f GMAC\n", op, float64(w.Time.Microseconds())/1e3,
					float64(w.ReadBytes)/1e6, float64(w.IntMACs+w.FloatMACs)/1e9)
			}
		}
		return float64(n) / took.Seconds()
	}
	prefill = timed("prefill", t.prompt, t.prompt)
	return prefill, timed("decode", t.tokens, 1), nil
}

// clock returns what times are differences of: where one thread computes, what that has had of
// a processor, as far as the system tells, so that other programs do not count.
func (t *trial) clock() time.Duration {
	if took, ok := machine.ThreadTime(); ok && t.threads == 1 {
		return took
	}
	return time.Since(started)
}

var started = time.Now()

// fillPages is how many pages of a context are computed.
const fillPages = 2

// fill makes a context of so many positions: the first pages are computed, and the others
// copies of them, since how long a step takes does not depend on what it sees.
func (m *opened) fill(seq *kvcache.Sequence, depth int) {
	first := min(depth, fillPages*kvcache.PagePositions)
	for n := 0; n < first; n += kvcache.PagePositions {
		m.run(seq, m.random(min(kvcache.PagePositions, first-n)))
	}
	layers := len(m.CacheLayers(m.step.Kind))
	for split := fillPages; split*kvcache.PagePositions < depth; split++ {
		for layer := range layers {
			copy(seq.Page(layer, split), seq.Page(layer, split%fillPages))
		}
		seq.Append(m.random(min(kvcache.PagePositions, depth-split*kvcache.PagePositions)))
	}
}
