package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is an output that is written and looked at by different goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// testTerminal returns a terminal of 40 × 10 and the pipe that types on it.
func testTerminal(t *testing.T) (*Terminal, *io.PipeWriter, *lockedBuffer) {
	out := &lockedBuffer{}
	term := newTerminal(out, func() (int, int) { return 40, 10 })
	r, w := io.Pipe()
	go term.read(r)
	t.Cleanup(func() { w.Close() })
	return term, w, out
}

func TestReadLine(t *testing.T) {
	term, keyboard, out := testTerminal(t)
	go io.WriteString(keyboard, "first\rsecond \x1b[D\x7f!\r")
	for _, want := range []string{"first", "secon! "} {
		got, err := term.ReadLine(t.Context(), Prompt{First: "> "})
		if err != nil || got != want {
			t.Fatalf("ReadLine gives %q, %v; want %q", got, err, want)
		}
	}
	if s := out.String(); strings.Count(s, pasteOn) != 2 || !strings.HasSuffix(s, "\r\n"+pasteOff) {
		t.Errorf("output is %q, want bracketed paste on and off around each line", s)
	}
}

func TestReadLineErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, in string
		ctx      context.Context
		text     string
		want     error
	}{
		{"interrupt", "abc\x03", t.Context(), "abc", ErrInterrupted},
		{"end", "\x04", t.Context(), "", io.EOF},
		{"context", "", canceled, "", context.Canceled},
	} {
		term, keyboard, _ := testTerminal(t)
		go io.WriteString(keyboard, c.in)
		got, err := term.ReadLine(c.ctx, Prompt{})
		if !errors.Is(err, c.want) || got != c.text {
			t.Errorf("%s: ReadLine gives %q, %v; want %q, %v", c.name, got, err, c.text, c.want)
		}
	}
}

func TestReadLineInputEnds(t *testing.T) {
	term, keyboard, _ := testTerminal(t)
	go func() {
		io.WriteString(keyboard, "one\rtwo")
		keyboard.Close()
	}()
	if got, err := term.ReadLine(t.Context(), Prompt{}); got != "one" || err != nil {
		t.Fatalf("ReadLine gives %q, %v; want the line before the end", got, err)
	}
	for range 2 {
		if _, err := term.ReadLine(t.Context(), Prompt{}); !errors.Is(err, io.EOF) {
			t.Fatalf("ReadLine gives %v, want the end", err)
		}
	}
}

// TestOnInterrupt: while something is printed, Ctrl-C acts at once and what is
// typed waits for the next line.
func TestOnInterrupt(t *testing.T) {
	term, keyboard, _ := testTerminal(t)
	done := make(chan struct{})
	term.OnInterrupt(func() { close(done) })
	go io.WriteString(keyboard, "ahead\x03 typed\r")
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Ctrl-C did not act")
	}
	term.OnInterrupt(nil)
	if got, err := term.ReadLine(t.Context(), Prompt{}); got != "ahead typed" || err != nil {
		t.Fatalf("ReadLine gives %q, %v; want what was typed ahead", got, err)
	}
}

func TestWrite(t *testing.T) {
	term, _, out := testTerminal(t)
	if n, err := term.Write([]byte("a\nb\n")); n != 4 || err != nil {
		t.Fatalf("Write gives %d, %v; want 4", n, err)
	}
	if got := out.String(); got != "a\r\nb\r\n" {
		t.Fatalf("Write wrote %q", got)
	}
}

// TestWaitingIsBounded: a keyboard that nobody listens to takes no memory without
// end.
func TestWaitingIsBounded(t *testing.T) {
	term := newTerminal(io.Discard, func() (int, int) { return 80, 24 })
	for range maxWaiting + 10 {
		term.put(Key{Code: Enter})
	}
	if n := len(term.waiting); n != maxWaiting {
		t.Fatalf("%d keys wait, want %d", n, maxWaiting)
	}
}

func TestClearScreen(t *testing.T) {
	emu := newEmulator(t, 20, 5)
	term := newTerminal(emu, func() (int, int) { return 20, 5 })
	io.WriteString(term, "above\n")
	for _, k := range []Key{{Code: Text, Text: "abc"}, {Code: ClearScreen}, {Code: Enter}} {
		term.put(k)
	}
	if _, err := term.ReadLine(t.Context(), Prompt{First: "> "}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(emu.screen(), "|"); got != "> abc" || emu.row != 1 {
		t.Fatalf("screen is %q with the cursor in row %d, want only the line, row 1", got, emu.row)
	}
	if emu.modes != pasteOff {
		t.Fatalf("the last mode is %q, want bracketed paste off", emu.modes)
	}
}

func TestInterruptedLineIsMarked(t *testing.T) {
	emu := newEmulator(t, 20, 5)
	term := newTerminal(emu, func() (int, int) { return 20, 5 })
	for _, k := range []Key{{Code: Text, Text: "abc"}, {Code: Left}, {Code: Interrupt}} {
		term.put(k)
	}
	if _, err := term.ReadLine(t.Context(), Prompt{First: "> "}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if got := strings.Join(emu.screen(), "|"); got != "> abc^C" || emu.row != 1 || emu.column != 0 {
		t.Fatalf("screen is %q, cursor %d,%d", got, emu.row, emu.column)
	}
}
