package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
)

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 20

// errLongLine says that a line was skipped because it is longer than allowed.
var errLongLine = errors.New("the line is too long")

// input is a standard input that an interrupt ends, even while it waits for bytes,
// and that says when it is about to wait.
type input struct {
	ctx   context.Context
	pause func() // called before waiting
	read  chan chunk
	rest  []byte
	err   error
}

// chunk is what one read of the standard input gave.
type chunk struct {
	b   []byte
	err error
}

// inputChunk is how much is read at a time, in bytes.
const inputChunk = 64 << 10

// newInput returns an input of what r gives. pause, which may be nil, is called
// before it waits for r.
func newInput(ctx context.Context, r io.Reader, pause func()) *input {
	in := &input{ctx: ctx, pause: pause, read: make(chan chunk)}
	go in.fill(r)
	return in
}

// fill reads ahead by one chunk. A chunk is received only when the one before is used
// up, so two buffers do.
func (in *input) fill(r io.Reader) {
	buffers := [2][]byte{make([]byte, inputChunk), make([]byte, inputChunk)}
	for i := 0; ; i ^= 1 {
		n, err := r.Read(buffers[i])
		select {
		case in.read <- chunk{buffers[i][:n], err}:
		case <-in.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// begins waits for something to read, the end included. It returns false where there
// is nothing when patience is over; nil waits for any time.
func (in *input) begins(patience <-chan time.Time) bool {
	if len(in.rest) > 0 || in.err != nil {
		return true
	}
	var c chunk
	select {
	case c = <-in.read:
	default:
		select {
		case c = <-in.read:
		case <-patience:
			return false
		case <-in.ctx.Done():
			c.err = in.ctx.Err()
		}
	}
	in.rest, in.err = c.b, c.err
	return true
}

// Read reads what is there, waiting for a first byte. At the end of the context it
// returns the context's error.
func (in *input) Read(p []byte) (int, error) {
	for len(in.rest) == 0 && in.err == nil {
		var c chunk
		select {
		case c = <-in.read:
		default:
			if in.pause != nil {
				in.pause()
			}
			select {
			case c = <-in.read:
			case <-in.ctx.Done():
				c.err = in.ctx.Err()
			}
		}
		in.rest, in.err = c.b, c.err
	}
	if len(in.rest) == 0 {
		return 0, in.err
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// lineReader reads lines of bounded length.
type lineReader struct {
	in    *bufio.Reader
	limit int // bytes of a line
	line  []byte
	long  bool // the line was longer, its rest is still to be skipped
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, inputChunk), limit: limit}
}

// next returns the next line without its newline; it is valid until the next call.
// The error wraps errLongLine for a line that is longer than allowed, as soon as it
// is, and is io.EOF behind the last one.
func (l *lineReader) next() ([]byte, error) {
	if cap(l.line) > 16*inputChunk {
		l.line = nil // a long line stays alone, mostly
	}
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		whole := err == nil
		if whole {
			part = part[:len(part)-1]
		}
		switch {
		case l.long:
			l.long = !whole
		case len(l.line)+len(part) > l.limit:
			l.long = !whole
			return nil, fmt.Errorf("%w: more than %d bytes", errLongLine, l.limit)
		case whole && len(l.line) == 0:
			return part, nil
		default:
			l.line = append(l.line, part...)
			if whole || err == io.EOF && len(l.line) > 0 {
				return l.line, nil
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// each hands on the lines that are not blank, without white space around them, or the error of
// one that is too long. It ends with the input, or with an error of f.
func (l *lineReader) each(f func(line []byte, long error) error) error {
	for n := 0; ; n++ {
		line, err := l.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil && !errors.Is(err, errLongLine):
			return err
		}
		if n == 0 {
			line = bytes.TrimPrefix(line, markUTF8)
		}
		if line = trimSpace(line); err == nil && len(line) == 0 {
			continue
		}
		if err := f(line, err); err != nil {
			return err
		}
	}
}

// readAll reads all of r, at most limit bytes; name is what r is called in messages.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.Refusal(fmt.Errorf("%s: is longer than %d bytes", name, limit))
	}
	return b, nil
}

// readInput reads the whole standard input, at most limit bytes.
func readInput(cmd *cobra.Command, limit int64) ([]byte, error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	return readAll(newInput(ctx, cmd.InOrStdin(), nil), "standard input", limit)
}

// readText reads the whole standard input as text.
func readText(cmd *cobra.Command, limit int64) (string, error) {
	b, err := readInput(cmd, limit)
	if err != nil {
		return "", err
	}
	return decodeText(b, "standard input")
}

// readFile reads the whole file at path, of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// awaitFile is readFile of a file that may be a pipe.
func awaitFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	return await(ctx, func() ([]byte, error) { return readFile(path, limit) })
}

// awaitText is awaitFile of a text.
func awaitText(ctx context.Context, path string, limit int64) (string, error) {
	b, err := awaitFile(ctx, path, limit)
	if err != nil {
		return "", err
	}
	return decodeText(b, path)
}

// await returns what f returns, or the context's error once it ends: opening and
// reading a pipe wait for its other end.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// create calls f, which creates the file at path. An interrupt ends it where the file
// is a pipe, which waits for its reader.
func create[T any](ctx context.Context, path string, f func(path string) (T, error)) (T, error) {
	if stat, err := os.Stat(path); err != nil || stat.Mode().Type() != fs.ModeNamedPipe {
		return f(path)
	}
	return await(ctx, func() (T, error) { return f(path) })
}
