package demo

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"

	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
)

// source draws numbers for one purpose: what is drawn for another is no matter.
type source struct{ *rand.ChaCha8 }

func newSource(purpose string, seed, number uint64) *source {
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64([]byte(purpose), seed), number)
	return &source{rand.NewChaCha8(sha256.Sum256(key))}
}

// below returns a number from 0 to n-1. n is far below 2^64, so that none is likelier.
func (s *source) below(n int) int { return int(s.Uint64() % uint64(n)) }

// share says yes in about that share of the times.
func (s *source) share(p float64) bool { return float64(s.Uint64()>>11)*0x1p-53 < p }

// numbers returns three numbers that are not held out.
func (s *source) numbers() (n [3]int) {
	for {
		for i := range n {
			n[i] = 1 + s.below(topNumber)
		}
		if !task.HeldOut([]int64{int64(n[0]), int64(n[1]), int64(n[2])}) {
			return n
		}
	}
}

// problem returns a problem that is not held out, and the branches that solve it and that do not.
func (s *source) problem() (n [3]int, target int, right, wrong []branch) {
	for {
		n = s.numbers()
		var all []branch
		eachBranch(n, func(b branch) bool {
			all = append(all, b)
			return true
		})
		b := all[s.below(len(all))]
		if target = b.end; target < leastTarget || target > mostTarget {
			continue
		}
		for _, b := range all {
			if b.end == target {
				right = append(right, b)
			} else {
				wrong = append(wrong, b)
			}
		}
		if len(wrong) > 0 {
			return n, target, right, wrong
		}
	}
}

// countdown returns a problem as task judges it.
func countdown(n [3]int, target int) *task.Countdown {
	return &task.Countdown{Numbers: []int64{int64(n[0]), int64(n[1]), int64(n[2])}, Target: big.NewRat(int64(target), 1)}
}

// question returns the text of a problem that answers stand behind.
func question(p task.Problem) string { return p.Short() + "\n" }

// Mix is what the base model is trained on.
type Mix struct {
	Lines  float64 `toml:"lines" help:"the share of tokens that are single lines of searches"`
	Traces float64 `toml:"traces" help:"the share of problems that are answered by a search"`
	Long   float64 `toml:"long" help:"of those answers whose manner is learned, the share that searches"`
	Wrong  float64 `toml:"wrong" help:"the share of guesses that are wrong"`
}

// sample is a text, and which of its tokens are learned.
type sample struct {
	ids     []int32
	learned []bool
}

// add puts a text behind the sample.
func (x *sample) add(text string, learned bool) {
	x.ids = encode(x.ids, text)
	for len(x.learned) < len(x.ids) {
		x.learned = append(x.learned, learned)
	}
}

// line returns a line of a search by itself: only what comes of the numbers is learned, and where
// it comes to the target the answer behind it, too. In most it does, which in searches is rare.
func (s *source) line() (x sample) {
	n := s.numbers()
	pair := pairs[s.below(len(pairs))]
	a, b, c := n[pair[0]], n[pair[1]], n[pair[2]]
	var first byte
	between, ok := 0, false
	for !ok {
		first = operations[s.below(len(operations))]
		between, ok = combine(first, a, b)
	}
	var ends []branch
	for _, op := range []byte(operations) {
		if end, ok := combine(op, between, c); ok {
			ends = append(ends, branch{pair, first, op, between, end})
		}
	}
	target := leastTarget + s.below(mostTarget-leastTarget+1)
	if s.share(hits) {
		target = ends[s.below(len(ends))].end
	}
	x.add(formula(first, a, b, strconv.Itoa(a), strconv.Itoa(b))+"=", false)
	x.add(strconv.Itoa(between), true)
	x.add(fmt.Sprintf(" %d %d:", c, target), false)
	for _, e := range ends {
		x.add(string(e.second)+strconv.Itoa(e.end), true)
		if e.end == target {
			x.add(answer(e.expression(n))+end, true)
			return x
		}
	}
	x.add("\n", true)
	return x
}

// hits is the share of single lines whose target is one of what comes of them.
const hits = 0.6

// example returns a problem with an answer: a search, or a guess that may be wrong.
//
// The first token of an answer decides its manner. There are more searches than the model is to
// choose by itself, since a search takes more to learn than its beginning does: of the surplus
// the first token is not learned.
func (s *source) example(m *Mix) (x sample) {
	n, target, right, wrong := s.problem()
	x.add(question(countdown(n, target)), false)
	if s.share(m.Traces) {
		text, hit, found := search(n, target)
		if !found {
			panic("demo: a problem that is made of steps has a search") // our own bug
		}
		manner := len(x.ids)
		x.add(text+answer(hit.expression(n))+end, true)
		// Long = kept·Traces / (kept·Traces + 1-Traces)
		kept := m.Long * (1 - m.Traces) / (m.Traces * (1 - m.Long))
		x.learned[manner] = s.share(kept)
		return x
	}
	b := right[0]
	if s.share(m.Wrong) {
		b = wrong[s.below(len(wrong))]
	}
	x.add(answer(b.expression(n))+end, true)
	return x
}

// batch returns what a step of pretraining takes: rows of about so many tokens in all, one
// sample behind the other in each.
func (m *Mix) batch(seed uint64, step, tokens int) *train.Batch {
	s := newSource("pretraining", seed, uint64(step))
	b := &train.Batch{Rows: 1}
	segment, lines := int32(0), 0
	for len(b.IDs) < tokens {
		var x sample
		if float64(lines) < m.Lines*float64(len(b.IDs)) {
			x = s.line()
			lines += len(x.ids)
		} else {
			x = s.example(m)
		}
		segment++
		for i, id := range x.ids {
			w := float32(0)
			if x.learned[i] {
				w = 1
			}
			b.IDs, b.Segments, b.Weights = append(b.IDs, id), append(b.Segments, segment), append(b.Weights, w)
		}
	}
	b.Cols = len(b.IDs)
	return b
}
