package reward

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/message"
)

// Case is a sample, and what it has to be worth.
type Case struct {
	Sample
	Total *Want           // nil: any
	Parts map[string]Want // by the name of a reward
}

// Want is a score that is wanted; nil: nothing is to be said.
type Want struct{ Value *float64 }

// UnmarshalJSON reads a number, or null or "none".
func (w *Want) UnmarshalJSON(text []byte) error {
	if string(text) == "null" || string(text) == `"none"` {
		w.Value = nil
		return nil
	}
	return json.Unmarshal(text, &w.Value)
}

// String is a score as messages have it.
func (w Want) String() string {
	if w.Value == nil {
		return "none"
	}
	return strconv.FormatFloat(*w.Value, 'g', 6, 64)
}

// closeEnough is how far a score may be from what is wanted, of the larger of it and 1: sums
// of weights that a person wrote are rounded.
const closeEnough = 1e-9

// equals says that a score is what is wanted.
func (w Want) equals(got *float64) bool {
	if w.Value == nil || got == nil {
		return w.Value == nil && got == nil
	}
	return math.Abs(*w.Value-*got) <= closeEnough*max(1, math.Abs(*w.Value))
}

// ParseCase reads a case from a JSON object: completion, and want or wants, which has what
// single rewards have to say; where wanted prompt, open, tokens and truncated. The object is
// the example, too.
func ParseCase(line []byte) (*Case, error) {
	if nesting(line) > maxDepth {
		return nil, fmt.Errorf("a case is nested deeper than %d: %w", maxDepth, ErrConfig)
	}
	var c struct {
		Completion *string         `json:"completion"`
		Prompt     string          `json:"prompt"`
		Open       bool            `json:"open"`
		Tokens     int             `json:"tokens"`
		Truncated  bool            `json:"truncated"`
		Want       json.RawMessage `json:"want"`
		Wants      map[string]Want `json:"wants"`
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, fmt.Errorf("want an object: %w: %w", err, ErrConfig)
	}
	asked := fields
	if raw := fields["prompt"]; len(raw) > 0 && raw[0] != '"' { // messages are the example's own
		asked = maps.Clone(fields)
		delete(asked, "prompt")
	}
	text, err := json.Marshal(asked)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, fmt.Errorf("a case: %w: %w", err, ErrConfig)
	}
	out := &Case{
		Sample: Sample{Prompt: c.Prompt, Open: c.Open, Tokens: c.Tokens, Truncated: c.Truncated, Row: slices.Clone(line)},
		Parts:  c.Wants,
	}
	switch {
	case c.Completion == nil:
		return nil, fmt.Errorf("completion is missing, want a text: %w", ErrConfig)
	case c.Tokens < 0:
		return nil, fmt.Errorf("tokens is %d, want 0 or more: %w", c.Tokens, ErrConfig)
	case c.Want == nil && len(c.Wants) == 0:
		return nil, fmt.Errorf("want is missing, want the score, or wants with that of each reward: %w", ErrConfig)
	}
	out.Completion = *c.Completion
	if c.Want != nil {
		out.Total = new(Want)
		if err := out.Total.UnmarshalJSON(c.Want); err != nil {
			return nil, fmt.Errorf("want is %s, want a number or null: %w", message.Quote(string(c.Want)), ErrConfig)
		}
	}
	return out, nil
}

// ParseCases reads the cases of a file of JSON lines, or the tables [[cases]] of a TOML file.
func ParseCases(name string, text []byte) ([]Case, error) {
	var lines [][]byte
	if strings.HasSuffix(strings.ToLower(name), ".toml") {
		var file struct {
			Cases []map[string]any `toml:"cases"`
		}
		if _, err := toml.Decode(string(text), &file); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", message.Clean(name), err, ErrConfig)
		}
		for i, c := range file.Cases {
			line, err := json.Marshal(c)
			if err != nil {
				return nil, fmt.Errorf("%s: case %d: %w: %w", message.Clean(name), i+1, err, ErrConfig)
			}
			lines = append(lines, line)
		}
	} else {
		for line := range bytes.Lines(text) {
			lines = append(lines, bytes.TrimSpace(line))
		}
	}
	var cases []Case
	for i, line := range lines {
		if len(line) == 0 {
			continue
		}
		c, err := ParseCase(line)
		if err != nil {
			return nil, fmt.Errorf("%s: case %d: %w", message.Clean(name), i+1, err)
		}
		cases = append(cases, *c)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s has no cases: %w", message.Clean(name), ErrConfig)
	}
	return cases, nil
}

// Failure is a case whose scores are not what is wanted, or an attack that is worth as much
// as a right answer.
type Failure struct {
	Case int    `json:"case"`             // from 1
	Of   string `json:"attack,omitempty"` // its name; "": the case itself
	Why  string `json:"why"`
}

// Trial is what came of cases.
type Trial struct {
	Cases    int       `json:"cases"`
	Attacks  int       `json:"attacks"`
	Failures []Failure `json:"failures"`
}

// Try scores cases, and with attacks completions that are made of each of them and answer
// nothing: none of them may be worth as much as the case, where that is worth more than
// nothing.
func (s *Scorer) Try(ctx context.Context, cases []Case, attacks bool) (*Trial, error) {
	t := &Trial{Cases: len(cases), Failures: []Failure{}}
	samples := make([]Sample, len(cases))
	for i := range cases {
		for name := range cases[i].Parts {
			if !slices.Contains(s.Names(), name) {
				return nil, fmt.Errorf("case %d: wants %s, and there is no such reward among %s: %w", i+1, message.Quote(name), strings.Join(s.Names(), ", "), ErrConfig)
			}
		}
		samples[i] = cases[i].Sample
	}
	outcomes, err := s.Score(ctx, samples)
	if err != nil {
		return nil, err
	}
	for i := range cases {
		if why := s.compare(&cases[i], &outcomes[i]); why != "" {
			t.Failures = append(t.Failures, Failure{Case: i + 1, Why: why})
		}
		if total := outcomes[i].Total; attacks && total != nil && *total > 0 {
			if err := s.attack(ctx, t, i, &samples[i], *total); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// compare says in what scores are not what is wanted.
func (s *Scorer) compare(c *Case, got *Outcome) string {
	var wrong []string
	if c.Total != nil && !c.Total.equals(got.Total) {
		wrong = append(wrong, fmt.Sprintf("the score is %v, want %v", Want{got.Total}, c.Total))
	}
	for i, f := range s.functions {
		part := &got.Parts[i]
		said := Want{}
		if !part.Skipped {
			said.Value = &part.Value
		}
		want, named := c.Parts[f.name]
		switch {
		case named && !want.equals(said.Value):
			wrong = append(wrong, fmt.Sprintf("%s says %v, want %v", f.name, said, want)+note(part))
		case len(wrong) > 0 && !named:
			wrong = append(wrong, fmt.Sprintf("%s says %v", f.name, said)+note(part))
		}
	}
	return strings.Join(wrong, "; ")
}

// note is a score's note as a message has it.
func note(s *Score) string {
	if s.Note == "" {
		return ""
	}
	return " (" + s.Note + ")"
}

// attack scores what answers nothing.
func (s *Scorer) attack(ctx context.Context, t *Trial, i int, honest *Sample, worth float64) error {
	list := attacksOn(honest)
	samples := make([]Sample, len(list))
	for k := range list {
		samples[k] = *honest
		samples[k].Completion = list[k].completion
	}
	outcomes, err := s.Score(ctx, samples)
	if err != nil {
		return err
	}
	t.Attacks += len(list)
	for k, o := range outcomes {
		if o.Total != nil && *o.Total >= worth {
			t.Failures = append(t.Failures, Failure{Case: i + 1, Of: list[k].name, Why: fmt.Sprintf("a completion that answers nothing is worth %v, as much as this one", Want{o.Total})})
		}
	}
	return nil
}

// named is a completion that answers nothing.
type named struct{ name, completion string }

// attacksOn are completions that hold no answer to a sample: what models found, and what
// programs stumble over.
func attacksOn(s *Sample) []named {
	reasoning, _ := s.split()
	open := opensReasoning
	if s.Open {
		open = ""
	}
	const long = 1 << 18
	between := func(answer string) string {
		return open + "hm" + closesReasoning + "<answer>" + answer + "</answer>"
	}
	var all strings.Builder
	for n := range 300 {
		fmt.Fprintf(&all, "<answer>%d</answer>", n-100)
	}
	return []named{
		{"nothing", ""},
		{"tags around nothing", between("")},
		{"the reasoning alone", open + reasoning},
		{"no more than the end of the reasoning", open + closesReasoning},
		{"blanks without end", between(strings.Repeat(" ", long))},
		{"one word without end", between(strings.Repeat("yes ", long/4))},
		{"every number at once", open + closesReasoning + all.String()},
		{"brackets without end", between(strings.Repeat("(", long))},
		{"lists within lists", between(strings.Repeat("[", long))},
		{"zero bytes and no UTF-8", between("\x00\xff\xfe\xc0\x80")},
		{"tags within tags", strings.Repeat("<think><answer>", 1000) + strings.Repeat("</answer></think>", 1000)},
	}
}
