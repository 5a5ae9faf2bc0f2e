package recipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// Answer is a line of answers.jsonl: one that a model gave to be learned of, or not.
type Answer struct {
	Number     int    `json:"number"` // of the problem
	Prompt     string `json:"prompt"`
	Completion string `json:"completion"`
	Tokens     int    `json:"tokens"`
	Correct    bool   `json:"correct"`
	Readable   bool   `json:"readable"`
}

// readable says whether an answer that came to an end can be read: it reasons, all words are in
// the wanted language, and no line stands there twice.
func readable(text string, cut bool) bool {
	before := reasoning(text)
	of, words := reward.LanguageShare(wanted, before)
	if cut || words == 0 || of < 1 {
		return false
	}
	seen := map[string]bool{}
	for line := range strings.Lines(before) {
		line = strings.TrimSuffix(line, "\n")
		if seen[line] {
			return false
		}
		seen[line] = true
	}
	return true
}

// gatherProblems is how many problems are asked before their answers are written down.
const gatherProblems = 64

// gather has the model of a folder answer the problems of a stage, and writes down all that it
// says, from where it was stopped on.
func (r *Run) gather(ctx context.Context, s *stage, from string, x *Tuned) error {
	list, err := r.problems(s, x.Problems, x.Arithmetic)
	if err != nil {
		return err
	}
	f, done, err := openAnswers(filepath.Join(r.folder(s), answersName), x.Answers)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // an error before counts; the last lines are synced
	if done >= len(list) {
		return nil
	}
	m, err := r.open(ctx, from, false)
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.answer(r, gatherProblems*x.Answers); err != nil {
		return err
	}
	d := &grpo.Drawing{Answers: x.Answers, MaxTokens: x.MaxTokens, Temperature: 1, Judge: task.Judge, Decode: vocabulary.Decode}
	for ; done < len(list); done += gatherProblems {
		some := list[done:min(done+gatherProblems, len(list))]
		round, err := r.draw(ctx, m, "answers "+s.name, some, done, d)
		if err != nil {
			return err
		}
		if err := writeAnswers(f, round, done); err != nil {
			return err
		}
		r.tell(s, &Gathered{Asked: done + len(some), Of: len(list), Figures: round.Figures()})
	}
	return f.Sync()
}

// Gathered is told while answers are gathered.
type Gathered struct {
	Asked, Of int
	grpo.Figures
}

// draw has a model answer problems, of which the first has a number.
func (r *Run) draw(ctx context.Context, m *opened, purpose string, list []task.Problem, first int, d *grpo.Drawing) (*grpo.Round, error) {
	problems := make([]grpo.Problem, len(list))
	for i, p := range list {
		var err error
		if problems[i], err = ask(p, first+i); err != nil {
			return nil, err
		}
	}
	return m.policy().Draw(ctx, problems, d, func(i int) uint64 {
		return newSource(&r.Settings.Problems, purpose, uint64(r.Settings.Seed), uint64(first+i)).Uint64()
	})
}

// writeAnswers adds the answers of a round to a file.
func writeAnswers(f *os.File, round *grpo.Round, first int) error {
	var b bytes.Buffer
	out := course.Lines(&b)
	for i, p := range round.Problems {
		for k, text := range round.Texts[i] {
			a := &round.Groups[i].Answers[k]
			if err := out.Encode(&Answer{
				Number: first + i, Prompt: prompt(p.Problem), Completion: text, Tokens: len(a.IDs),
				Correct: round.Groups[i].Correct[k], Readable: readable(text, a.Truncated),
			}); err != nil {
				return err
			}
		}
	}
	_, err := f.Write(b.Bytes())
	return err
}

// openAnswers opens a file of answers, cut behind the last problems that are there whole, as they
// are asked, and returns how many those are.
func openAnswers(path string, answers int) (f *os.File, problems int, err error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	end, lines, at := 0, 0, 0
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			break
		}
		at += len(line)
		if lines++; lines%(gatherProblems*answers) == 0 {
			end, problems = at, lines/answers
		}
	}
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, 0, err
	}
	if err = f.Truncate(int64(end)); err == nil {
		_, err = f.Seek(int64(end), 0)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, problems, nil
}

// choose makes examples of those answers of a stage that are to be learned. The error wraps
// course.ErrDoomed where there are none.
func (r *Run) choose(s *stage, x *Tuned) error {
	folder := r.folder(s)
	asked, kept := 0, 0
	of, texts := -1, map[string]bool{}
	return writeLines(filepath.Join(folder, examplesName), func(write func(v any) error) error {
		_, err := readLines(filepath.Join(folder, answersName), func(a *Answer) error {
			if asked++; a.Number != of {
				of, texts = a.Number, map[string]bool{}
			}
			if !a.Correct || x.Readable && !a.Readable || len(texts) == x.PerProblem || texts[a.Completion] {
				return nil
			}
			texts[a.Completion] = true
			kept++
			return write(&Example{Prompt: a.Prompt, Completion: a.Completion + end})
		})
		if err == nil && kept == 0 {
			err = fmt.Errorf("recipe: %s: of %d answers none is right%s: there is nothing to learn: %w", s.name, asked, map[bool]string{true: " and readable"}[x.Readable], course.ErrDoomed)
		}
		return err
	})
}

// drawn returns how many tokens the answers of a stage have, 0 where it has none.
func (r *Run) drawn(s *stage) (tokens int64, err error) {
	path := filepath.Join(r.folder(s), answersName)
	if !exists(path) {
		return 0, nil
	}
	_, err = readLines(path, func(a *Answer) error {
		if a.Tokens < 0 {
			return fmt.Errorf("%d tokens: %w", a.Tokens, train.ErrState)
		}
		tokens += int64(a.Tokens)
		return nil
	})
	return tokens, err
}
