package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
)

// maxPrompt bounds what is read of the standard input, in bytes.
const maxPrompt = 64 << 20

// stdinPatience is how long a pipe may say nothing before a prompt of words does
// without it. Loading the model counts.
const stdinPatience = 2 * time.Second

// stdinWord is the word that stands for the standard input, which is read to its end
// then, however long that takes.
const stdinWord = "-"

// prompt is what a run asks: the words of the command line, and what the standard
// input holds, which stands first.
type prompt struct {
	words string
	input string
}

// text returns both as one text.
func (p *prompt) text() string {
	if p.input != "" && p.words != "" {
		return p.input + "\n\n" + p.words
	}
	return p.input + p.words
}

// promptReader reads the standard input for a prompt, from its making on.
type promptReader struct {
	cmd      *cobra.Command
	words    string
	in       *input           // nil: there is none, or somebody sits before it
	patience <-chan time.Time // for a first byte or the end; nil: any time
	stop     context.CancelFunc
}

// newPromptReader begins to read. A file is part of the prompt; so is any other input
// that is the whole of it or is named by stdinWord. A pipe beside words is one that
// another program may have left open without ever writing to it, as cron, editors and
// CI do: it gets patience.
func newPromptReader(cmd *cobra.Command, words []string, patience time.Duration) *promptReader {
	named := slices.Contains(words, stdinWord)
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == stdinWord })
	p := &promptReader{cmd: cmd, words: strings.Join(words, " "), stop: func() {}}
	stream := cmd.InOrStdin()
	if f, ok := stream.(*os.File); ok {
		stat, err := f.Stat()
		switch {
		case err != nil, isTerminal(f) && !named:
			return p
		case p.words != "" && !named && !stat.Mode().IsRegular():
			p.patience = time.After(patience)
		}
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(cmd.Context())
	p.in = newInput(ctx, stream, nil)
	return p
}

// isChat says whether there is no prompt and somebody to talk to.
func (p *promptReader) isChat() bool {
	return p.words == "" && p.in == nil && isTerminal(p.cmd.InOrStdin())
}

// canWait says whether the prompt may be read behind other work.
func (p *promptReader) canWait() bool { return p.patience != nil }

// read returns the prompt, which must not be empty.
func (p *promptReader) read() (prompt, error) {
	defer p.stop()
	whole := prompt{words: p.words}
	if p.in != nil {
		if !p.in.begins(p.patience) {
			fmt.Fprintf(p.cmd.ErrOrStderr(), "blitz: note: the standard input says nothing and is no part of the prompt; a word %s waits for it\n", stdinWord)
			return whole, nil
		}
		if p.words != "" {
			note := time.AfterFunc(stdinPatience, func() {
				fmt.Fprintln(p.cmd.ErrOrStderr(), "blitz: note: reading the standard input to its end, it is part of the prompt")
			})
			defer note.Stop()
		}
		b, err := readAll(p.in, "standard input", maxPrompt)
		if err != nil {
			return prompt{}, err
		}
		text, err := decodeText(b, "standard input")
		if err != nil {
			return prompt{}, err
		}
		whole.input = strings.TrimRight(text, "\r\n")
	}
	if whole.text() == "" {
		return prompt{}, fault.Misuse(fmt.Errorf("run: the prompt is empty"))
	}
	return whole, nil
}
