package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/eval"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/tokenizer"
)

// suiteFlags say what a model is asked.
type suiteFlags struct {
	kind, score choice
	size, count count
	data, text  string
	skip        bool
}

func (f *suiteFlags) add(cmd *cobra.Command) {
	f.kind, f.score = choice{from: task.Generated}, choice{v: string(task.Exact), from: task.Scorings}
	f.size = count{min: 1, max: 1 << 10}
	f.count = count{min: 1, max: maxProblems}
	flags := cmd.Flags()
	flags.Var(&f.kind, "task", "`KIND` of problems to make: "+strings.Join(task.Generated, ", "))
	flags.Var(&f.size, "size", "how large they are: `N` numbers, bits or empty cells (default 3 numbers, to sort 7, 12 bits, 8 cells)")
	flags.Var(&f.count, "problems", fmt.Sprintf("how many are asked, of --data the first: `N` (default %d, of --data all)", usualProblems))
	flags.StringVar(&f.data, "data", "", "`FILE` of JSON lines with prompt and answer")
	flags.Var(&f.score, "score", "how answers are compared where a line has no score: `exact|numeric|choice|regex`")
	flags.BoolVar(&f.skip, "skip-broken", false, "leave out lines of --data that cannot be asked, and say which")
	flags.StringVar(&f.text, "text", "", "`FILE` to predict")
}

func (f *suiteFlags) check() error {
	given := 0
	for _, s := range []string{f.kind.v, f.data, f.text} {
		if s != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return fault.Misuse(fmt.Errorf("eval: one of --task, --data and --text is missing"))
	case given > 1:
		return fault.Misuse(fmt.Errorf("eval: more than one of --task, --data and --text"))
	case f.size.set && f.kind.v == "":
		return fault.Misuse(fmt.Errorf("eval: --size is for --task"))
	case f.count.set && f.text != "":
		return fault.Misuse(fmt.Errorf("eval: --problems is not for --text"))
	case f.skip && f.data == "":
		return fault.Misuse(fmt.Errorf("eval: --skip-broken is for --data"))
	}
	return nil
}

// evalSuite is what a model is asked, and what of it stands in the results.
type evalSuite struct {
	problems []eval.Problem
	header   eval.Header
}

// problems makes or reads the problems.
func (f *suiteFlags) problems(cmd *cobra.Command, seed uint64) (*evalSuite, error) {
	if f.data != "" {
		return f.read(cmd)
	}
	n := usualProblems
	if f.count.set {
		n = f.count.v
	}
	s := &evalSuite{header: eval.Header{
		Suite: f.kind.v, Name: f.kind.v, Source: fmt.Sprintf("size %d, seed %d", task.Size(f.kind.v, f.size.v), seed), Parts: n,
	}}
	for i := range n {
		p, err := task.Generate(f.kind.v, f.size.v, seed, i)
		if err != nil {
			return nil, fault.Misuse(fmt.Errorf("eval: --size: %w", err))
		}
		s.problems = append(s.problems, eval.Problem{Problem: p})
	}
	return s, nil
}

// Bounds of a file of questions.
const (
	maxQuestions = 1 << 30 // bytes
	brokenShown  = 5       // lines that are named
)

// read reads questions.
func (f *suiteFlags) read(cmd *cobra.Command) (*evalSuite, error) {
	b, err := awaitFile(cmd.Context(), f.data, maxQuestions)
	if err != nil {
		return nil, err
	}
	s := &evalSuite{header: eval.Header{
		Suite: "data", Name: filepath.Base(f.data), Source: fmt.Sprintf("sha256 %s, %s", sumOf(b), f.score.v),
	}}
	var broken []string
	lost, n := 0, 0
	for line := range bytes.Lines(bytes.TrimPrefix(b, markUTF8)) {
		n++
		if line = trimSpace(line); len(line) == 0 {
			continue
		}
		if f.count.set && len(s.problems) == f.count.v {
			break
		}
		err := checkUTF8(line)
		var q *task.Question
		if err == nil {
			q, err = task.ParseQuestion(line, task.Scoring(f.score.v))
		}
		if err == nil {
			s.problems = append(s.problems, eval.Problem{ID: q.ID, Problem: q})
			continue
		}
		if lost++; lost <= brokenShown {
			broken = append(broken, fmt.Sprintf("line %d: %v", n, err))
		}
	}
	if lost > brokenShown {
		broken = append(broken, fmt.Sprintf("and %d more", lost-brokenShown))
	}
	if s.header.Parts = len(s.problems); lost > 0 {
		what := fmt.Sprintf("%s: %s cannot be asked: %s", f.data, counted(lost, "line"), strings.Join(broken, "; "))
		if !f.skip {
			return nil, fault.WithHint(fault.Refusal(fmt.Errorf("%s", what)), "mend them, or leave them out with --skip-broken")
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s\n", printable(what))
	}
	if len(s.problems) == 0 {
		return nil, fault.Refusal(fmt.Errorf("%s: there is no question in it", f.data))
	}
	return s, nil
}

// readText reads the text that is to be predicted.
func (f *suiteFlags) readText(cmd *cobra.Command) (string, *eval.Header, error) {
	b, err := awaitFile(cmd.Context(), f.text, tokenizer.MaxText)
	if err != nil {
		return "", nil, err
	}
	text, err := decodeText(b, f.text)
	if err != nil {
		return "", nil, err
	}
	return text, &eval.Header{Suite: eval.SuiteText, Name: filepath.Base(f.text), Source: "sha256 " + sumOf(b)}, nil
}

// sumOf returns the SHA-256 of bytes in hexadecimal.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
