package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// execute runs a command line with a standard input, away from the settings and the
// store of whoever runs the test.
func execute(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "BLITZ_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("BLITZ_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	root := newRoot()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

// echo answers with the string it got, or fails.
func echo(dst, line []byte) ([]byte, error) {
	s, err := parseString(line, "a string")
	if err != nil {
		return dst, err
	}
	if s == "bad" {
		return append(dst, "half an answer"...), errors.New("a bad <line>")
	}
	return appendString(dst, s), nil
}

func echoCommand(ctx context.Context, in io.Reader, out io.Writer) *cobra.Command {
	cmd := &cobra.Command{Use: "echo"}
	cmd.SetContext(ctx)
	cmd.SetIn(in)
	cmd.SetOut(out)
	return cmd
}

func TestAnswerLines(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"one", "\"a\"\n", "\"a\"\n"},
		{"no last newline", `"a"`, "\"a\"\n"},
		{"order", "\"a\"\n\"b\"\n\"c\"\n", "\"a\"\n\"b\"\n\"c\"\n"},
		{"blank lines", "\n \t\n\"a\"\n\n\"b\"\n\n\n", "\"a\"\n\"b\"\n"},
		{"CRLF", "\"a\"\r\n\"b\"\r\n", "\"a\"\n\"b\"\n"},
		{"byte order mark", "\ufeff\"a\"\n", "\"a\"\n"},
		{"no HTML", `"<a> & b"`, "\"<a> & b\"\n"},
		{"escapes", `"\u003c\n\"\\\u00e9\u0000"`, `"<\n\"\\é\u0000"` + "\n"},
		{"pair", `"\ud83d\ude00"`, "\"😀\"\n"},
		{"half a pair", `"\ud83d"`, "\"\ufffd\"\n"},
		{"other half", `"\ude00x"`, "\"\ufffdx\"\n"},
		{"lines in text", `"\u2028"`, `"\u2028"` + "\n"},
	} {
		var out bytes.Buffer
		if err := answerLines(echoCommand(t.Context(), strings.NewReader(c.in), &out), echo); err != nil || out.String() != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, out.String(), err, c.want)
		}
	}
}

func TestAnswerLinesFail(t *testing.T) {
	lines := []struct{ in, want string }{
		{`"a"`, `"a"`},
		{`"bad"`, `{"error": "a bad <line>"}`},
		{`5`, `{"error": "got a number, want a string"}`},
		{`null`, `{"error": "got null, want a string"}`},
		{`{}`, `{"error": "got an object, want a string"}`},
		{`["a"]`, `{"error": "got a list, want a string"}`},
		{`true`, `{"error": "got a bool, want a string"}`},
		{`"b`, `{"error": "invalid JSON: unexpected end of JSON input"}`},
		{`"b" "c"`, `{"error": "invalid JSON: invalid character '\"' after top-level value"}`},
		{"\"a\xff\"", `{"error": "invalid JSON: byte 2 is not UTF-8"}`},
		{"\ufeff\"a\"", `{"error": "invalid JSON: invalid character 'ï' looking for beginning of value"}`},
		{strings.Repeat("[", 20000), `{"error": "invalid JSON: invalid character '[' exceeded max depth"}`},
		{`"c"`, `"c"`},
	}
	var in, want strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&in, l.in)
		fmt.Fprintln(&want, l.want)
	}
	var out bytes.Buffer
	err := answerLines(echoCommand(t.Context(), strings.NewReader(in.String()), &out), echo)
	if out.String() != want.String() {
		t.Errorf("got\n%swant\n%s", out.String(), want.String())
	}
	if err == nil || err.Error() != "echo: 11 of 13 lines failed" || exitCode(err) != exitFailed {
		t.Errorf("got %v, want 11 of 13 lines failed", err)
	}
}

// TestLongLine sends a line that is too long between two others.
func TestLongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MiB; run without -short")
	}
	in := io.MultiReader(strings.NewReader("\"a\"\n"), io.LimitReader(quotes{}, maxLine+1), strings.NewReader("\n\"b\"\n"))
	var out bytes.Buffer
	err := answerLines(echoCommand(t.Context(), in, &out), echo)
	want := fmt.Sprintf("\"a\"\n{\"error\": \"the line is too long: more than %d bytes\"}\n\"b\"\n", maxLine)
	if out.String() != want || exitCode(err) != exitFailed {
		t.Errorf("got %q, %v; want %q", out.String(), err, want)
	}
}

// quotes reads as quotation marks without end.
type quotes struct{}

func (quotes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '"'
	}
	return len(p), nil
}

// TestAnswersAtOnce is a partner that sends its next line when it has the answer to
// the last one.
func TestAnswersAtOnce(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error)
	go func() { done <- answerLines(echoCommand(t.Context(), inR, outW), echo) }()
	answers := bufio.NewReader(outR)
	for i := range 100 {
		line := fmt.Sprintf("\"line %d %s\"\n", i, strings.Repeat("x", i*i*20))
		if _, err := io.WriteString(inW, line); err != nil {
			t.Fatal(err)
		}
		if got, err := answers.ReadString('\n'); got != line || err != nil {
			t.Fatalf("answer %d is %q, %v; want %q", i, got, err, line)
		}
	}
	inW.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAnswerLinesInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	done := make(chan error)
	go func() { done <- answerLines(echoCommand(ctx, r, io.Discard), echo) }()
	if _, err := io.WriteString(w, "\"a\"\n"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; exitCode(err) != exitInterrupted {
		t.Errorf("got %v, exit code %d, want %d", err, exitCode(err), exitInterrupted)
	}
}

// TestOutputFails is a standard output that is full.
func TestOutputFails(t *testing.T) {
	full := errors.New("no space left")
	in := strings.NewReader(strings.Repeat("\"a\"\n", 1<<16))
	if err := answerLines(echoCommand(t.Context(), in, failing{full}), echo); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if err := answerLines(echoCommand(t.Context(), strings.NewReader("\"a\"\n"), failing{full}), echo); !errors.Is(err, full) {
		t.Errorf("one line: got %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzAnswerLines wants as many lines out as values came in, each valid JSON.
func FuzzAnswerLines(f *testing.F) {
	for _, s := range []string{"", "\"a\"\n\n5\n", "\xff\n\"b\"", "\ufeff\n", "\"\\ud800\"\r\n", "[[[\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := 0
		for i, line := range strings.Split(text, "\n") {
			if i == 0 {
				line = strings.TrimPrefix(line, "\ufeff")
			}
			if strings.Trim(line, " \t\r\n") != "" {
				want++
			}
		}
		var out bytes.Buffer
		err := answerLines(echoCommand(t.Context(), strings.NewReader(text), &out), echo)
		got := strings.SplitAfter(out.String(), "\n")
		if got = got[:len(got)-1]; len(got) != want {
			t.Fatalf("%q: %d lines, want %d", text, len(got), want)
		}
		failed := 0
		for _, line := range got {
			if !json.Valid([]byte(line)) {
				t.Fatalf("%q: %q is no JSON", text, line)
			}
			if strings.HasPrefix(line, `{"error": "`) {
				failed++
			}
		}
		if (failed > 0) != (err != nil) {
			t.Fatalf("%q: %d lines failed, error %v", text, failed, err)
		}
	})
}
