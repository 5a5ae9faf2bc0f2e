package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/terminal"
)

// scripted is a console whose lines are known before.
type scripted struct {
	lines   []typed
	prompts []string // that were shown
	out     bytes.Buffer
	// after is how many bytes of an answer are written before Ctrl-C is pressed; 0:
	// it is not.
	after     int
	answered  int
	interrupt func()
}

// at returns a console on which lines are typed, and then the input ends.
func at(lines ...string) *scripted {
	s := &scripted{}
	for _, l := range lines {
		s.lines = append(s.lines, typed{line: l})
	}
	return s
}

func (s *scripted) ReadLine(_ context.Context, p terminal.Prompt) (string, error) {
	s.prompts = append(s.prompts, p.First)
	if len(s.lines) == 0 {
		return "", io.EOF
	}
	next := s.lines[0]
	s.lines = s.lines[1:]
	s.out.WriteString(p.First + next.line + "\n")
	return next.line, next.err
}

func (s *scripted) Write(p []byte) (int, error) {
	if s.interrupt != nil {
		if s.answered += len(p); s.after > 0 && s.answered >= s.after {
			s.interrupt()
		}
	}
	return s.out.Write(p)
}

func (s *scripted) OnInterrupt(f func()) { s.interrupt, s.answered = f, 0 }
func (s *scripted) Close() error         { return nil }

// testChat returns a chat with the tiny model on a console. Answers are greedy and of
// eight tokens, unless flags say otherwise.
func testChat(t *testing.T, ui console, flags ...string) *conversation {
	t.Helper()
	return chatWith(t, tinyFolder(t), ui, flags...)
}

func chatWith(t *testing.T, model string, ui console, flags ...string) *conversation {
	t.Helper()
	t.Setenv("BLITZ_HOME", t.TempDir())
	f := newRunFlags()
	f.cmd.SetContext(t.Context())
	f.cmd.SetErr(io.Discard)
	if err := f.cmd.ParseFlags(append([]string{"--temp=0", "--max-tokens=8", "--threads=1"}, flags...)); err != nil {
		t.Fatal(err)
	}
	o, err := f.open(model)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	o.name = "tiny"
	c := newConversation(f, o, ui)
	c.folder = filepath.Join(t.TempDir(), "chats")
	if c.history, err = terminal.OpenHistory(filepath.Join(c.folder, "history.jsonl")); err != nil {
		t.Fatal(err)
	}
	return c
}

// talk runs a chat to its end and returns what stood on the screen.
func talk(t *testing.T, c *conversation) string {
	t.Helper()
	if err := c.talk(t.Context()); err != nil {
		t.Fatalf("the chat ended with %v", err)
	}
	return c.console.(*scripted).out.String()
}

// wantOnScreen checks that texts stand on the screen in that order.
func wantOnScreen(t *testing.T, screen string, texts ...string) {
	t.Helper()
	rest := screen
	for _, text := range texts {
		_, behind, found := strings.Cut(rest, text)
		if !found {
			t.Errorf("%q is not on the screen, or not behind what stands before it:\n%s", text, screen)
			return
		}
		rest = behind
	}
}

// roles returns who said what in a conversation, the answers as their length.
func roles(c *conversation) []string {
	c.session.Settle()
	var list []string
	for _, m := range c.session.Messages {
		text, _ := m.Content.Text()
		if m.Role == "assistant" {
			text = ""
		}
		list = append(list, m.Role+":"+text)
	}
	return list
}

func wantRoles(t *testing.T, c *conversation, want ...string) {
	t.Helper()
	if got := roles(c); !slices.Equal(got, want) {
		t.Errorf("the conversation is %q, want %q", got, want)
	}
}

func TestChatAnswers(t *testing.T) {
	c := testChat(t, at("Hi", "", "  ", "And then?", "/bye", "never read"), "--system=Be brief.")
	screen := talk(t, c)
	wantOnScreen(t, screen, ">>> Hi", ">>> And then?", ">>> /bye")
	wantRoles(t, c, "system:Be brief.", "user:Hi", "assistant:", "user:And then?", "assistant:")
	if len(c.console.(*scripted).lines) != 1 {
		t.Error("the chat went on behind /bye")
	}
}

// What is talked to is no answer: it stands on stderr.
func TestGreeting(t *testing.T) {
	c := testChat(t, at())
	var said bytes.Buffer
	c.flags.greet(c.running, &said)
	if want := "tiny, 512 positions. /help lists the commands, /bye or Ctrl-D leaves.\n"; said.String() != want {
		t.Errorf("said %q, want %q", said.String(), want)
	}
	c.running.plain = true
	said.Reset()
	c.flags.greet(c.running, &said)
	if want := "Each line is continued as plain text, on its own.\n"; !strings.HasSuffix(said.String(), want) {
		t.Errorf("said %q, want %q at the end", said.String(), want)
	}
}

// The second question costs no second prefill of the first.
func TestChatReusesThePrefix(t *testing.T) {
	c := testChat(t, at("A first question that is long enough to be seen.", "More"), "--verbose")
	wantOnScreen(t, talk(t, c), " 0 of them cached", " of them cached")
	if strings.Count(c.console.(*scripted).out.String(), " 0 of them cached") != 1 {
		t.Errorf("the second prompt was computed whole:\n%s", c.console.(*scripted).out.String())
	}
}

func TestChatEnds(t *testing.T) {
	interrupted := func(text string) typed { return typed{text, terminal.ErrInterrupted} }
	for name, c := range map[string]struct {
		lines []typed
		left  int // lines that are not read
	}{
		"end of the input":           {[]typed{{"", io.EOF}, {"x", nil}}, 1},
		"Ctrl-C twice":               {[]typed{interrupted(""), interrupted(""), {"x", nil}}, 1},
		"Ctrl-C clears a line first": {[]typed{interrupted("half a line"), interrupted(""), interrupted(""), {"x", nil}}, 1},
		"a line between two Ctrl-C":  {[]typed{interrupted(""), {"/set", nil}, interrupted(""), {"/bye", nil}, {"x", nil}}, 1},
		"/exit":                      {[]typed{{"/exit", nil}, {"x", nil}}, 1},
	} {
		ui := &scripted{lines: c.lines}
		talk(t, testChat(t, ui))
		if len(ui.lines) != c.left {
			t.Errorf("%s: %d lines were not read, want %d", name, len(ui.lines), c.left)
		}
	}
	ui := &scripted{lines: []typed{{"", io.ErrClosedPipe}}}
	if err := testChat(t, ui).talk(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken input: got %v, want its error", err)
	}
}

func TestInterruptStopsTheAnswer(t *testing.T) {
	ui := at("Hi", "And then?", "/show messages")
	ui.after = 1
	c := testChat(t, ui, "--max-tokens=400")
	screen := talk(t, c)
	wantOnScreen(t, screen, ">>> Hi", "(stopped; /continue goes on)", ">>> And then?", "(stopped; /continue goes on)", "user: Hi", "assistant: ", "user: And then?")
	wantRoles(t, c, "user:Hi", "assistant:", "user:And then?", "assistant:")
}

func TestChatIsInterruptedAsAWhole(t *testing.T) {
	ui := at("Hi", "x")
	c := testChat(t, ui, "--max-tokens=400")
	ctx, cancel := context.WithCancel(t.Context())
	c.flags.cmd.SetContext(ctx)
	ui.lines[0] = typed{line: "Hi"}
	cancel()
	if err := c.talk(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestChatOfPlainText(t *testing.T) {
	model := tinyFolder(t)
	if err := os.WriteFile(filepath.Join(model, "tokenizer_config.json"), []byte(`{"bos_token": "<s>", "eos_token": "</s>"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := chatWith(t, model, at("Once upon a time", "/show info", "/show template"))
	wantOnScreen(t, talk(t, c), ">>> Once", "0 of 512 positions used", "error: the model has no chat template")
	wantRoles(t, c)
}

// What is typed over several lines comes as one message.
func TestQuotes(t *testing.T) {
	for text, want := range map[string]bool{
		"plain": false, `"""`: true, `"""begun`: true, "\"\"\"two\nlines": true, `"""done"""`: false, `  """begun`: true,
		`/set system """begun`: true, `/set system """done"""`: false, `not """ at the beginning`: false, "": false,
	} {
		if got := unfinished(text); got != want {
			t.Errorf("%q goes on: %v, want %v", text, got, want)
		}
	}
	in := strings.NewReader("\"\"\"\nfirst\nsecond\n\"\"\"\n/set system \"\"\"Be\nbrief.\"\"\"\n\"\"\"one\"\"\"\n")
	var out, prompts bytes.Buffer
	ui := newPlainConsole(t.Context(), in, &out, &prompts)
	defer ui.Close()
	c := testChat(t, ui)
	if err := c.talk(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRoles(t, c, "system:Be\nbrief.", "user:first\nsecond", "assistant:", "user:one", "assistant:")
	if got, want := prompts.String(), ">>> ... ... ... >>> ... >>> >>> \n"; got != want {
		t.Errorf("the prompts are %q, want %q", got, want)
	}
}

// Ctrl-C at a console of plain lines ends the line that is typed, and during an answer
// does what it is told to.
func TestPlainConsoleInterrupt(t *testing.T) {
	in, typist := io.Pipe()
	defer typist.Close()
	var out, prompts bytes.Buffer
	ui := newPlainConsole(t.Context(), in, &out, &prompts)
	defer ui.Close()
	go func() { ui.signals <- os.Interrupt }()
	if _, err := ui.ReadLine(t.Context(), terminal.Prompt{First: "> "}); !errors.Is(err, terminal.ErrInterrupted) {
		t.Errorf("Ctrl-C at the prompt: got %v, want ErrInterrupted", err)
	}
	var once sync.Once
	stopped := make(chan struct{})
	ui.OnInterrupt(func() { once.Do(func() { close(stopped) }) })
	ui.signals <- os.Interrupt
	<-stopped
	ui.OnInterrupt(nil)
	go typist.Write([]byte("a line\n"))
	if line, err := ui.ReadLine(t.Context(), terminal.Prompt{First: "> "}); line != "a line" || err != nil {
		t.Errorf("behind that: got %q, %v, want the line", line, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ui.ReadLine(ctx, terminal.Prompt{First: "> "}); !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of the context: got %v, want its error", err)
	}
}

func TestHistoryIsKept(t *testing.T) {
	c := testChat(t, at("Hi", "/set history off", "a secret", "/set history on", "Hello"))
	talk(t, c)
	path := filepath.Join(c.folder, "history.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "\"Hi\"\n\"/set history off\"\n\"Hello\"\n"; string(b) != want {
		t.Errorf("the history is %q, want %q", b, want)
	}
	checkPrivate(t, path)
}

// checkPrivate checks that only its owner may read a file.
func checkPrivate(t *testing.T, path string) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.PathSeparator == '/' && st.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v, want 0600", path, st.Mode())
	}
}
