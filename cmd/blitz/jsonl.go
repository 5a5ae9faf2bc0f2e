package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// jsonLinesHelp is what every verb that speaks JSON lines says of them.
const jsonLinesHelp = `With --jsonl, JSON lines go in and out: one value a line in, one a line out, in
order and at once. A line that fails gives {"error": "…"} and the rest goes on;
the exit code is 1 then. Blank lines are skipped. Half of a surrogate pair
counts as U+FFFD.`

// answerLines reads JSON lines from the standard input and writes one line for each:
// what answer appends to dst, or its error. What was written is handed on whenever
// the input pauses. The error says how many lines failed.
func answerLines(cmd *cobra.Command, answer func(dst, line []byte) ([]byte, error)) error {
	ctx := cmd.Context()
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	defer out.Flush()
	in := newLineReader(newInput(ctx, cmd.InOrStdin(), func() { _ = out.Flush() }), maxLine) // the writer keeps its error
	lines, failed := 0, 0
	var dst []byte
	err := in.each(func(line []byte, err error) error {
		lines++
		dst = dst[:0]
		if err == nil {
			err = checkUTF8(line)
		}
		if err == nil {
			dst, err = answer(dst, line)
		}
		if err != nil {
			failed++
			dst = appendFailed(dst[:0], err)
		}
		if _, err := out.Write(asShown(cmd.OutOrStdout(), append(dst, '\n'))); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	return endLines(cmd, out, failed, lines)
}

// answerAll writes a line for each of n that were read before, in their order: what answer returns,
// or its error. The error says how many failed.
func answerAll(cmd *cobra.Command, n int, answer func(i int) ([]byte, error)) error {
	ctx := cmd.Context()
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	defer out.Flush()
	failed := 0
	for i := range n {
		line, err := answer(i)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failed++
			line = appendFailed(nil, err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return endLines(cmd, out, failed, n)
}

// endLines hands on what was written. The error says how many lines failed.
func endLines(cmd *cobra.Command, out *bufio.Writer, failed, lines int) error {
	if err := out.Flush(); err != nil || failed == 0 {
		return err
	}
	return fmt.Errorf("%s: %d of %d lines failed", cmd.CommandPath(), failed, lines)
}

// appendFailed appends the line of what failed.
func appendFailed(dst []byte, err error) []byte {
	return append(appendString(append(dst, `{"error": `...), err.Error()), '}')
}

// trimSpace takes JSON's white space off both ends.
func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// checkUTF8 refuses text that is not UTF-8, as the reader of strings would replace
// what is wrong.
func checkUTF8(b []byte) error {
	if at := wrongUTF8(b); at >= 0 {
		return fmt.Errorf("invalid JSON: byte %d is not UTF-8", at)
	}
	return nil
}

// parseString reads a JSON string; want names what it has to be.
func parseString(text []byte, want string) (string, error) {
	var s *string
	if err := parseJSON(text, &s, want); err != nil {
		return "", err
	}
	if s == nil {
		return "", fmt.Errorf("got null, want %s", want)
	}
	return *s, nil
}

// parseJSON reads one JSON value into v; want names what it has to be.
func parseJSON(text []byte, v any, want string) error {
	err := json.Unmarshal(text, v)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("got %s, want %s", jsonKind(text), want)
	case err != nil:
		return fmt.Errorf("invalid JSON: %w", err)
	}
	return nil
}

// jsonKind names the kind of a valid JSON value.
func jsonKind(text []byte) string {
	text = trimSpace(text)
	if len(text) == 0 {
		return "nothing"
	}
	switch text[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}

// appendString appends s as JSON.
func appendString(dst []byte, s string) []byte {
	dst, _ = appendJSON(dst, s) // a string cannot fail
	return dst
}

// appendJSON appends v as JSON on one line, with no more escapes than JSON needs.
func appendJSON(dst []byte, v any) ([]byte, error) {
	w := appender{dst}
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return dst, err
	}
	return w.b[:len(w.b)-1], nil // without the encoder's newline
}

// appender is a writer to the end of a slice.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
