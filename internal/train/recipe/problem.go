package recipe

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"

	"github.com/blitz-r1/blitz/internal/task"
)

// Problems are the bounds of what is asked.
type Problems struct {
	Top         int `toml:"top-number" help:"the largest number of a problem"`
	LeastTarget int `toml:"least-target" help:"of Countdown"`
	MostTarget  int `toml:"most-target" help:"of Countdown"`
	MostStep    int `toml:"most-step" help:"the largest number on the way; all are whole and positive"`
	NewLeast    int `toml:"new-least" help:"numbers that are only asked for in measurements: the smallest"`
	NewTop      int `toml:"new-top" help:"and the largest"`
}

// perProblem is how many numbers a problem has.
const perProblem = 3

// source draws numbers for one purpose: what is drawn for another is no matter.
type source struct {
	*rand.ChaCha8
	p *Problems
}

func newSource(p *Problems, purpose string, seed, number uint64) *source {
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64([]byte(purpose), seed), number)
	return &source{rand.NewChaCha8(sha256.Sum256(key)), p}
}

// below returns a number from 0 to n-1. n is far below 2^64, so that none is likelier.
func (s *source) below(n int) int { return int(s.Uint64() % uint64(n)) }

// share says yes in about that share of the times.
func (s *source) share(p float64) bool { return float64(s.Uint64()>>11)*0x1p-53 < p }

// kind is which numbers a problem may have.
type kind int

const (
	practice kind = iota // that are not held out
	heldOut              // that are
	newRange             // that are larger than any that are trained on
)

// numbers returns those of a problem.
func (s *source) numbers(k kind) (n [perProblem]int) {
	least, top := 1, s.p.Top
	if k == newRange {
		least, top = s.p.NewLeast, s.p.NewTop
	}
	for {
		list := make([]int64, len(n))
		for i := range n {
			n[i] = least + s.below(top-least+1)
			list[i] = int64(n[i])
		}
		if k == newRange || task.HeldOut(list) == (k == heldOut) {
			return n
		}
	}
}

// countdown returns a problem of three numbers, and the branches that solve it and that do not.
func (s *source) countdown(k kind) (n [perProblem]int, target int, right, wrong []branch) {
	for {
		n = s.numbers(k)
		var all []branch
		s.p.eachBranch(n, func(b branch) bool {
			all = append(all, b)
			return true
		})
		if len(all) == 0 {
			continue
		}
		if target = all[s.below(len(all))].end; target < s.p.LeastTarget || target > s.p.MostTarget {
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

// arithmetic returns numbers with a way to combine them.
func (s *source) arithmetic(k kind) (n [perProblem]int, b branch) {
	for {
		n = s.numbers(k)
		var all []branch
		s.p.eachBranch(n, func(b branch) bool {
			all = append(all, b)
			return true
		})
		if len(all) > 0 {
			return n, all[s.below(len(all))]
		}
	}
}

// toCountdown returns a problem as package task judges it.
func toCountdown(n [perProblem]int, target int) task.Problem {
	c := &task.Countdown{Target: big.NewRat(int64(target), 1)}
	for _, v := range n {
		c.Numbers = append(c.Numbers, int64(v))
	}
	return c
}

// toArithmetic returns the expression of a branch as a problem.
func toArithmetic(n [perProblem]int, b branch) task.Problem {
	a, err := task.NewArithmetic(b.expression(n))
	if err != nil {
		panic("recipe: " + err.Error()) // our own expression
	}
	return a
}

// problem returns one to be asked: of arithmetic in such a share.
func (s *source) problem(k kind, arithmetic float64) task.Problem {
	if s.share(arithmetic) {
		return toArithmetic(s.arithmetic(k))
	}
	n, target, _, _ := s.countdown(k)
	return toCountdown(n, target)
}

// prompt returns the text that answers stand behind: the reasoning has begun.
func prompt(p task.Problem) string { return p.Short() + "\n<think>" }

// problemLine returns a problem as a line of JSON.
func problemLine(p task.Problem) ([]byte, error) {
	switch p := p.(type) {
	case *task.Countdown:
		return json.Marshal(struct {
			Task    string      `json:"task"`
			Numbers []int64     `json:"numbers"`
			Target  json.Number `json:"target"`
		}{"countdown", p.Numbers, json.Number(p.Target.RatString())})
	case *task.Arithmetic:
		return json.Marshal(struct {
			Task       string `json:"task"`
			Expression string `json:"expression"`
		}{"arithmetic", p.Expression})
	}
	return nil, fmt.Errorf("recipe: a problem of another kind: %q", p.Short())
}

// longestPrompt is how many tokens a prompt has at most.
func (p *Problems) longestPrompt() int {
	digits := func(n int) int { return len(strconv.Itoa(n)) }
	n := max(digits(p.Top), digits(p.NewTop))
	return perProblem*(n+1) + 4 + digits(p.MostTarget) + 2
}
