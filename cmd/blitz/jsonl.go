package main

import (
	"bufio"
	"bytes"
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
			dst = append(appendString(append(dst[:0], `{"error": `...), err.Error()), '}')
		}
		if _, err := out.Write(asShown(cmd.OutOrStdout(), append(dst, '\n'))); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%s: %d of %d lines failed", cmd.CommandPath(), failed, lines)
	}
	return nil
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
