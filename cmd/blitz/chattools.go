package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/terminal"
)

// useTools runs what the last answer called, as far as that is allowed, and has the model
// go on with the results, until it calls no more.
func (c *conversation) useTools(ctx context.Context) error {
	for round := 0; c.flags.toolbox.used(); round++ {
		calls := c.called()
		if len(calls) == 0 {
			return nil
		}
		if round == maxRounds {
			c.note("(the model called tools %d times for one question: it goes on when it is told to)", maxRounds)
			c.session.Messages = append(c.session.Messages, unrun(calls, tooManyCalls)...)
			return nil
		}
		var results []chat.Message
		err := c.stoppably(ctx, func(stop context.Context) (err error) {
			results, err = c.flags.toolbox.run(stop, calls, c.asker())
			return err
		})
		if err != nil {
			if results == nil {
				results = unrun(calls, notAllowed)
			}
			c.session.Messages = append(c.session.Messages, results...)
			if ctx.Err() != nil || !errors.Is(err, errRefused) && !errors.Is(err, context.Canceled) {
				return err
			}
			c.note("(the model waits: say what it is to do instead)")
			return nil
		}
		if err := c.goOnWith(ctx, results); err != nil {
			return err
		}
	}
	return nil
}

// called returns the calls that the last answer ended with.
func (c *conversation) called() []chat.ToolCall {
	if c.finish != blitz.FinishToolCalls {
		return nil
	}
	c.session.Settle()
	if n := len(c.session.Messages); n > 0 {
		return c.session.Messages[n-1].ToolCalls
	}
	return nil
}

// goOnWith gives the model results of its calls, and prints what it says to them. The
// results are part of the conversation, whatever comes of that.
func (c *conversation) goOnWith(ctx context.Context, results []chat.Message) error {
	err := c.flags.tell(ctx)
	if err == nil {
		c.session.Request = c.flags.request(c.running)
		err = c.stoppably(ctx, func(ctx context.Context) error {
			return c.print("", func() (*blitz.Answer, error) { return c.session.Send(ctx, results...) })
		})
	}
	c.session.Settle()
	if n := len(c.session.Messages); n > 0 && len(c.session.Messages[n-1].ToolCalls) > 0 && c.finish != blitz.FinishToolCalls {
		c.session.Messages = append(c.session.Messages, results...)
	}
	return err
}

// asker returns who is asked here.
func (c *conversation) asker() *asker {
	return &asker{say: c.note, ask: func(ctx context.Context, question string) (string, error) {
		reply, err := c.console.ReadLine(ctx, terminal.Prompt{First: question})
		switch {
		case errors.Is(err, terminal.ErrInterrupted), errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return "", err
		}
		if !isReply(reply) {
			c.typed = reply // no answer to the question: it is the next line
		}
		return reply, nil
	}}
}

// isReply says whether a line answers the question whether a call is run.
func isReply(line string) bool {
	return slices.Contains([]string{"", "y", "yes", "c", "chat", "a", "always", "n", "no"}, strings.ToLower(strings.TrimSpace(line)))
}

// servers returns the names of the servers that the settings have.
func (c *conversation) servers() []string {
	if c.flags.toolbox != nil {
		return c.flags.toolbox.tools.Servers()
	}
	b, err := openToolbox(nil, nil)
	if err != nil {
		return nil // a completion says nothing
	}
	return b.tools.Servers()
}

// useServers does /mcp.
func (c *conversation) useServers(ctx context.Context, rest string) error {
	f := c.flags
	if f.toolbox == nil {
		var err error
		if f.toolbox, err = openToolbox(nil, f.mcpAllow); err != nil {
			return err
		}
	}
	names := strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || r == ' ' })
	switch {
	case len(names) == 0:
		return c.listServers(ctx)
	case slices.Equal(names, []string{"off"}):
		names = nil
	case f.special.v == specialTokens:
		return errors.New("--special tokens and MCP servers: what tools say comes from outside, and is text")
	}
	before := f.toolbox.inUse
	err := f.toolbox.use(names)
	if err == nil {
		err = c.stoppably(ctx, f.tell)
	}
	if err == nil {
		err = f.checkTools(c.running)
	}
	if err != nil {
		f.toolbox.inUse = before
		return errors.Join(err, f.tell(ctx))
	}
	c.note("MCP servers in use: %s", orNone(f.toolbox.inUse))
	return nil
}

// listServers lists the servers of the settings, which starts them.
func (c *conversation) listServers(ctx context.Context) error {
	return c.stoppably(ctx, func(ctx context.Context) error {
		list := c.flags.toolbox.tools.Status(ctx)
		if len(list) == 0 {
			c.note("The settings file names no MCP servers; blitz config -h says how.")
		}
		for _, s := range list {
			use := ""
			if slices.Contains(c.flags.toolbox.inUse, s.Name) {
				use = ", in use"
			}
			c.say("%s (%s%s)", s.Name, s.State, use)
			if s.State == mcp.Failed {
				c.say("  %s", printable(s.Error))
			}
			for _, t := range s.Tools {
				c.say("  %s  %s", t.Name, shorten(printable(t.Description)))
			}
			for _, n := range s.Notes {
				c.note("  %s", n)
			}
		}
		return nil
	})
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
