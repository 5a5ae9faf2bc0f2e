package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/tokenizer"
)

// tokenized are files that have a tokenizer.
type tokenized interface {
	Tokenizer() (*tokenizer.Tokenizer, error)
}

// readWindows reads a text, or the standard input, by the tokenizer of a model's files,
// and returns its ids and the windows of n of them.
func readWindows(cmd *cobra.Command, files tokenized, file string, n int) (ids []int32, windows [][]int32, err error) {
	t, err := files.Tokenizer()
	if err != nil {
		return nil, nil, err
	}
	if ids, err = readTextIDs(cmd, t, file); err != nil {
		return nil, nil, err
	}
	if windows, err = cutWindows(ids, n, t); err != nil {
		return nil, nil, fault.Refusal(fmt.Errorf("%s: %w", file, err))
	}
	return ids, windows, nil
}

// readTextIDs returns the ids of a text, with BOS in front where the model adds it.
// Special tokens that stand in the text are ordinary text.
func readTextIDs(cmd *cobra.Command, t *tokenizer.Tokenizer, file string) ([]int32, error) {
	var text string
	var err error
	if file == stdinWord {
		text, err = readText(cmd, tokenizer.MaxText)
	} else {
		text, err = awaitText(cmd.Context(), file, tokenizer.MaxText)
	}
	if err != nil {
		return nil, err
	}
	var ids []int32
	if t.AddsBOS() {
		ids = append(ids, t.BOS())
	}
	if ids, err = t.AppendEncode(ids, text, tokenizer.Plain); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return ids, nil
}

// cutWindows cuts ids into windows of n and drops the rest. Each window begins with
// BOS where the model adds it.
func cutWindows(ids []int32, n int, t *tokenizer.Tokenizer) ([][]int32, error) {
	if len(ids) < n {
		return nil, fmt.Errorf("the text has %d tokens, want %d at least, one window of --ctx", len(ids), n)
	}
	var windows [][]int32
	for ; len(ids) >= n; ids = ids[n:] {
		if t.AddsBOS() {
			ids[0] = t.BOS()
		}
		windows = append(windows, ids[:n:n])
	}
	return windows, nil
}
