package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/terminal"
	"github.com/blitz-r1/blitz/jinja"
)

// maxAnswerRoom is the most that is kept free for an answer.
const maxAnswerRoom = 256

// answerRoom is how many positions are kept for an answer, in a context of that many.
func answerRoom(positions int) int { return min(maxAnswerRoom, positions/4) }

// makeRoom sees to it that a message and its answer fit the context. Where they do
// not, the user chooses what is forgotten; false: the message is not sent.
func (c *conversation) makeRoom(ctx context.Context, text string) (bool, error) {
	message := chat.Message{Role: "user", Content: jinja.String(text)}
	positions := c.running.engine.Context()
	most := positions - answerRoom(positions)
	n, err := c.tokens(ctx, append(c.session.Messages, message))
	if err != nil || n <= most {
		return err == nil, err
	}
	alone, err := c.tokens(ctx, append(c.kept(c.session.Messages), message))
	if err != nil {
		return false, err
	}
	if alone > most {
		return false, fmt.Errorf("the message takes %d of %d positions and leaves no room for an answer: %w", alone, positions, blitz.ErrContext)
	}
	c.say("With this message the conversation takes %d tokens; the context has %d positions.", n, positions)
	choice, err := c.console.ReadLine(ctx, terminal.Prompt{First: "[d]rop the oldest turns, [c]lear all, or keep it and send nothing? "})
	if err != nil && !errors.Is(err, terminal.ErrInterrupted) && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(choice)) {
	case "d", "drop":
		return true, c.drop(ctx, message, most)
	case "c", "clear":
		c.session.Messages = c.kept(c.session.Messages)
		return true, nil
	}
	c.typed = choice // no answer to the question: it is the next line
	c.note("Not sent. /clear begins anew, /retry sends it again.")
	return false, nil
}

// drop forgets the oldest turns until the rest and a message take at most half of so
// many tokens, so that some turns more find room, or one turn is left and takes no more
// than all of them.
func (c *conversation) drop(ctx context.Context, message chat.Message, most int) error {
	kept := c.kept(c.session.Messages)
	rest := c.session.Messages[len(kept):]
	dropped := 0
	for len(rest) > 0 {
		messages := append(append(kept[:len(kept):len(kept)], rest...), message)
		n, err := c.tokens(ctx, messages)
		if err != nil {
			return err
		}
		if next := nextTurn(rest); n <= most/2 || n <= most && next == len(rest) {
			break
		}
		rest = rest[nextTurn(rest):]
		dropped++
	}
	c.session.Messages = append(kept[:len(kept):len(kept)], rest...)
	c.note("(dropped the oldest %s)", turns(dropped))
	return nil
}

// turns writes a number of turns.
func turns(n int) string {
	if n == 1 {
		return "turn"
	}
	return fmt.Sprintf("%d turns", n)
}

// nextTurn returns where the second turn of some messages begins.
func nextTurn(messages []chat.Message) int {
	for i := 1; i < len(messages); i++ {
		if messages[i].Role == "user" {
			return i
		}
	}
	return len(messages)
}

// kept returns the messages that are never forgotten: those of the system at the
// beginning.
func (c *conversation) kept(messages []chat.Message) []chat.Message {
	n := 0
	for n < len(messages) && messages[n].Role == "system" {
		n++
	}
	return messages[:n:n]
}

// tokens returns how many positions a conversation takes.
func (c *conversation) tokens(ctx context.Context, messages []chat.Message) (int, error) {
	ctx, done := c.stoppable(ctx) // a template may take its time
	defer done()
	r := c.flags.request(c.running)
	r.Messages = messages
	text, err := c.running.model.Render(ctx, &r)
	if err != nil {
		return 0, err
	}
	ids, err := c.running.model.Tokenizer().Encode(text, 0)
	return len(ids), err
}
