package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/jinja"
)

// Role is what a sample is in a preference, which is two samples behind each other: Chosen
// and Rejected, or Desirable or Undesirable and Mismatched.
type Role uint8

// The roles.
const (
	Plain       Role = iota // of no preference
	Chosen                  // the better answer of two to a prompt
	Rejected                // the other one
	Desirable               // an answer that is wanted
	Undesirable             // one that is not
	Mismatched              // the prompt with the answer to another one, of which nothing is learned
)

func (r Role) String() string {
	return [...]string{"", "chosen", "rejected", "desirable", "undesirable", "mismatched"}[r]
}

// second says whether the role is that of the second sample of a preference behind a first
// one.
func (r Role) second(first Role) bool {
	switch first {
	case Chosen:
		return r == Rejected
	case Desirable, Undesirable:
		return r == Mismatched
	}
	return false
}

// paired says whether the roles are those of samples in twos, or none.
func (s *Samples) paired() bool {
	if len(s.Roles) == 0 {
		return true
	}
	if len(s.Roles) != s.Len() || s.Len()%2 != 0 {
		return false
	}
	for i := 0; i < len(s.Roles); i += 2 {
		if !s.Roles[i+1].second(s.Roles[i]) {
			return false
		}
	}
	return true
}

// pair encodes two answers to a prompt.
func (e *Encoder) pair(ctx context.Context, r *Row) ([]Sample, error) {
	chosen, rejected, err := e.readPair(r.fields)
	if err != nil {
		return nil, err
	}
	var samples []Sample
	for _, x := range []struct {
		row  *Row
		role Role
	}{{chosen, Chosen}, {rejected, Rejected}} {
		s, err := e.answer(ctx, x.row, x.role)
		if err != nil {
			return nil, within(x.role.String(), err)
		}
		samples = append(samples, s)
	}
	if slices.Equal(samples[0].IDs, samples[1].IDs) {
		return nil, badRow("chosen and rejected are the same")
	}
	return samples, nil
}

// within puts a key before what is wrong with a row; another error stays as it is.
func within(key string, err error) error {
	if e, ok := err.(*rowError); ok {
		return badRow("%s: %s", key, e.reason)
	}
	return err
}

// labelled encodes an answer with its label, or a pair as two of them.
func (e *Encoder) labelled(ctx context.Context, r *Row) ([]Sample, error) {
	label, hasLabel := r.fields.Get("label")
	if !hasLabel {
		if r.Form != Pair {
			return nil, badRow("has no label")
		}
		samples, err := e.pair(ctx, r)
		if err != nil {
			return nil, err
		}
		samples[0].Role, samples[1].Role = Desirable, Undesirable
		return samples, nil
	}
	if r.Form == Pair || r.Form == Text {
		return nil, badRow("has a label, and neither prompt with completion nor messages")
	}
	role := Undesirable
	switch kind := label.TypeName(); {
	case kind == "bool" && label.Truth():
		role = Desirable
	case kind != "bool":
		return nil, badRow("label is neither true nor false")
	}
	s, err := e.answer(ctx, r, role)
	return []Sample{s}, err
}

// answer encodes one answer to a prompt.
func (e *Encoder) answer(ctx context.Context, r *Row, role Role) (Sample, error) {
	samples, err := e.plainRow(ctx, r)
	switch {
	case err != nil:
		return Sample{}, err
	case len(samples) != 1:
		return Sample{}, badRow("has %d turns of the model, which cannot be in one sample: turns last learns the last", len(samples))
	case samples[0].prompt() == 0:
		return Sample{}, badRow("has nothing before the answer")
	}
	samples[0].Role = role
	return samples[0], nil
}

// prompt returns how many tokens come before the first that is learned.
func (s Sample) prompt() int {
	if i := slices.Index(s.Learned, true); i >= 0 {
		return i
	}
	return len(s.IDs)
}

// readPair reads two answers and their prompt, in the forms that TRL's data sets of
// preferences have: the prompt apart, or what both answers begin with.
func (e *Encoder) readPair(d *jinja.Dict) (chosen, rejected *Row, err error) {
	a, hasChosen := d.Get("chosen")
	b, hasRejected := d.Get("rejected")
	if !hasChosen || !hasRejected {
		return nil, nil, badRow("has not both of chosen and rejected")
	}
	prompt, hasPrompt := d.Get("prompt")
	_, isList := a.List()
	if _, other := b.List(); other != isList {
		return nil, nil, badRow("of chosen and rejected one is a list of messages and the other is not")
	}
	if _, promptIsList := prompt.List(); hasPrompt && promptIsList == isList {
		if chosen, err = answerTo(d, prompt, "chosen", a); err == nil {
			rejected, err = answerTo(d, prompt, "rejected", b)
		}
		return chosen, rejected, err
	}
	if isList { // a prompt that is a text stands in the lists once more
		return commonMessages(d, a, b)
	}
	if hasPrompt {
		return nil, nil, badRow("prompt is a list of messages, chosen and rejected are texts")
	}
	if e.o.Prompts == PromptsChat && e.template != nil {
		return nil, nil, badRow("has texts and no prompt, which prompts plain learns from what both begin with")
	}
	return commonText(a, b)
}

// answerTo reads an answer whose prompt stands apart.
func answerTo(d *jinja.Dict, prompt jinja.Value, key string, answer jinja.Value) (*Row, error) {
	r := &Row{}
	if err := r.readCompletion(d, prompt, answer); err != nil {
		return nil, within(key, err)
	}
	return r, nil
}

// commonMessages reads two conversations, whose prompt is the messages that both begin with.
func commonMessages(d *jinja.Dict, a, b jinja.Value) (chosen, rejected *Row, err error) {
	read := func(key string, v jinja.Value) (r *Row, texts []string) {
		r = &Row{Form: Chat}
		if r.Messages, err = readMessages(key, v); err != nil {
			return r, nil
		}
		list, _ := v.List()
		for _, m := range list {
			var text []byte
			if text, err = json.Marshal(m); err != nil {
				err = badRow("%s: %v", key, err)
				return r, nil
			}
			texts = append(texts, string(text))
		}
		err = r.readTools(d)
		return r, texts
	}
	chosen, left := read("chosen", a)
	if err != nil {
		return nil, nil, err
	}
	rejected, right := read("rejected", b)
	if err != nil {
		return nil, nil, err
	}
	n := 0
	for n < min(len(left), len(right)) && left[n] == right[n] {
		n++
	}
	switch {
	case n == 0:
		return nil, nil, badRow("chosen and rejected begin with other messages, and there is no prompt")
	case n == len(left) || n == len(right):
		return nil, nil, badRow("of chosen and rejected one is the beginning of the other")
	}
	chosen.given, rejected.given = n, n
	return chosen, rejected, nil
}

// commonText reads two texts, whose prompt is what both begin with, but for a blank at its
// end: that belongs to the word behind it.
func commonText(a, b jinja.Value) (chosen, rejected *Row, err error) {
	left, err := textOf("chosen", a)
	if err != nil {
		return nil, nil, err
	}
	right, err := textOf("rejected", b)
	if err != nil {
		return nil, nil, err
	}
	n := 0
	for n < min(len(left), len(right)) && left[n] == right[n] {
		n++
	}
	for n > 0 && n < len(left) && !utf8.RuneStart(left[n]) {
		n--
	}
	if n > 0 && left[n-1] == ' ' {
		n--
	}
	switch {
	case n == 0:
		return nil, nil, badRow("chosen and rejected begin otherwise, and there is no prompt")
	case n == len(left) || n == len(right):
		return nil, nil, badRow("of chosen and rejected one is the beginning of the other")
	}
	row := func(text string) *Row { return &Row{Form: Completion, Prompt: text[:n], Completion: text[n:]} }
	return row(left), row(right), nil
}

// preferences counts the preferences of a row.
func (c *Counts) preferences(samples []Sample) {
	for _, s := range samples {
		switch s.Role {
		case Chosen:
			c.Pairs++
		case Desirable:
			c.Desirables++
		case Undesirable:
			c.Others++
		}
	}
}

// preferences takes the preferences of a row. Of a pair both have to fit.
func (l *loader) preferences(r *Row, to *Samples, samples []Sample, at Place) error {
	var fitting []Sample
	for _, s := range samples {
		left, fits, err := l.fit(r, s)
		if err != nil {
			return err
		}
		if fits {
			fitting = append(fitting, left)
		}
	}
	if l.e.o.Preferences == PreferencesLabels {
		return l.keep(to, fitting, at)
	}
	for _, s := range fitting {
		if len(fitting) < len(samples) { // one alone is no pair
			l.set.Counts.Skipped++
			l.set.Counts.CutTokens += len(s.IDs)
			continue
		}
		if err := to.add(s, at); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps answers until all rows are known.
func (l *loader) keep(to *Samples, answers []Sample, at Place) error {
	for _, s := range answers {
		l.labelled = append(l.labelled, labelled{to, s, at})
		if l.tokens += len(s.IDs); l.tokens > maxTokens/2 {
			return badSet("the answers have more than %d tokens", maxTokens/2)
		}
	}
	return nil
}

// labelled is an answer with its label, before there is a mismatched one.
type labelled struct {
	to *Samples
	Sample
	at Place
}

// mismatch puts an answer to another prompt behind each prompt: that of the last row before
// it whose prompt is another, and before the first comes the last. Its end is cut where it
// would be too long.
func (l *loader) mismatch() error {
	all := l.labelled
	prompt := func(i int) []int32 { return all[i].IDs[:all[i].prompt()] }
	other := len(all) - 1
	for other > 0 && slices.Equal(prompt(other), prompt(0)) {
		other--
	}
	if len(all) > 0 && other == 0 {
		x := all[0].at
		return fmt.Errorf("%s:%d: all answers are to this prompt: how far the model goes from what it was is measured with answers to other prompts: %w", message.Clean(l.set.Files[x.File]), x.Line, ErrEmpty)
	}
	for i := range all {
		if i > 0 && !slices.Equal(prompt(i), prompt(i-1)) {
			other = i - 1
		}
		x, y := &all[i], &all[other]
		if err := x.to.add(x.Sample, x.at); err != nil {
			return err
		}
		from := y.prompt()
		m := Sample{IDs: slices.Concat(prompt(i), y.IDs[from:]), Role: Mismatched}
		m.Learned = append(make([]bool, x.prompt()), y.Learned[from:]...)
		if err := x.to.add(m.cut(min(len(m.IDs), l.e.o.Length)), x.at); err != nil {
			return err
		}
	}
	return nil
}
