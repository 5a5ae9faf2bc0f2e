package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/charmbracelet/x/term"
)

// ErrInterrupted is Ctrl-C while a line is typed.
var ErrInterrupted = errors.New("interrupted")

// maxWaiting bounds the keys that wait for the next line.
const maxWaiting = 1 << 16

const (
	pasteOn  = "\x1b[?2004h"
	pasteOff = "\x1b[?2004l"
	wipe     = "\x1b[H\x1b[2J"
)

// Terminal is a terminal in raw mode. Lines are read and text is written by one
// goroutine.
type Terminal struct {
	out    io.Writer
	size   func() (width, height int)
	raw    func() error // raw mode again, behind a suspension
	cooked func() error // the mode of before

	mu        sync.Mutex
	waiting   []Key
	err       error         // that ended the input
	interrupt func()        // what Ctrl-C does instead of being a key
	ready     chan struct{} // holds one token where waiting or err changed
	resized   chan os.Signal
}

// Open puts a terminal into raw mode. Close brings its mode back.
func Open(in, out *os.File) (*Terminal, error) {
	before, err := term.MakeRaw(in.Fd())
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	t := newTerminal(out, func() (int, int) {
		w, h, err := term.GetSize(out.Fd())
		if err != nil || w < 1 || h < 1 {
			return 80, 24
		}
		return w, h
	})
	t.cooked = func() error { return term.Restore(in.Fd(), before) }
	t.raw = func() error {
		_, err := term.MakeRaw(in.Fd())
		return err
	}
	notifyResize(t.resized)
	go t.read(in)
	return t, nil
}

func newTerminal(out io.Writer, size func() (width, height int)) *Terminal {
	nothing := func() error { return nil }
	return &Terminal{
		out: out, size: size, raw: nothing, cooked: nothing,
		ready: make(chan struct{}, 1), resized: make(chan os.Signal, 1),
	}
}

// Close gives the terminal its mode of before.
func (t *Terminal) Close() error {
	stopResize(t.resized)
	return t.cooked()
}

// Size returns the columns and rows of the screen.
func (t *Terminal) Size() (width, height int) { return t.size() }

// Write writes text; a line break ends the row.
func (t *Terminal) Write(p []byte) (int, error) {
	if _, err := t.out.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// OnInterrupt says what Ctrl-C does at once, whoever runs: nil makes it a key of
// the next line again. f is called by another goroutine.
func (t *Terminal) OnInterrupt(f func()) {
	t.mu.Lock()
	t.interrupt = f
	t.mu.Unlock()
}

// read turns what the terminal sends into keys, until it ends.
func (t *Terminal) read(in io.Reader) {
	var d decoder
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		d.feed(buf[:n], t.put)
		if err != nil {
			t.mu.Lock()
			t.err = err
			t.mu.Unlock()
			t.signal()
			return
		}
	}
}

func (t *Terminal) put(k Key) {
	t.mu.Lock()
	f := t.interrupt
	if k.Code == Interrupt && f != nil {
		t.mu.Unlock()
		f()
		return
	}
	if len(t.waiting) < maxWaiting {
		t.waiting = append(t.waiting, k)
	}
	t.mu.Unlock()
	t.signal()
}

func (t *Terminal) signal() {
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

// take returns the next key; false where none waits.
func (t *Terminal) take() (Key, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return Key{}, false, t.err
	}
	k := t.waiting[0]
	t.waiting = t.waiting[1:]
	return k, true, nil
}

// ReadLine reads a line, without its line end. The error is io.EOF for Ctrl-D in
// an empty line and for the end of the input, ErrInterrupted for Ctrl-C, which
// returns what was typed so far, and that of ctx.
func (t *Terminal) ReadLine(ctx context.Context, p Prompt) (string, error) {
	e := newEditor(p)
	var s screen
	if err := t.show(e, &s, pasteOn); err != nil {
		return "", err
	}
	for {
		k, ok, err := t.take()
		if !ok && err != nil {
			return e.text, t.leave(e, &s, "\r\n", err)
		}
		if !ok {
			select {
			case <-t.ready:
			case <-t.resized:
				if err := t.show(e, &s, ""); err != nil {
					return "", err
				}
			case <-ctx.Done():
				return e.text, t.leave(e, &s, "\r\n", ctx.Err())
			}
			continue
		}
		switch e.key(k) {
		case submit:
			return e.text, t.leave(e, &s, "\r\n", nil)
		case interrupt:
			return e.text, t.leave(e, &s, "^C\r\n", ErrInterrupted)
		case endOfFile:
			return e.text, t.leave(e, &s, "\r\n", io.EOF)
		case clearScreen:
			s.forget()
			err = t.show(e, &s, wipe)
		case suspend:
			err = t.suspend(e, &s)
		default:
			if t.more() {
				continue // drawn once for all that waits
			}
			err = t.show(e, &s, "")
		}
		if err != nil {
			return "", err
		}
	}
}

// more says whether further keys wait.
func (t *Terminal) more() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) > 0
}

// show draws the line, behind what before does.
func (t *Terminal) show(e *editor, s *screen, before string) error {
	width, height := t.size()
	_, err := io.WriteString(t.out, before+s.draw(e.show(width), width, height))
	return err
}

// leave draws the line for the last time and puts the cursor below it. It returns
// why the line ended, or that this failed.
func (t *Terminal) leave(e *editor, s *screen, end string, why error) error {
	e.at, e.search = len(e.text), nil
	if err := t.show(e, s, ""); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, end+pasteOff)
	return errors.Join(why, err)
}

// suspend stops the program until it is brought back to the foreground.
func (t *Terminal) suspend(e *editor, s *screen) error {
	if !canSuspend {
		return nil
	}
	at := e.at
	if err := t.leave(e, s, "\r\n", nil); err != nil {
		return err
	}
	if err := t.cooked(); err != nil {
		return err
	}
	stop()
	if err := t.raw(); err != nil {
		return err
	}
	e.at = at
	s.forget()
	return t.show(e, s, pasteOn)
}
