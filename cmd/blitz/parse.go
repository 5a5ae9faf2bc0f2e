package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// maxTools is the longest file of tools, in bytes.
const maxTools = 16 << 20

// parseFlags are the flags of parse.
type parseFlags struct {
	jsonl, open   bool
	format, tools string
}

func newParse() *cobra.Command {
	f := &parseFlags{}
	cmd := &cobra.Command{
		Use:   "parse --format NAME",
		Short: "Split what a model wrote into reasoning, content and tool calls",
		Long: `Split what a model wrote into reasoning, content and tool calls, by the format
that it was trained on. The text is the standard input.

` + jsonLinesHelp,
		Example: `  echo '"<think>2+2</think>4"' | blitz parse --jsonl --format deepseek-r1
  blitz parse --format qwen3 --open < answer.txt`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "each line is a JSON string, or a list of strings, the chunks as they stream")
	cmd.Flags().StringVar(&f.format, "format", "", "how the model writes: `NAME` is one of "+strings.Join(output.Formats(), ", "))
	cmd.Flags().BoolVar(&f.open, "open", false, "the prompt ended in <think>, so the text begins inside the reasoning")
	cmd.Flags().StringVar(&f.tools, "tools", "", "`FILE` with the JSON list of tools, for formats that leave out types or names")
	return cmd
}

func (f *parseFlags) run(cmd *cobra.Command) error {
	if f.format == "" {
		return fault.Misuse(fmt.Errorf("parse: --format NAME is missing, one of %s", strings.Join(output.Formats(), ", ")))
	}
	o := output.Options{Open: f.open}
	if f.tools != "" {
		var err error
		if o.Tools, err = readTools(cmd.Context(), f.tools); err != nil {
			return err
		}
	}
	if _, err := output.NewParser(f.format, o); err != nil {
		switch {
		case f.tools != "" && errors.Is(err, output.ErrTools):
			err = fmt.Errorf("%s: %w", f.tools, err)
		case errors.Is(err, output.ErrUnknownFormat):
			err = fmt.Errorf("%w%s", err, spelling.Text(f.format, output.Formats()))
		}
		return err
	}
	if f.jsonl {
		return answerLines(cmd, func(dst, line []byte) ([]byte, error) { return f.answer(dst, line, o) })
	}
	text, err := readInput(cmd, maxLine)
	if err != nil {
		return err
	}
	out, err := output.Parse(f.format, string(text), o)
	if err != nil {
		return err
	}
	return writeJSON(cmd.OutOrStdout(), out)
}

// answer parses one line: a whole text, or its chunks.
func (f *parseFlags) answer(dst, line []byte, o output.Options) ([]byte, error) {
	chunks, err := parseChunks(line)
	if err != nil {
		return dst, err
	}
	p, err := output.NewParser(f.format, o)
	if err != nil {
		return dst, err
	}
	var c output.Collector
	for _, chunk := range chunks {
		c.Add(p.Write(chunk))
	}
	c.Add(p.Close())
	return appendJSON(dst, c.Output())
}

// parseChunks reads a JSON string, or a list of them.
func parseChunks(line []byte) ([]string, error) {
	const want = "a string or a list of strings"
	if line[0] != '[' {
		s, err := parseString(line, want)
		return []string{s}, err
	}
	var list []*string
	if err := parseJSON(line, &list, want); err != nil {
		return nil, err
	}
	chunks := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, fmt.Errorf("chunk %d is null, want a string", i)
		}
		chunks[i] = *s
	}
	return chunks, nil
}

// readTools reads a file with a JSON list of tools.
func readTools(ctx context.Context, path string) ([]json.RawMessage, error) {
	b, err := awaitFile(ctx, path, maxTools)
	if err != nil {
		return nil, err
	}
	var tools []json.RawMessage
	err = parseJSON(b, &tools, "a list of tools")
	if err == nil && tools == nil {
		err = fmt.Errorf("got null, want a list of tools")
	}
	if err != nil {
		return nil, fault.Refusal(fmt.Errorf("%s: %w", path, err))
	}
	return tools, nil
}
