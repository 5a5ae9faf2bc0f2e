package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestLineReader cuts random lines of all lengths around the limit and the buffer.
func TestLineReader(t *testing.T) {
	const limit = 3*inputChunk + 5
	rng := rand.New(rand.NewPCG(1, 2))
	lengths := []int{0, 1, inputChunk - 1, inputChunk, inputChunk + 1, limit - 1, limit, limit + 1, 2 * limit, 0, 3, 5 * inputChunk}
	for round := range 20 {
		var lines []string
		for _, i := range rng.Perm(len(lengths)) {
			lines = append(lines, strings.Repeat(string(rune('a'+len(lines))), lengths[i]))
		}
		text := strings.Join(lines, "\n")
		if round%2 == 0 {
			text += "\n"
		}
		var r io.Reader = strings.NewReader(text)
		if round%4 < 2 {
			r = iotest.DataErrReader(iotest.HalfReader(r))
		}
		in := newLineReader(r, limit)
		for n, want := range lines {
			if n == len(lines)-1 && want == "" && round%2 != 0 {
				continue // nothing behind the last newline
			}
			got, err := in.next()
			if len(want) > limit {
				if !errors.Is(err, errLongLine) {
					t.Fatalf("round %d line %d of %d bytes: got %d bytes, %v; want %v", round, n, len(want), len(got), err, errLongLine)
				}
				continue
			}
			if string(got) != want || err != nil {
				t.Fatalf("round %d line %d: got %d bytes, %v; want %d", round, n, len(got), err, len(want))
			}
		}
		for range 2 {
			if got, err := in.next(); err != io.EOF {
				t.Fatalf("round %d: behind the end: got %q, %v; want %v", round, got, err, io.EOF)
			}
		}
	}
	broken := errors.New("disk on fire")
	in := newLineReader(io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(broken)), limit)
	if got, err := in.next(); string(got) != "one" || err != nil {
		t.Errorf("got %q, %v; want one", got, err)
	}
	if got, err := in.next(); !errors.Is(err, broken) {
		t.Errorf("got %q, %v; want %v", got, err, broken)
	}
}

// TestInput reads what a reader gives in whatever pieces, and its error.
func TestInput(t *testing.T) {
	want := make([]byte, 5*inputChunk+77)
	for i := range want {
		want[i] = byte(i * i >> 3)
	}
	for name, r := range map[string]io.Reader{
		"whole":    bytes.NewReader(want),
		"halves":   iotest.HalfReader(bytes.NewReader(want)),
		"with EOF": iotest.DataErrReader(bytes.NewReader(want)),
	} {
		got, err := io.ReadAll(newInput(t.Context(), r, nil))
		if !bytes.Equal(got, want) || err != nil {
			t.Errorf("%s: got %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
	in := newInput(t.Context(), iotest.TimeoutReader(bytes.NewReader(want)), nil)
	if _, err := io.ReadAll(in); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("an error of the reader: got %v, want %v", err, iotest.ErrTimeout)
	}
}

// TestInputInterrupted ends a read that waits.
func TestInputInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	waits := make(chan struct{}, 8)
	in := newInput(ctx, r, func() { waits <- struct{}{} })
	done := make(chan error)
	go func() {
		_, err := in.Read(make([]byte, 8))
		done <- err
	}()
	<-waits
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the read goes on")
	}
}

func TestReadAllLimit(t *testing.T) {
	for size, ok := range map[int]bool{0: true, 9: true, 10: true, 11: false, 5000: false} {
		b, err := readAll(strings.NewReader(strings.Repeat("x", size)), "text.txt", 10)
		if ok && (len(b) != size || err != nil) {
			t.Errorf("%d bytes: got %d, %v", size, len(b), err)
		}
		if !ok && (err == nil || exitCode(err) != exitRefused || !strings.Contains(err.Error(), "text.txt: is longer than 10 bytes")) {
			t.Errorf("%d bytes of 10: got %v", size, err)
		}
	}
}

// TestEndlessLine reads lines of a stream that never ends one: that has to be said
// after a bounded number of bytes.
func TestEndlessLine(t *testing.T) {
	const limit = 3 * inputChunk
	in := newLineReader(io.MultiReader(io.LimitReader(quotes{}, 4*limit), iotest.ErrReader(errors.New("read on"))), limit)
	if _, err := in.next(); !errors.Is(err, errLongLine) {
		t.Errorf("got %v, want %v before the stream's end", err, errLongLine)
	}
	if _, err := in.next(); err == nil || err.Error() != "read on" {
		t.Errorf("got %v, want the stream's error", err)
	}
}

// TestAwait ends the wait for something that never comes.
func TestAwait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	never := make(chan struct{})
	defer close(never)
	started := make(chan struct{})
	go func() {
		<-started
		cancel()
	}()
	_, err := await(ctx, func() (int, error) {
		close(started)
		<-never
		return 1, nil
	})
	if exitCode(err) != exitInterrupted {
		t.Errorf("got %v, want an interrupt", err)
	}
	if v, err := await(t.Context(), func() (int, error) { return 7, io.EOF }); v != 7 || err != io.EOF {
		t.Errorf("got %d, %v; want 7, %v", v, err, io.EOF)
	}
}
