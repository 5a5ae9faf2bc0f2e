package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/terminal"
)

// console is where a chat takes place: a terminal with editing, or plain lines.
type console interface {
	io.Writer
	// ReadLine reads what is typed. Its errors are those of terminal.ReadLine.
	ReadLine(ctx context.Context, p terminal.Prompt) (string, error)
	// OnInterrupt says what Ctrl-C does at once; nil: it ends the line that is typed.
	OnInterrupt(f func())
	Close() error
}

// openConsole returns the console of a command: lines are edited where input and
// output are terminals that can do so.
func openConsole(cmd *cobra.Command) (console, error) {
	in, out := cmd.InOrStdin(), cmd.OutOrStdout()
	if isTerminal(in) && isTerminal(out) && !isPlain(os.Getenv) {
		return terminal.Open(in.(*os.File), out.(*os.File))
	}
	prompts := out
	if !isTerminal(out) {
		prompts = cmd.ErrOrStderr() // what is redirected are the answers
	}
	signal.Reset(os.Interrupt) // of the whole program: it stops an answer here
	c := newPlainConsole(cmd.Context(), in, out, prompts)
	signal.Notify(c.signals, os.Interrupt)
	return c, nil
}

// plainConsole reads lines as the system gives them, for terminals that cannot move
// the cursor.
type plainConsole struct {
	io.Writer
	prompts io.Writer
	lines   chan typed
	signals chan os.Signal
	closed  chan struct{}

	mu        sync.Mutex
	interrupt func()
	pressed   chan struct{} // Ctrl-C that nothing else is done for
}

// typed is a line, or why there are no more.
type typed struct {
	line string
	err  error
}

func newPlainConsole(ctx context.Context, in io.Reader, out, prompts io.Writer) *plainConsole {
	c := &plainConsole{
		Writer: out, prompts: prompts, lines: make(chan typed), signals: make(chan os.Signal, 1),
		closed: make(chan struct{}), pressed: make(chan struct{}, 1),
	}
	go c.read(ctx, in)
	go c.watch()
	return c
}

// read reads lines until the input ends.
func (c *plainConsole) read(ctx context.Context, in io.Reader) {
	lines := newLineReader(newInput(ctx, in, nil), maxPrompt)
	for {
		line, err := lines.next()
		if errors.Is(err, errLongLine) {
			fmt.Fprintln(c.prompts, err)
			continue
		}
		select {
		case c.lines <- typed{string(line), err}:
		case <-c.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// watch does what Ctrl-C asks for.
func (c *plainConsole) watch() {
	for {
		select {
		case <-c.signals:
		case <-c.closed:
			return
		}
		c.mu.Lock()
		f := c.interrupt
		c.mu.Unlock()
		if f != nil {
			f()
			continue
		}
		select {
		case c.pressed <- struct{}{}:
		default:
		}
	}
}

func (c *plainConsole) OnInterrupt(f func()) {
	c.mu.Lock()
	c.interrupt = f
	c.mu.Unlock()
}

func (c *plainConsole) ReadLine(ctx context.Context, p terminal.Prompt) (string, error) {
	text, prompt := "", p.First
	for {
		fmt.Fprint(c.prompts, prompt)
		select {
		case t := <-c.lines:
			if text += t.line; t.err != nil {
				fmt.Fprintln(c.prompts)
				return text, t.err
			}
		case <-c.pressed:
			fmt.Fprintln(c.prompts)
			return text, terminal.ErrInterrupted
		case <-ctx.Done():
			fmt.Fprintln(c.prompts)
			return text, ctx.Err()
		}
		if p.Unfinished == nil || !p.Unfinished(text) {
			return text, nil
		}
		text, prompt = text+"\n", p.More
	}
}

func (c *plainConsole) Close() error {
	signal.Stop(c.signals)
	close(c.closed)
	return nil
}
