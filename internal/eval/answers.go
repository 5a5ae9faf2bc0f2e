package eval

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/jinja"
)

// Answers are what a model said to one problem, and what is thought of it. All lists are of
// its samples, in their order.
type Answers struct {
	Problem int       `json:"problem"`
	ID      string    `json:"id,omitempty"`
	Correct []bool    `json:"correct"`
	Formed  []bool    `json:"formed"` // the answer has its form
	Cut     []bool    `json:"cut"`    // it came to its longest
	Tokens  []int     `json:"tokens"`
	Answers []*string `json:"answers"` // what was compared; null: none
	Texts   []string  `json:"texts"`
}

func (a Answers) number() int { return a.Problem }

func (a Answers) check(h *Header) error {
	k := h.Settings.Samples
	for _, n := range []int{len(a.Correct), len(a.Formed), len(a.Cut), len(a.Tokens), len(a.Answers), len(a.Texts)} {
		if n != k {
			return fmt.Errorf("a list has %d, want %d samples", n, k)
		}
	}
	return nil
}

// A Problem is one of a suite.
type Problem struct {
	ID string
	task.Problem
}

// Questioner asks an engine the problems of a suite.
type Questioner struct {
	Engine   *blitz.Engine
	Settings Settings
	Sampling blitz.Sampling // as the settings say, without a seed
	Think    blitz.Think
	Adapter  *blitz.Adapter // nil: none
	Chat     bool           // the model has a template
	Problems []Problem
}

// asked is a problem under way.
type asked struct {
	number int
	all    []*blitz.Answer
}

// ahead is how many answers are under way, as a multiple of what runs at once, so that the
// engine never waits for problems.
const ahead = 2

// Run answers the problems from the first that the log has not, batched, and writes each down
// in its order. said is called for each.
func (q *Questioner) Run(ctx context.Context, l *Log[Answers], said func()) error {
	var queue []asked
	defer func() {
		for _, a := range queue {
			a.close()
		}
	}()
	most := ahead * max(q.Engine.Sequences(), 1)
	for next := len(l.Parts); next < len(q.Problems) || len(queue) > 0; {
		for next < len(q.Problems) && (len(queue) == 0 || len(queue)*q.Settings.Samples < most) {
			a, err := q.ask(ctx, next)
			queue = append(queue, a)
			if err != nil {
				return fmt.Errorf("problem %d: %w", next, err)
			}
			next++
		}
		r, err := q.read(queue[0])
		if err != nil {
			return fmt.Errorf("problem %d: %w", queue[0].number, err)
		}
		queue = queue[1:]
		if err := l.Add(r); err != nil {
			return err
		}
		said()
	}
	return nil
}

func (a *asked) close() {
	for _, x := range a.all {
		x.Close()
	}
}

// ask begins the answers to a problem.
func (q *Questioner) ask(ctx context.Context, number int) (asked, error) {
	a := asked{number: number}
	seed := sampleSeed(q.Settings.Seed, number)
	for from := 0; from < q.Settings.Samples; from += blitz.MaxAnswers {
		r := q.request(&q.Problems[number])
		s := q.Sampling
		s.Seed = new(seed + uint64(from))
		r.Sampling = &s
		all, err := q.Engine.GenerateAll(ctx, r, min(blitz.MaxAnswers, q.Settings.Samples-from))
		if err != nil {
			return a, err
		}
		a.all = append(a.all, all...)
	}
	return a, nil
}

// sampleSeed returns the seed of the first answer to a problem; the others have those behind
// it. It depends on the problem's number alone, so that nothing depends on what was done
// before an interruption.
func sampleSeed(seed uint64, number int) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, seed), uint64(number)))
	return binary.LittleEndian.Uint64(sum[:]) >> 12
}

// request returns what is asked.
func (q *Questioner) request(p *Problem) blitz.Request {
	r := blitz.Request{MaxTokens: q.Settings.MaxTokens, Adapter: q.Adapter, Plain: true, Batch: true}
	if q.Settings.Prompt != "" {
		r.Prompt = strings.NewReplacer("{question}", p.Question(), "{short}", p.Short()).Replace(q.Settings.Prompt)
		r.Plain = false // the user wrote it, and may open the reasoning
		return r
	}
	text := p.Question()
	if !q.Chat {
		if r.Prompt = text; q.Settings.System != "" {
			r.Prompt = q.Settings.System + "\n\n" + text
		}
		return r
	}
	if q.Settings.System != "" {
		r.Messages = append(r.Messages, chat.Message{Role: "system", Content: jinja.String(q.Settings.System)})
	}
	r.Messages = append(r.Messages, chat.Message{Role: "user", Content: jinja.String(text)})
	r.Think = q.Think
	return r
}

// read reads the answers to a problem to their ends, and judges them.
func (q *Questioner) read(a asked) (Answers, error) {
	p := q.Problems[a.number]
	out := Answers{Problem: a.number, ID: p.ID}
	for _, x := range a.all {
		if err := x.Wait(); err != nil {
			return out, err
		}
		text, content := completion(x)
		v := task.JudgeContent(p.Problem, content)
		reason := x.Finish().Reason
		out.Correct, out.Formed = append(out.Correct, v.Correct), append(out.Formed, v.Format)
		out.Cut = append(out.Cut, reason == blitz.FinishLength || reason == blitz.FinishContext)
		out.Tokens = append(out.Tokens, len(x.IDs()))
		out.Answers, out.Texts = append(out.Answers, v.Answer), append(out.Texts, text)
	}
	return out, nil
}

// The tags of reasoning.
const (
	opensReasoning  = "<think>"
	closesReasoning = "</think>"
)

// completion returns the whole text of an answer, and what stands behind its reasoning.
// Reasoning that has no end has nothing behind it.
func completion(x *blitz.Answer) (text, content string) {
	o := x.Output()
	if o.Content != nil {
		content = *o.Content
	}
	switch {
	case o.ReasoningContent != nil && o.Content == nil:
		return opensReasoning + *o.ReasoningContent, ""
	case o.ReasoningContent != nil:
		return opensReasoning + *o.ReasoningContent + closesReasoning + content, content
	}
	text = content
	if _, behind, ok := strings.Cut(content, closesReasoning); ok {
		content = behind
	} else if strings.HasPrefix(strings.TrimLeft(content, task.Blanks), opensReasoning) {
		content = ""
	}
	return text, content
}
