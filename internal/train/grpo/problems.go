package grpo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Problems is where problems come from: they are made, or stand in a list.
type Problems struct {
	Kind string // of those that are made; "": none are
	Size int
	List []task.Problem
	Seed uint64
	// Curriculum asks those of the list more often that were right some of the times.
	Curriculum bool
	// Prompt returns the question as tokens.
	Prompt func(p task.Problem) ([]int32, error)

	tallies []Tally
}

// Tally is how often a problem of the list was right.
type Tally struct {
	Right float64 `json:"right"`
	Asked float64 `json:"asked"`
}

// ParseList reads problems from JSON lines: a task (countdown or arithmetic) with its fields, or
// a question as task.ParseQuestion has it. The error wraps course.ErrDoomed, and names the line.
func ParseList(name string, text []byte, score task.Scoring) (list []task.Problem, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.Trim(line, task.Blanks); len(line) == 0 {
			continue
		}
		var l struct {
			Task string `json:"task"`
		}
		var p task.Problem
		if err = json.Unmarshal(line, &l); err == nil && l.Task != "" {
			p, err = task.ParseProblem(l.Task, line)
		} else if err == nil {
			p, err = task.ParseQuestion(line, score)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %w", message.Clean(name), number, err, course.ErrDoomed)
		}
		list = append(list, p)
	}
	return list, nil
}

// draws returns numbers for a purpose in a round of a step.
func (p *Problems) draws(purpose string, step, round int) *rand.ChaCha8 {
	key := []byte(purpose)
	for _, v := range []uint64{p.Seed, uint64(step), uint64(round)} {
		key = binary.LittleEndian.AppendUint64(key, v)
	}
	return rand.NewChaCha8(sha256.Sum256(key))
}

// Draw returns n problems for a round of a step. It depends on seed, step, round and the tallies
// alone. Of a list that is shorter than n it returns all.
func (p *Problems) Draw(step, round, n int) (list []Problem, err error) {
	if p.Kind != "" {
		source := p.draws("made problems", step, round)
		for range n {
			x, err := task.Practise(p.Kind, p.Size, source.Uint64()>>1, 0)
			if err != nil {
				return nil, err
			}
			if list, err = p.add(list, x, -1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	for _, at := range p.choose(step, round, min(n, len(p.List))) {
		if list, err = p.add(list, p.List[at], at); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (p *Problems) add(list []Problem, x task.Problem, number int) ([]Problem, error) {
	ids, err := p.Prompt(x)
	return append(list, Problem{Problem: x, Number: number, Prompt: ids}), err
}

// choose returns n different places of the list, each drawn by the weights of those that are
// left.
func (p *Problems) choose(step, round, n int) (places []int) {
	source := p.draws("chosen problems", step, round)
	weights := make([]float64, len(p.List))
	sum := 0.0
	for i := range weights {
		weights[i] = p.weight(i)
		sum += weights[i]
	}
	for range n {
		x := float64(source.Uint64()>>11) * 0x1p-53 * sum
		at, last := -1, -1
		for i, w := range weights {
			if w == 0 {
				continue
			}
			last = i
			if x -= w; x < 0 {
				at = i
				break
			}
		}
		if at < 0 {
			at = last // sums are rounded
		}
		places = append(places, at)
		sum -= weights[at]
		weights[at] = 0
	}
	return places
}

// leastWeight is what a problem is asked at least, of one that is right half of the times: what
// is always right or wrong may not stay so.
const leastWeight = 0.1

// weight returns how often a problem is to be asked: by the variance of its rewards, q (1-q) of
// the share q that is right, of which as much is learned.
func (p *Problems) weight(i int) float64 {
	if !p.Curriculum || len(p.tallies) == 0 {
		return 1
	}
	t := p.tallies[i]
	q := (t.Right + 1) / (t.Asked + 2)
	return max(leastWeight, 4*q*(1-q))
}

// forgetting is how much of a tally is left when a problem is asked again: the policy is another.
const forgetting = 0.5

// Tell adds what came of a round to the tallies.
func (p *Problems) Tell(r *Round) {
	if len(p.List) == 0 {
		return
	}
	if len(p.tallies) == 0 {
		p.tallies = make([]Tally, len(p.List))
	}
	for i, x := range r.Problems {
		t := &p.tallies[x.Number]
		t.Right, t.Asked = t.Right*forgetting, t.Asked*forgetting
		for _, right := range r.Groups[i].Correct {
			if t.Asked++; right {
				t.Right++
			}
		}
	}
}
