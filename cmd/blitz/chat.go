package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/terminal"
)

// conversation is a chat: what is typed, what was said, and how answers are asked for.
type conversation struct {
	flags   *runFlags // as the command line gave them, and /set changed them
	running *running
	session *blitz.Session
	console console
	notes   io.Writer // what is no answer and was not asked for
	style   bool
	folder  string // of the history and of saved conversations; "": none
	history *terminal.History
	keeper  *keeper
	keep    bool               // what is typed goes into the history
	typed   string             // a line that was typed at a question and is none of its answers
	unsent  string             // the last message, where it was taken back
	finish  blitz.FinishReason // of the last answer
}

// chat talks until the user leaves.
func (f *runFlags) chat(o *running) error {
	out, errOut := f.cmd.OutOrStdout(), f.cmd.ErrOrStderr()
	f.greet(o, errOut) // while the terminal still breaks lines itself
	ui, err := openConsole(f.cmd)
	if err != nil {
		return err
	}
	defer ui.Close()
	c := newConversation(f, o, ui)
	if c.style = hasStyle(out, os.Getenv); !isTerminal(out) {
		c.notes = errOut // what is redirected are the answers
	}
	if home, _, err := homeFolder(os.Getenv); err == nil {
		c.folder = filepath.Join(home, "chats")
		if c.history, err = terminal.OpenHistory(filepath.Join(c.folder, "history.jsonl")); err != nil {
			c.note("%v", err)
		}
	}
	defer c.keeper.end(f.cmd.Context())
	return c.talk(f.cmd.Context())
}

func newConversation(f *runFlags, o *running, ui console) *conversation {
	return &conversation{
		flags: f, running: o, console: ui, notes: ui, history: &terminal.History{}, keep: true,
		keeper: keeperOf(f.cmd, o.model, o.name), session: o.engine.NewSession(&blitz.Request{Messages: f.messages()}),
	}
}

// greet says what is talked to.
func (f *runFlags) greet(o *running, w io.Writer) {
	text := fmt.Sprintf("%s, %d positions. /help lists the commands, /bye or Ctrl-D leaves.\n", printable(o.name), o.engine.Context())
	if o.plain {
		text += "Each line is continued as plain text, on its own.\n"
	}
	if hasStyle(w, os.Getenv) {
		text = styleDim + text + styleNone
	}
	io.WriteString(w, text) // nothing can be said where that fails
}

// say writes a line that is no part of an answer.
func (c *conversation) say(format string, args ...any) {
	fmt.Fprintf(c.console, format+"\n", args...)
}

// note writes a line that stands back.
func (c *conversation) note(format string, args ...any) {
	text := printableText(fmt.Sprintf(format, args...))
	if c.style {
		text = styleDim + text + styleNone
	}
	fmt.Fprintln(c.notes, text)
}

// talk reads lines and does what they ask for.
func (c *conversation) talk(ctx context.Context) error {
	left := false // Ctrl-C was pressed in an empty line
	for {
		line, err := c.nextLine(ctx)
		switch {
		case errors.Is(err, terminal.ErrInterrupted):
			if line != "" {
				left = false
				continue
			}
			if left {
				return nil
			}
			left = true
			c.note("Ctrl-C once more, Ctrl-D or /bye leaves.")
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		left = false
		if c.keep {
			if err := c.history.Add(line); err != nil {
				c.note("%v", err)
			}
		}
		bye, err := c.line(ctx, line)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.fail(err)
		}
		if bye {
			return nil
		}
	}
}

// nextLine returns the next line: one that was typed where a question stood, else one
// that is typed.
func (c *conversation) nextLine(ctx context.Context) (string, error) {
	if line := c.typed; line != "" {
		c.typed = ""
		return line, nil
	}
	return c.console.ReadLine(ctx, c.prompt())
}

// fail says what went wrong; the chat goes on.
func (c *conversation) fail(err error) {
	message, hint := explain(err)
	fmt.Fprintf(c.notes, "error: %s\n", message)
	if hint != "" {
		c.note("hint: %s", hint)
	}
}

// prompt says how a line is read.
func (c *conversation) prompt() terminal.Prompt {
	return terminal.Prompt{First: ">>> ", More: "... ", Unfinished: unfinished, Complete: c.complete, History: c.history}
}

// textQuotes stand around a text of several lines.
const textQuotes = `"""`

// unfinished says whether a line goes on in the next: it opened quotes, as a message
// or behind a command, and did not close them.
func unfinished(text string) bool {
	text = strings.TrimSpace(text)
	return (strings.HasPrefix(text, textQuotes) || strings.HasPrefix(text, "/")) && strings.Count(text, textQuotes) == 1
}

// unquote returns the text between quotes, or a text without them as it is.
func unquote(text string) string {
	inside, ok := strings.CutPrefix(text, textQuotes)
	if !ok {
		return text
	}
	inside, _ = strings.CutSuffix(inside, textQuotes)
	return strings.TrimSuffix(strings.TrimPrefix(inside, "\n"), "\n")
}

// line does what a line asks for: a command, or a message.
func (c *conversation) line(ctx context.Context, line string) (bye bool, err error) {
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "/") {
		if word, _, _ := strings.Cut(strings.TrimPrefix(text, "/"), " "); !strings.Contains(word, "/") {
			return c.command(ctx, text)
		}
	}
	if text = unquote(text); strings.TrimSpace(text) == "" {
		return false, nil
	}
	return false, c.ask(ctx, text)
}

// ask sends a message and prints the answer. Ctrl-C stops the answer; what came of it
// stays part of the conversation.
func (c *conversation) ask(ctx context.Context, text string) error {
	c.session.Settle()
	c.unsent = text
	if !c.running.plain {
		ok, err := c.makeRoom(ctx, text)
		if errors.Is(err, context.Canceled) {
			c.note(notBegun)
			return nil
		}
		if !ok || err != nil {
			return err
		}
	}
	err := c.stoppably(ctx, func(ctx context.Context) error {
		return c.print(text, func() (*blitz.Answer, error) { return c.send(ctx, text) })
	})
	if err != nil {
		return err
	}
	return c.useTools(ctx)
}

// stoppably does what Ctrl-C ends.
func (c *conversation) stoppably(ctx context.Context, do func(context.Context) error) error {
	ctx, done := c.stoppable(ctx)
	defer done()
	return do(ctx)
}

// stoppable returns a context that Ctrl-C ends, until done is called.
func (c *conversation) stoppable(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	c.console.OnInterrupt(cancel)
	return ctx, func() {
		c.console.OnInterrupt(nil)
		cancel()
	}
}

// print prints an answer to a message, "" for one that goes on.
func (c *conversation) print(text string, ask func() (*blitz.Answer, error)) error {
	c.finish = blitz.FinishNone
	p := newPrinter(c.console, true, c.style, c.flags.hideThinking)
	a, err := printAnswer(ask, p, c.flags.cmd.ErrOrStderr())
	if errors.Is(err, context.Canceled) {
		c.note(notBegun)
		return nil
	} else if err != nil {
		return err
	}
	c.keeper.begin(c.flags.cmd.Context())
	c.finish = a.Finish().Reason
	stopped := a.Finish().Reason == blitz.FinishCancelled
	if err := a.Err(); err != nil && !stopped {
		return err
	}
	stats := newStats(c.running, a)
	switch why := c.flags.cut(c.running, &stats); {
	case stopped && stats.OutputTokens == 0 && text != "":
		c.takeBack(text)
	case stopped:
		c.note("(stopped; /continue goes on)")
	case a.Finish().Reason == blitz.FinishLength && !c.running.plain:
		c.note("(cut: %s; /continue goes on)", why)
	case why != "":
		c.note("(cut: %s)", why)
	}
	if c.flags.verbose {
		return stats.write(c.console)
	}
	return nil
}

// send gives a message to the engine.
func (c *conversation) send(ctx context.Context, text string) (*blitz.Answer, error) {
	r := c.flags.request(c.running)
	if c.running.plain {
		r.Prompt = text
		return c.running.engine.Generate(ctx, r)
	}
	c.session.Request = r
	a, err := c.session.Ask(ctx, text)
	if err == nil {
		c.unsent = ""
	}
	return a, err
}
