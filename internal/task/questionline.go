package task

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Bounds of a question.
const (
	maxChoices = 26
	maxRight   = 1000
	maxPattern = 4096
)

// ParseQuestion reads a question from a JSON object: prompt (or question), answer, which is a
// text, a number or a list of them, any of which is right, and where wanted id, score, choices,
// tolerance. usual is the scoring where there is no score; with choices it is Choice.
func ParseQuestion(line []byte, usual Scoring) (*Question, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, fmt.Errorf("want an object: %w", err)
	}
	q := &Question{Scoring: usual}
	given := func(name string) bool {
		raw, ok := fields[name]
		return ok && string(raw) != "null"
	}
	name := "prompt"
	if !given(name) && given("question") {
		name = "question"
	}
	if err := field(fields, name, "a string", &q.Text); err != nil {
		return nil, err
	}
	if strings.Trim(q.Text, Blanks) == "" {
		return nil, fmt.Errorf("%s is empty", name)
	}
	if given("id") {
		if err := json.Unmarshal(fields["id"], &q.ID); err != nil {
			q.ID = string(fields["id"])
		}
	}
	if given("choices") {
		if err := field(fields, "choices", "a list of strings", &q.Choices); err != nil {
			return nil, err
		}
		if n := len(q.Choices); n < 2 || n > maxChoices {
			return nil, fmt.Errorf("choices has %d, want 2 to %d", n, maxChoices)
		}
		q.Scoring = Choice
	}
	if given("score") {
		if err := field(fields, "score", "a word", &q.Scoring); err != nil {
			return nil, err
		}
	}
	right, err := parseRight(fields)
	if err != nil {
		return nil, err
	}
	if err := q.want(right); err != nil {
		return nil, err
	}
	return q, q.tolerate(fields)
}

// parseRight returns the texts of the right answers, numbers as they are written.
func parseRight(fields map[string]json.RawMessage) ([]string, error) {
	const want = "a text, a number or a list of them"
	var list []json.RawMessage
	if err := field(fields, "answer", want, &list); err != nil {
		if _, ok := fields["answer"]; !ok {
			return nil, err
		}
		list = []json.RawMessage{fields["answer"]}
	}
	if len(list) == 0 || len(list) > maxRight {
		return nil, fmt.Errorf("answer has %d, want 1 to %d", len(list), maxRight)
	}
	var right []string
	for _, raw := range list {
		var text string
		var number json.Number
		switch {
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			right = append(right, strings.Trim(text, Blanks))
		case raw[0] != '"' && raw[0] != 'n' && json.Unmarshal(raw, &number) == nil:
			right = append(right, number.String())
		default:
			return nil, fmt.Errorf("answer is %.40s, want %s", raw, want)
		}
	}
	return right, nil
}

// want sets the right answers.
func (q *Question) want(right []string) error {
	for _, text := range right {
		if text == "" {
			return fmt.Errorf("answer is empty")
		}
		switch q.Scoring {
		case Exact:
			q.texts = append(q.texts, text)
		case Numeric:
			if numberForm.FindString(text) != text {
				return fmt.Errorf("answer %.40q is no number", text)
			}
			n, ok := parseNumeric(text)
			if !ok {
				return fmt.Errorf("answer %.40q is no number", text)
			}
			q.numbers = append(q.numbers, n)
		case Choice:
			if len(q.Choices) == 0 {
				return fmt.Errorf("score is choice: choices is missing")
			}
			letter, ok := q.lastChoice(text)
			if !ok {
				return fmt.Errorf("answer %.40q is none of the %d choices, nor a letter of one", text, len(q.Choices))
			}
			q.letters = append(q.letters, letter)
		case Regex:
			if len(text) > maxPattern {
				return fmt.Errorf("answer has %d bytes, want a pattern of %d at most", len(text), maxPattern)
			}
			p, err := regexp.Compile(text)
			if err != nil {
				return fmt.Errorf("answer: %w", err)
			}
			q.patterns = append(q.patterns, p)
		default:
			return fmt.Errorf("score is %.40q, want one of %v", q.Scoring, Scorings)
		}
	}
	return nil
}

// tolerate reads how far a number may be away; nothing unless that is said.
func (q *Question) tolerate(fields map[string]json.RawMessage) error {
	q.tolerance = new(big.Rat)
	raw, ok := fields["tolerance"]
	if !ok || string(raw) == "null" {
		return nil
	}
	if q.Scoring != Numeric {
		return fmt.Errorf("tolerance is given, and score is %s, want numeric", q.Scoring)
	}
	var n json.Number
	if err := field(fields, "tolerance", "a number", &n); err != nil {
		return err
	}
	if q.tolerance, ok = parseNumeric(n.String()); !ok || q.tolerance.Sign() < 0 {
		return fmt.Errorf("tolerance is %.40s, want 0 or more", n)
	}
	return nil
}
