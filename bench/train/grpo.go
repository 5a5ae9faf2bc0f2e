package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// reinforced is Blitz's step of GRPO: answers are drawn, judged, and learned of once.
type reinforced struct {
	m        *model.Model
	policy   *grpo.Policy
	drawing  grpo.Drawing
	lesson   grpo.Lesson
	problems []grpo.Problem
}

// promptOf is a prompt of the character-level tasks: what trl.py asks too.
func promptOf(i int) string { return fmt.Sprintf("%d %d %d = %d\n", 1+i%9, 1+i/9%9, 1+i*7%9, 10+i%80) }

// openGRPO opens a folder with a model and its tokenizer, as train demo writes it, and TRL with the
// same. All answers have as many tokens, unless they are to end by themselves: then tokens are those
// that there are at most.
func (s *settings) openGRPO(ctx context.Context, path string, list *[]*contender) (tokens int, err error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return 0, err
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{Masters: true})
	if err != nil {
		return 0, err
	}
	t, err := files.Tokenizer()
	if err != nil {
		m.Close()
		return 0, err
	}
	x := &reinforced{m: m, lesson: grpo.Lesson{Updates: 1, Steps: &train.Settings{Optimizer: adam, Schedule: train.Schedule{Kind: "constant", LR: 1e-5}}}}
	x.lesson.Loss = policy.GRPO()
	x.lesson.Loss.Beta = 0
	x.drawing = grpo.Drawing{
		Answers: s.answers, MaxTokens: s.length, Temperature: 1,
		Judge: func(_ task.Problem, text string) task.Verdict {
			return task.Verdict{Reward: float64(strings.Count(text, "3"))}
		},
		Decode: func(ids []int32) (string, error) { // rows of the embedding that no token has are drawn, too
			return t.Decode(slices.DeleteFunc(slices.Clone(ids), func(id int32) bool {
				_, ok := t.Token(id)
				return !ok
			}))
		},
	}
	for i := range s.problems {
		ids, err := t.Encode(promptOf(i), 0)
		if err != nil {
			return 0, errors.Join(err, x.close())
		}
		x.problems = append(x.problems, grpo.Problem{Problem: &grpo.Rewarded{Text: promptOf(i)}, Prompt: ids})
	}
	x.policy = &grpo.Policy{AtOnce: 4096, Active: m.Active()}
	var more []string
	if s.ends {
		x.policy.Ends = files.EndTokens(m.Config.VocabSize)
		more = []string{"--ends"}
	}
	if x.policy.Trainer, err = train.New(m, m.Weights(), train.Options{Threads: s.threads}); err == nil {
		x.policy.Engine, err = engine.New(m, engine.Options{Threads: s.threads, Sequences: s.problems * s.answers, Context: s.length + 64, Chunk: 4096})
	}
	if err != nil {
		return 0, errors.Join(err, x.close())
	}
	*list = append(*list, &contender{name: "blitz", runner: x})
	for _, how := range s.peersOr("generate") {
		args := []string{
			filepath.Join(s.scripts, "trl_grpo.py"), path, "--threads", fmt.Sprint(s.threads), "--problems", fmt.Sprint(s.problems), "--answers", fmt.Sprint(s.answers),
			"--length", fmt.Sprint(s.length), "--how", how, "--steps", fmt.Sprint(s.warm + s.rounds),
		}
		p, err := startPeer(ctx, s.python, append(args, more...)...)
		if err != nil {
			return 0, err
		}
		*list = append(*list, &contender{name: "trl " + how, runner: p})
	}
	return s.problems * s.answers * s.length, nil
}

func (x *reinforced) step(ctx context.Context, i int) (taken, error) {
	before, began := golden.CPUTime(), time.Now()
	r, err := x.policy.Draw(ctx, x.problems, &x.drawing, func(k int) uint64 { return uint64(i)<<32 | uint64(k) })
	if err != nil {
		return taken{}, err
	}
	live, _ := r.Live()
	y, err := x.policy.Learn(ctx, live, &x.lesson)
	if err != nil {
		return taken{}, err
	}
	if y.LogPDiff != 0 || 2*len(live) < len(x.problems) {
		return taken{}, fmt.Errorf("step %d: rollout and trainer differ by %g, %d groups of %d have a difference", i, y.LogPDiff, len(live), len(x.problems))
	}
	return taken{time.Since(began).Seconds(), (golden.CPUTime() - before).Seconds(), y.Loss}, nil
}

func (x *reinforced) close() error {
	if x.policy != nil {
		if x.policy.Engine != nil {
			x.policy.Engine.Close()
		}
		if x.policy.Trainer != nil {
			x.policy.Trainer.Close()
		}
	}
	x.m.Close()
	return nil
}
