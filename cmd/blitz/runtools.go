package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/fault"
)

// openTools makes the servers of --mcp ready, so that one that fails is known before the
// model is loaded.
func (f *runFlags) openTools() error {
	if len(f.mcp) == 0 {
		return nil
	}
	if f.special.v == specialTokens {
		return fault.Misuse(errors.New("--special tokens and --mcp: what tools say comes from outside, and is text"))
	}
	var err error
	if f.toolbox, err = openToolbox(f.mcp, f.mcpAllow); err != nil {
		return err
	}
	if err := f.tell(f.cmd.Context()); err != nil {
		f.closeTools()
		return err
	}
	return nil
}

func (f *runFlags) closeTools() {
	if f.toolbox != nil {
		f.toolbox.tools.Close()
	}
}

// tell asks the servers in use for their tools, of which the model is told from then on.
func (f *runFlags) tell(ctx context.Context) (err error) {
	f.tools, err = f.toolbox.definitions(ctx)
	return err
}

// checkTools says that a model cannot call tools.
func (f *runFlags) checkTools(o *running) error {
	if !f.toolbox.used() {
		return nil
	}
	if o.plain {
		return fault.Refusal(fmt.Errorf("--mcp: %s has no chat template, and cannot be told of tools", o.name))
	}
	t, err := o.chatTemplate()
	if err == nil && output.FormatOf(t) == "" {
		f.note("the template of %s knows no form of calls: --mcp changes little", printable(o.name))
	}
	return err
}

// asker returns who is asked where there is no chat: who sits at the terminal.
func (f *runFlags) asker() *asker {
	in, errOut := f.cmd.InOrStdin(), f.cmd.ErrOrStderr()
	a := &asker{say: func(format string, args ...any) { fmt.Fprintf(errOut, format+"\n", args...) }}
	if isTerminal(in) && isTerminal(errOut) {
		a.ask = func(ctx context.Context, question string) (string, error) {
			fmt.Fprint(errOut, question)
			return readReply(ctx, in)
		}
	}
	return a
}
