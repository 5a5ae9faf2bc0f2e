package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Bounds of a line.
const (
	maxAnswers = 10_000_000 // to a problem
	maxK       = 1000       // numbers of answers that are asked for
)

// Scores are those of a set of problems, by k.
type Scores struct {
	Problems int              `json:"problems"`
	Pass     map[string]Score `json:"pass,omitempty"`
	Majority map[string]Score `json:"maj,omitempty"`
}

// ScoreOf returns pass@k and maj@k for the given numbers.
func ScoreOf(problems []Samples, pass, majority []int) (Scores, error) {
	s := Scores{Problems: len(problems)}
	if len(problems) == 0 {
		return s, ErrNoProblems
	}
	each := func(ks []int, score func(int, []Samples) ([]float64, error)) (map[string]Score, error) {
		by := map[string]Score{}
		for _, k := range ks {
			x, err := score(k, problems)
			if err != nil {
				return nil, err
			}
			by[strconv.Itoa(k)] = Mean(x)
		}
		return by, nil
	}
	var err error
	if s.Pass, err = each(pass, PassAt); err != nil {
		return s, err
	}
	s.Majority, err = each(majority, MajorityAt)
	return s, err
}

// ScoreLine reads a JSON object with the k of pass and maj and problems, each with correct
// and perhaps answers, or with n and c, and returns its scores.
func ScoreLine(line []byte) (Scores, error) {
	asked := struct {
		Pass     []int         `json:"pass"`
		Majority []int         `json:"maj"`
		Problems []problemLine `json:"problems"`
	}{}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return Scores{}, fmt.Errorf("want an object with pass, maj and problems: %w", err)
	}
	switch n := len(asked.Pass) + len(asked.Majority); {
	case d.More():
		return Scores{}, fmt.Errorf("more than one value")
	case n > maxK:
		return Scores{}, fmt.Errorf("pass and maj have %d numbers, want %d at most", n, maxK)
	}
	problems := make([]Samples, len(asked.Problems))
	for i := range asked.Problems {
		var err error
		if problems[i], err = asked.Problems[i].samples(); err != nil {
			return Scores{}, fmt.Errorf("problem %d: %w", i, err)
		}
	}
	return ScoreOf(problems, asked.Pass, asked.Majority)
}

// problemLine is a problem of a line.
type problemLine struct {
	Correct []*bool   `json:"correct"`
	Answers []*string `json:"answers"`
	N       *int      `json:"n"`
	C       *int      `json:"c"`
}

func (p *problemLine) samples() (Samples, error) {
	counts := p.N != nil && p.C != nil
	switch {
	case p.Correct == nil && !counts:
		return Samples{}, fmt.Errorf("want correct, or n and c")
	case p.Correct != nil && (p.N != nil || p.C != nil), p.Correct == nil && p.Answers != nil:
		return Samples{}, fmt.Errorf("want either correct, with answers or without, or n and c")
	case counts && (*p.N < 0 || *p.N > maxAnswers || *p.C < 0 || *p.C > *p.N):
		return Samples{}, fmt.Errorf("n is %d and c %d, want 0 to %d and no more right ones", *p.N, *p.C, maxAnswers)
	case counts:
		return Samples{N: *p.N, C: *p.C}, nil
	case p.Answers != nil && len(p.Answers) != len(p.Correct):
		return Samples{}, fmt.Errorf("%d answers, and correct has %d", len(p.Answers), len(p.Correct))
	}
	s := Samples{N: len(p.Correct), Correct: make([]bool, len(p.Correct)), Answers: p.Answers}
	for i, right := range p.Correct {
		if right == nil {
			return Samples{}, fmt.Errorf("correct[%d] is null, want true or false", i)
		}
		if s.Correct[i] = *right; *right {
			s.C++
		}
	}
	return s, nil
}
