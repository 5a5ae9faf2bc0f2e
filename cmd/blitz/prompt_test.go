package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// askWith returns the prompt of some words with an input, and what was said on stderr.
func askWith(t *testing.T, in io.Reader, patience time.Duration, words ...string) (string, string, error) {
	t.Helper()
	f := newRunFlags()
	var said bytes.Buffer
	f.cmd.SetContext(t.Context())
	f.cmd.SetIn(in)
	f.cmd.SetErr(&said)
	p, err := newPromptReader(f.cmd, words, patience).read()
	return p.text(), said.String(), err
}

// openPipe returns a pipe that what is given was written to; closed says whether its
// other end is.
func openPipe(t *testing.T, text string, closed bool) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if closed {
		w.Close()
	}
	return r
}

func regularFile(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// What of the standard input is part of a prompt.
func TestPromptOfWordsAndInput(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed := regularFile(t, "")
	closed.Close()
	for name, c := range map[string]struct {
		in    io.Reader
		words []string
		want  string
	}{
		"a file":                     {regularFile(t, "a\nb\n"), []string{"Hi"}, "a\nb\n\nHi"},
		"a file alone":               {regularFile(t, "a\n"), nil, "a"},
		"an empty file":              {regularFile(t, ""), []string{"Hi", "you"}, "Hi you"},
		"a pipe":                     {openPipe(t, "a", true), []string{"Hi"}, "a\n\nHi"},
		"a pipe alone":               {openPipe(t, "a", true), nil, "a"},
		"an ended pipe":              {openPipe(t, "", true), []string{"Hi"}, "Hi"},
		"a pipe that is waited for":  {openPipe(t, "a", true), []string{"-", "Hi"}, "a\n\nHi"},
		"the input by its name":      {openPipe(t, "a", true), []string{"-"}, "a"},
		"no device":                  {null, []string{"Hi"}, "Hi"},
		"a closed input":             {closed, []string{"Hi"}, "Hi"},
		"a mark":                     {regularFile(t, "\xef\xbb\xbfa\r\n"), []string{"Hi"}, "a\n\nHi"},
		"UTF-16":                     {regularFile(t, "\xff\xfea\x00\n\x00"), nil, "a"},
		"a pipe that stays, patient": {openPipe(t, "", false), []string{"Hi"}, "Hi"},
	} {
		patience := time.Hour
		if strings.Contains(name, "stays") {
			patience = 0
		}
		got, said, err := askWith(t, c.in, patience, c.words...)
		if got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
		if told := strings.Contains(said, "says nothing and is no part of the prompt"); told != (patience == 0) {
			t.Errorf("%s: said %q", name, said)
		}
	}
	for name, c := range map[string]struct {
		in   io.Reader
		code int
	}{
		"nothing":        {regularFile(t, ""), exitUsage},
		"a mark alone":   {regularFile(t, "\xef\xbb\xbf"), exitUsage},
		"no text at all": {regularFile(t, "caf\xe9"), exitRefused},
	} {
		if _, _, err := askWith(t, c.in, time.Hour); exitCode(err) != c.code {
			t.Errorf("%s: %v, want exit code %d", name, err, c.code)
		}
	}
}

// A pipe that nobody writes to and nobody closes holds no answer back.
func TestAnswerBesideAnOpenPipe(t *testing.T) {
	cmd := newRoot()
	var out, errOut bytes.Buffer
	cmd.SetIn(openPipe(t, "", false))
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs([]string{"run", tinyFolder(t), "Hi", "--temp", "0", "-n", "4"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || out.Len() == 0 {
		t.Errorf("answered %q, %v", out.String(), err)
	}
}
