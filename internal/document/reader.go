package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/sandbox"
)

// Limits bound a child that reads a PDF.
type Limits struct {
	Memory    int64         // bytes
	Processor time.Duration // of all its threads
	Time      time.Duration // from its start
}

// DefaultLimits are enough for MaxFile bytes of an honest file.
var DefaultLimits = Limits{Memory: 768 << 20, Processor: 20 * time.Second, Time: 60 * time.Second}

// maxChildren is how many PDF files are read at once; more wait.
const maxChildren = 2

// Reader reads files. Any goroutine may use it.
type Reader struct {
	// Command is the program, with its arguments, that calls Main; nil: there is none, and
	// PDF files are refused.
	Command []string
	// Confine is the command that calls sandbox.Main. With it, and where the system can, a
	// child sees no files and has no more calls than it needs; else it has limits alone.
	Confine []string
	Limits  Limits // zero: DefaultLimits

	once  sync.Once
	seats chan struct{}
}

// Exit codes of Main.
const (
	exitRead   = 0
	exitReason = 3 // stderr says why it cannot be read
)

// maxReason bounds what a child says, in bytes.
const maxReason = 400

// pdf has a child read a PDF.
func (r *Reader) pdf(ctx context.Context, name string, file []byte) (string, error) {
	if len(r.Command) == 0 {
		return "", &Unreadable{name, "it is a PDF file, and this program reads text alone"}
	}
	r.once.Do(func() { r.seats = make(chan struct{}, maxChildren) })
	select {
	case r.seats <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-r.seats }()
	limits := r.Limits
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	timed, cancel := context.WithTimeoutCause(ctx, limits.Time, errSlow)
	defer cancel()
	end, err := r.run(timed, limits, file)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case end.over:
		return "", &Unreadable{name, fmt.Sprintf("it has more than %d MiB of text", MaxText>>20)}
	case errors.Is(context.Cause(timed), errSlow):
		return "", &Unreadable{name, fmt.Sprintf("it is not read in %v", limits.Time)}
	case err != nil:
		return "", fmt.Errorf("document: %s: %w", name, err)
	case end.code == exitReason:
		return "", &Unreadable{name, reasonOf(string(end.said))}
	case end.code != exitRead: // a signal, or the Go runtime, ended it
		return "", &Unreadable{name, fmt.Sprintf("it takes more than %d MiB of memory or %v of processor time to read", limits.Memory>>20, limits.Processor)}
	case !utf8.Valid(end.out):
		return "", &Unreadable{name, "what was read of it is no text"}
	}
	return string(end.out), nil
}

// ended is how a child ended.
type ended struct {
	code      int  // -1: a signal ended it
	over      bool // it wrote more than a text may have
	out, said []byte
}

// errSlow is the cause of the end of a child that took too long.
var errSlow = errors.New("out of time")

// run runs a child over a file.
func (r *Reader) run(ctx context.Context, limits Limits, file []byte) (ended, error) {
	command := append(r.Command[:len(r.Command):len(r.Command)], limits.arguments()...)
	if len(r.Confine) > 0 && sandbox.Check() == nil {
		return confined(ctx, r.Confine, command, limits, file)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, said := &bounded{most: MaxText, full: cancel}, &bounded{most: maxReason}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(file), out, said
	cmd.Env = childEnv
	cmd.WaitDelay = 5 * time.Second
	prepare(cmd)
	err := cmd.Run()
	end := ended{over: out.over, out: out.kept, said: said.kept}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		end.code, err = exit.ExitCode(), nil
	}
	return end, err
}

// Bounds of a child in a box: it opens what its loader opens, and has the threads of Go.
const (
	childFiles   = 64
	childThreads = 64
)

// confined runs a child over a file in a box.
func confined(ctx context.Context, confine, command []string, limits Limits, file []byte) (ended, error) {
	box := sandbox.Box{Self: confine, Parser: true, Env: childEnv, Limits: sandbox.Limits{
		Memory: limits.Memory + sandbox.GoRuntime, Processor: limits.Processor, OpenFiles: childFiles, Processes: childThreads, Output: MaxText,
	}}
	end, err := box.Run(ctx, command, file)
	if err != nil {
		return ended{}, err
	}
	return ended{code: end.Code, over: end.Over != "" && len(end.Stdout) == MaxText, out: end.Stdout, said: end.Stderr}, nil
}

// reasonOf returns the first line of what a child says, without what does not belong there.
func reasonOf(said string) string {
	line, _, _ := strings.Cut(said, "\n")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	if line == "" {
		return "it cannot be read"
	}
	return line
}

// bounded keeps at most so many bytes; what is more ends the child.
type bounded struct {
	kept []byte
	most int
	over bool
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - len(b.kept)
	if len(p) > room {
		b.over = true
		if b.full != nil {
			b.full()
		}
	}
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	return len(p), nil
}
