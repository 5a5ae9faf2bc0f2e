package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// maxMessages bounds a conversation, which is written once for each turn of the model.
const maxMessages = 1000

// maxWritten bounds what is written of one conversation in all, in bytes.
const maxWritten = 1 << 28

// conversation is a row while its template writes it.
type conversation struct {
	*Encoder
	ctx     context.Context
	row     *Row // what users and tools say is covered
	shield  *tokenizer.Shield
	written int
}

// span is the bytes of a text that are learned, from and up to.
type span struct{ from, to int }

// chat encodes a conversation as the model's template writes it. What is learned are the
// model's turns: behind the text that the template writes to open one, up to and with the
// token that ends it.
//
// Where a turn lies is found by writing the messages before it, with the model's turn
// opened, and those up to it: both have to be beginnings of the whole. A template that
// writes a message in another way once others follow is refused, unless each turn gets a
// sample of its own, or only the last is learned.
func (e *Encoder) chat(ctx context.Context, r *Row) ([]Sample, error) {
	if e.template == nil {
		return nil, badRow("has messages, and the model no chat template")
	}
	if len(r.Messages) > maxMessages {
		return nil, badRow("has %d messages, want at most %d", len(r.Messages), maxMessages)
	}
	var turns []int
	for i, m := range r.Messages {
		if m.Role == "assistant" && i >= r.given {
			turns = append(turns, i)
		}
	}
	if len(turns) == 0 {
		return nil, badRow("has no message of the assistant to learn")
	}
	if e.o.Turns == TurnsLast {
		turns = turns[len(turns)-1:]
	}
	c := &conversation{Encoder: e, ctx: ctx}
	if err := c.cover(r); err != nil {
		return nil, err
	}
	if e.o.Turns != TurnsEach && e.o.Completions == CompletionsTemplate {
		s, err := c.sample(turns, len(r.Messages))
		return []Sample{s}, err
	}
	var samples []Sample
	for _, i := range turns {
		s, err := c.turn(i)
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// turn returns the sample of one turn, with what came before it.
func (c *conversation) turn(i int) (Sample, error) {
	if c.o.Completions == CompletionsTemplate {
		return c.sample([]int{i}, i+1)
	}
	prompt, err := c.write(i, true)
	if err != nil {
		return Sample{}, err
	}
	raw, err := rawTurn(&c.row.Messages[i], prompt)
	if err != nil {
		return Sample{}, err
	}
	return c.encode(prompt+raw+c.turnEnd, []span{{len(prompt), len(prompt) + len(raw) + len(c.turnEnd)}})
}

// The tags around reasoning, in the turns of models that reason.
const thinkOpen, thinkClose = "<think>", "</think>"

// rawTurn returns what the model writes behind a prompt: its reasoning between tags, where
// that is given apart, and its answer. A tag that the prompt has opened is not opened again.
func rawTurn(m *chat.Message, prompt string) (string, error) {
	content := ""
	if !m.Content.IsNone() {
		var ok bool
		if content, ok = m.Content.Text(); !ok {
			return "", badRow("the turn to learn is no string")
		}
	}
	if len(m.ToolCalls) > 0 {
		return "", badRow("the turn to learn calls tools: completions raw takes texts only")
	}
	if m.ReasoningContent != "" {
		content = thinkOpen + "\n" + m.ReasoningContent + "\n" + thinkClose + "\n\n" + content
	}
	opened := strings.TrimRight(prompt, " \n")
	if rest, begins := strings.CutPrefix(strings.TrimLeft(content, " \n"), thinkOpen); strings.HasSuffix(opened, thinkOpen) && begins {
		if len(opened) < len(prompt) {
			rest = strings.TrimLeft(rest, " \n")
		}
		content = rest
	}
	return content, nil
}

// sample returns the first n messages as one sample, of which some turns are learned.
func (c *conversation) sample(turns []int, n int) (Sample, error) {
	whole, err := c.write(n, false)
	if err != nil {
		return Sample{}, err
	}
	var spans []span
	for _, i := range turns {
		before, err := c.write(i, true)
		if err != nil {
			return Sample{}, err
		}
		upTo := whole
		if i+1 < n {
			if upTo, err = c.write(i+1, false); err != nil {
				return Sample{}, err
			}
		}
		switch {
		case !strings.HasPrefix(upTo, before):
			return Sample{}, badRow("messages[%d]: the template opens the model's turn with %q, and does not begin it so in a conversation: completions raw learns what stands behind that", i, ending40(before))
		case !strings.HasPrefix(whole, upTo):
			return Sample{}, badRow("messages[%d]: the template writes it otherwise once more messages follow: turns each gives each turn its own sample, turns last learns only the last", i)
		case len(upTo) == len(before):
			return Sample{}, badRow("messages[%d]: the template writes nothing of it", i)
		}
		spans = append(spans, span{len(before), len(upTo)})
	}
	return c.encode(whole, spans)
}

// ending40 is the last 40 characters of a text.
func ending40(s string) string {
	r := []rune(s)
	return string(r[max(0, len(r)-40):])
}

// cover keeps what users and tools say from being control tokens, as it is when the model
// answers.
func (c *conversation) cover(r *Row) error {
	given, err := json.Marshal([]any{r.Messages, r.Tools})
	if err != nil {
		return badRow("%v", err)
	}
	c.shield = c.tokens.NewShield(string(given))
	covered := &Row{Messages: slices.Clone(r.Messages), Tools: slices.Clone(r.Tools)}
	for i := range covered.Messages {
		if m := &covered.Messages[i]; m.Role == "user" || m.Role == "tool" {
			m.Content = coverText(c.shield, m.Content, "type")
		}
	}
	for i, tool := range covered.Tools {
		covered.Tools[i] = coverText(c.shield, tool, "type", "required")
	}
	c.row = covered
	return nil
}

// coverText marks text, or all texts of a list or of an object but those under some keys.
func coverText(shield *tokenizer.Shield, v jinja.Value, but ...string) jinja.Value {
	if text, ok := v.Text(); ok {
		return jinja.String(shield.Cover(text))
	}
	if list, ok := v.List(); ok {
		covered := make([]jinja.Value, len(list))
		for i, x := range list {
			covered[i] = coverText(shield, x, but...)
		}
		return jinja.List(covered...)
	}
	if d, ok := v.Dict(); ok {
		covered := &jinja.Dict{}
		for key, x := range d.All() {
			if _, inner := x.Dict(); !slices.Contains(but, key) || inner {
				x = coverText(shield, x, but...)
			}
			covered.Set(key, x)
		}
		return covered.Value()
	}
	return v
}

// write writes the first n messages, and opens the model's turn behind them where asked.
func (c *conversation) write(n int, open bool) (string, error) {
	text, err := c.template.RenderChat(c.ctx, &chat.Chat{
		Messages: c.row.Messages[:n], Tools: c.row.Tools, AddGenerationPrompt: open, Variables: c.variables,
	})
	if stopped := c.ctx.Err(); stopped != nil {
		return "", stopped
	}
	if err != nil {
		return "", badRow("chat template: %v", err)
	}
	if c.written += len(text); c.written > maxWritten {
		return "", badRow("its turns together are longer than %d bytes", maxWritten)
	}
	return text, nil
}

// encode returns a text with what is learned of it. Behind the last token of a span that
// ends an answer nothing is learned: the model never writes that.
func (c *conversation) encode(text string, spans []span) (Sample, error) {
	var cuts []int
	for _, s := range spans {
		cuts = append(cuts, s.from, s.to)
	}
	ids, at, err := c.encodeCut(text, cuts)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{IDs: ids, Learned: make([]bool, len(ids))}
	for k := 0; k < len(at); k += 2 {
		from, to := at[k], at[k+1]
		for i := to - 1; i >= from; i-- {
			if slices.Contains(c.ends, ids[i]) {
				to = i + 1
				break
			}
		}
		for i := from; i < to; i++ {
			s.Learned[i] = true
		}
	}
	return s, nil
}

// encodeCut encodes a text and returns how many tokens come before each cut, which is a
// byte of the text; cuts ascend. Where a token reaches over a cut, the texts between cuts
// are encoded one by one: the model that answers has a prompt that ends there.
func (c *conversation) encodeCut(text string, cuts []int) (ids []int32, at []int, err error) {
	if ids, err = c.parts(text); err != nil {
		return nil, nil, err
	}
	for _, cut := range cuts {
		before, err := c.parts(text[:cut])
		if err != nil {
			return nil, nil, err
		}
		if !hasPrefix(ids, before) {
			return c.encodePieces(text, cuts)
		}
		at = append(at, len(before))
	}
	return ids, at, nil
}

func (c *conversation) encodePieces(text string, cuts []int) (ids []int32, at []int, err error) {
	if !c.continues {
		return nil, nil, badRow("a token has the end of what the template writes and the beginning of the model's turn")
	}
	from := 0
	for _, cut := range append(slices.Clone(cuts), len(text)) {
		piece, err := c.parts(text[from:cut])
		if err != nil {
			return nil, nil, err
		}
		ids, from = append(ids, piece...), cut
		at = append(at, len(ids))
	}
	return ids, at[:len(cuts)], nil
}

func (c *conversation) parts(text string) ([]int32, error) {
	ids, err := c.tokens.EncodeParts(c.shield.Parts(text), 0)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		return nil, badRow("%v", err)
	}
	return ids, nil
}
