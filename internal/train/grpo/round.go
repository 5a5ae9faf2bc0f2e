package grpo

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
)

// Problem is one that the policy is asked.
type Problem struct {
	task.Problem
	Number int     // in the list that it is of; -1: it was made
	Prompt []int32 // the question as tokens
}

// Drawing says how answers are drawn and judged.
type Drawing struct {
	Answers     int // a problem: the size of a group
	MaxTokens   int // of an answer
	Temperature float32
	Judge       func(p task.Problem, text string) task.Verdict
	Decode      func(ids []int32) (string, error)
	// Score says what answers are worth, in place of Judge; nil: Judge does.
	Score func(ctx context.Context, samples []reward.Sample) ([]reward.Outcome, error)
	Names []string // of the rewards that Score asks, in their order
	Words *Finder  // finds self-checks and re-tries; nil: Words does
}

// Round is what a policy answered to some problems.
type Round struct {
	Problems []Problem
	Groups   []Group
	Texts    [][]string // of the answers, without the token that ended them
	names    []string   // of the rewards
	words    *Finder
}

// Draw has the policy answer problems, a group each, and judges the answers. seed returns that
// of a problem.
func (p *Policy) Draw(ctx context.Context, problems []Problem, d *Drawing, seed func(i int) uint64) (*Round, error) {
	asks := make([]Ask, len(problems))
	for i := range problems {
		asks[i] = Ask{
			Prompt: problems[i].Prompt, N: d.Answers, MaxTokens: d.MaxTokens, Temperature: d.Temperature, Seed: seed(i), Ends: p.Ends, Adapter: p.Adapter,
		}
	}
	all, err := Rollout(ctx, p.Engine, asks)
	if err != nil {
		return nil, err
	}
	r := &Round{Problems: problems, names: []string{"correct", "format"}, words: d.Words}
	if d.Score != nil {
		r.names = d.Names
	}
	for i, answers := range all {
		g := Group{Prompt: problems[i].Prompt, Answers: answers}
		var texts []string
		for k := range answers {
			text, err := answers[k].Text(p.Ends, d.Decode)
			if err != nil {
				return nil, fmt.Errorf("answer %d to problem %d: %w", k, i, err)
			}
			v := d.Judge(problems[i].Problem, text)
			texts = append(texts, text)
			g.Rewards, g.Correct, g.Said = append(g.Rewards, v.Reward), append(g.Correct, v.Correct), append(g.Said, v.Answer)
			g.Parts = append(g.Parts, []float64{share(v.Correct), share(v.Format)})
		}
		r.Groups, r.Texts = append(r.Groups, g), append(r.Texts, texts)
	}
	if d.Score != nil {
		if err := r.score(ctx, d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// share is 1 of what holds.
func share(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// Add puts another round behind this one.
func (r *Round) Add(o *Round) {
	r.names, r.words = o.names, o.words
	r.Problems, r.Groups, r.Texts = append(r.Problems, o.Problems...), append(r.Groups, o.Groups...), append(r.Texts, o.Texts...)
}

// Live returns the groups of which something can be learned, and which they are.
func (r *Round) Live() (groups []Group, which []int) {
	for i := range r.Groups {
		if !r.Groups[i].dead() {
			groups, which = append(groups, r.Groups[i]), append(which, i)
		}
	}
	return groups, which
}

// Figures are what a round is like.
type Figures struct {
	Reward      float64 `json:"reward"`       // mean
	RewardStd   float64 `json:"reward_std"`   // over all answers
	Correct     float64 `json:"correct"`      // share: pass@1
	Solved      float64 `json:"solved"`       // share of the problems with a right answer: pass@G
	DeadGroups  int     `json:"dead_groups"`  // of problems whose answers all have one reward
	Groups      int     `json:"groups"`       // that were drawn
	Length      float64 `json:"length"`       // tokens, mean
	LengthWrong float64 `json:"length_wrong"` // of the answers that are not right; 0: there are none
	LengthP99   int     `json:"length_p99"`
	Truncated   float64 `json:"truncated"` // share
	// CutCorrect is the share of all answers that are cut, and right all the same.
	CutCorrect float64 `json:"cut_correct"`
	// Entropy is the mean of -log p of the tokens that were drawn, in nats: at temperature 1
	// an estimate without bias of the entropy of the next token.
	Entropy float64 `json:"entropy"`
	Tokens  int     `json:"tokens"` // of all answers

	// The share of right answers among the shorter and the longer half.
	CorrectShort float64 `json:"correct_short"`
	CorrectLong  float64 `json:"correct_long"`

	Rewards []RewardFigure `json:"rewards,omitempty"` // of each function
	Checks  float64        `json:"checks"`            // self-checks, an answer: by words (Finder)
	Retries float64        `json:"retries"`           // re-tries, an answer
	Prompts int            `json:"prompt_tokens"`     // tokens of the prompts, each once
}

// RewardFigure is what a reward said of a round's answers, without its weight.
type RewardFigure struct {
	Name    string  `json:"name"`
	Mean    float64 `json:"mean"`
	Std     float64 `json:"std"`
	Skipped float64 `json:"skipped,omitempty"` // the share of answers of which it said nothing
}

// Figures returns what the round is like.
func (r *Round) Figures() Figures {
	f := Figures{Groups: len(r.Groups)}
	var lengths []length
	n, wrong, square, sum, rewarded := 0.0, 0.0, 0.0, 0.0, 0.0
	for _, g := range r.Groups {
		solved := false
		for i, a := range g.Answers {
			n++
			if !g.skipped(i) {
				rewarded++
				f.Reward += g.Rewards[i]
				square += g.Rewards[i] * g.Rewards[i]
			}
			lengths = append(lengths, length{len(a.IDs), g.Correct[i]})
			f.Tokens += len(a.IDs)
			if g.Correct[i] {
				f.Correct++
				solved = true
			} else {
				f.LengthWrong += float64(len(a.IDs))
				wrong++
			}
			if a.Truncated {
				f.Truncated++
				if g.Correct[i] {
					f.CutCorrect++
				}
			}
			for _, v := range a.LogP {
				sum -= float64(v)
			}
		}
		if solved {
			f.Solved++
		}
		if g.dead() {
			f.DeadGroups++
		}
	}
	if n == 0 {
		return f
	}
	f.Reward /= max(1, rewarded)
	f.RewardStd = math.Sqrt(max(0, square/max(1, rewarded)-f.Reward*f.Reward))
	f.Correct, f.Truncated, f.CutCorrect = f.Correct/n, f.Truncated/n, f.CutCorrect/n
	f.Solved /= float64(len(r.Groups))
	f.Length, f.LengthWrong = float64(f.Tokens)/n, f.LengthWrong/max(1, wrong)
	f.Entropy = sum / math.Max(1, float64(f.Tokens))
	f.lengths(lengths)
	f.Rewards = r.rewards()
	f.look(r)
	return f
}

// rewards returns what each reward said.
func (r *Round) rewards() (list []RewardFigure) {
	for i, name := range r.names {
		x := RewardFigure{Name: name}
		n, all, square := 0.0, 0.0, 0.0
		for _, g := range r.Groups {
			for _, parts := range g.Parts {
				if all++; i < len(parts) && parts[i] == parts[i] {
					n++
					x.Mean += parts[i]
					square += parts[i] * parts[i]
				}
			}
		}
		x.Mean /= max(1, n)
		x.Std = math.Sqrt(max(0, square/max(1, n)-x.Mean*x.Mean))
		x.Skipped = 1 - n/max(1, all)
		list = append(list, x)
	}
	return list
}

// look counts where answers look back, and tokens of prompts.
func (f *Figures) look(r *Round) {
	words := r.words
	if words == nil {
		words = Words
	}
	n := 0
	for i := range r.Groups {
		f.Prompts += len(r.Groups[i].Prompt)
		for _, text := range r.Texts[i] {
			checks, retries := words.Count(text)
			f.Checks, f.Retries = f.Checks+float64(checks), f.Retries+float64(retries)
			n++
		}
	}
	f.Checks, f.Retries = f.Checks/float64(max(1, n)), f.Retries/float64(max(1, n))
}

// Scores returns pass@k and, where answers are known, maj@k of a round, with standard errors, for
// k = 1, 2, 4 … up to the size of its groups.
func (r *Round) Scores() (task.Scores, error) {
	var problems []task.Samples
	least, said := math.MaxInt, true
	for i := range r.Groups {
		g := &r.Groups[i]
		s := task.Samples{N: len(g.Correct), Correct: g.Correct, Answers: g.Said}
		for _, right := range g.Correct {
			if right {
				s.C++
			}
		}
		least, said = min(least, s.N), said && g.Said != nil
		problems = append(problems, s)
	}
	var ks []int
	for k := 1; k <= least && len(problems) > 0; k *= 2 {
		ks = append(ks, k)
	}
	if n := len(ks); n > 0 && ks[n-1] < least {
		ks = append(ks, least)
	}
	majority := ks
	if !said {
		majority = nil
	}
	return task.ScoreOf(problems, ks, majority)
}

// length is how long an answer is, and whether it is right.
type length struct {
	tokens int
	right  bool
}

// lengths compares long answers with short ones.
func (f *Figures) lengths(all []length) {
	slices.SortStableFunc(all, func(a, b length) int { return a.tokens - b.tokens })
	f.LengthP99 = all[(len(all)*99-1)/100].tokens
	share := func(part []length) float64 {
		right := 0
		for _, x := range part {
			if x.right {
				right++
			}
		}
		return float64(right) / math.Max(1, float64(len(part)))
	}
	f.CorrectShort, f.CorrectLong = share(all[:len(all)/2]), share(all[len(all)/2:])
}
