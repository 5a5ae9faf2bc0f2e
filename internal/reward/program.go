package reward

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/sandbox"
)

// Bounds of the lines that go to a program and come from it, in bytes.
const (
	maxAsked    = 16 << 20
	maxAnswered = 64 << 10
)

// usualSeconds is how long a program may take for a line.
const usualSeconds = 10

// programLimits are those of a program that is kept running: as much memory and as many
// processes as a command, time for each line.
var programLimits = sandbox.Limits{
	Memory: 1 << 30, File: 16 << 20, Disk: 64 << 20, Files: 4096, OpenFiles: 128, Processes: 64, Output: 1 << 20,
}

// pool is the processes of a program that is asked a line at a time: one for each sample that
// is looked at, begun when it is first needed and again after a fault.
type pool struct {
	box   sandbox.Box
	argv  []string
	first []byte // the line that each process gets before all others; nil: none
	time  time.Duration
	free  chan *process
}

// process is one of a pool.
type process struct {
	p   *sandbox.Process
	in  *bufio.Reader
	dir string
}

// newPool returns the processes of a program or a script.
func newPool(ctx context.Context, r *Reward, o *Options, n int) (*pool, error) {
	if err := confined(o); err != nil {
		return nil, err
	}
	l := programLimits
	p := &pool{argv: r.Command, free: make(chan *process, n), time: usualSeconds * time.Second}
	if r.Seconds > 0 {
		p.time = time.Duration(r.Seconds * float64(time.Second))
	}
	p.box = r.box(o, l)
	p.box.Limits.Time, p.box.Limits.Processor = 0, 0
	if r.Kind == Starlark {
		if err := p.script(r, o); err != nil {
			return nil, err
		}
	}
	for range n {
		p.free <- nil
	}
	// One is begun now, so that what cannot run is told before anything is drawn.
	one, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	<-p.free
	p.free <- one
	return p, nil
}

// begin begins a process.
func (p *pool) begin(ctx context.Context) (*process, error) {
	box := p.box
	one := &process{}
	if !box.Parser {
		dir, err := os.MkdirTemp("", "blitz-reward-")
		if err != nil {
			return nil, err
		}
		box.Work, one.dir = dir, dir
	}
	var err error
	if one.p, err = box.Start(ctx, p.argv); err != nil {
		return nil, errors.Join(err, one.remove())
	}
	one.in = bufio.NewReaderSize(one.p.Out, maxAnswered+1)
	if p.first != nil {
		answer, err := p.line(ctx, one, p.first)
		if err == nil {
			err = began(answer)
		}
		if err != nil {
			one.end()
			return nil, err
		}
	}
	return one, nil
}

// remove removes the folder of a process.
func (o *process) remove() error {
	if o.dir == "" {
		return nil
	}
	return os.RemoveAll(o.dir)
}

// end ends a process, and returns how it ended.
func (o *process) end() sandbox.Outcome {
	out := o.p.Close()
	_ = o.remove() // a folder that stays is no reason to lose a run
	return out
}

// close ends all processes.
func (p *pool) close() {
	for range cap(p.free) {
		if one := <-p.free; one != nil {
			one.end()
		}
	}
}

// asked is the line of a sample.
type asked struct {
	Prompt     string          `json:"prompt"`
	Completion string          `json:"completion"`
	Reasoning  string          `json:"reasoning"`
	Content    string          `json:"content"`
	Answer     *string         `json:"answer"` // the text between tags; null: there is none
	Tokens     int             `json:"tokens"`
	Truncated  bool            `json:"truncated"`
	Row        json.RawMessage `json:"row"` // the example; null: there is none
}

// score asks a process of the pool. One that does not answer as it has to is ended, and the
// next sample gets another.
func (p *pool) score(ctx context.Context, s *Sample) (Score, error) {
	line, err := lineOf(s)
	if err != nil {
		return Score{}, err
	}
	var one *process
	select {
	case one = <-p.free:
	case <-ctx.Done():
		return Score{}, context.Cause(ctx)
	}
	defer func() { p.free <- one }()
	if one == nil {
		if one, err = p.begin(ctx); err != nil {
			one = nil
			return Score{}, err
		}
	}
	answer, err := p.line(ctx, one, line)
	var score Score
	if err == nil {
		score, err = parseAnswer(answer)
		if err == nil && one.in.Buffered() > 0 {
			err = errors.New("it answered more than one line")
		}
	}
	if err != nil {
		end := one.end()
		one = nil
		return Score{}, fault(err, end)
	}
	return score, nil
}

// lineOf writes the line of a sample.
func lineOf(s *Sample) ([]byte, error) {
	a := asked{Prompt: s.Prompt, Completion: s.Completion, Tokens: s.Tokens, Truncated: s.Truncated, Row: s.Row}
	a.Reasoning, a.Content = s.split()
	if text, ok := s.part(PartAnswer); ok {
		a.Answer = &text
	}
	line, err := json.Marshal(a)
	if err == nil && len(line) > maxAsked {
		err = fmt.Errorf("a sample of %d bytes, want at most %d", len(line), maxAsked)
	}
	return append(line, '\n'), err
}

// fault says how a process failed.
func fault(err error, end sandbox.Outcome) error {
	switch {
	case end.Over != "":
		return fmt.Errorf("it took more than %s", end.Over)
	case end.Text() != "":
		return fmt.Errorf("%w; it said: %s", err, message.Line(end.Text(), 200))
	}
	return err
}

// errSlow is the cause of the end of a process that took too long for a line.
var errSlow = errors.New("it did not answer in time")

// line writes a line and reads one.
func (p *pool) line(ctx context.Context, one *process, line []byte) ([]byte, error) {
	deadline := time.Now().Add(p.time)
	stop := context.AfterFunc(ctx, func() { // wakes both
		_ = one.p.Out.SetReadDeadline(time.Unix(1, 0))
		_ = one.p.In.SetWriteDeadline(time.Unix(1, 0))
	})
	defer stop()
	if err := errors.Join(one.p.Out.SetReadDeadline(deadline), one.p.In.SetWriteDeadline(deadline)); err != nil {
		return nil, err
	}
	// A program may answer while it still reads: both go on at once, so that neither waits
	// for the other.
	wrote := make(chan error, 1)
	go func() {
		_, err := one.p.In.Write(line)
		wrote <- err
	}()
	answer, err := one.in.ReadSlice('\n')
	if err != nil {
		_ = one.p.In.SetWriteDeadline(time.Unix(1, 0)) // nobody is there to read it
	}
	writeErr := <-wrote
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%w: %v", errSlow, p.time)
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("its line has more than %d bytes", maxAnswered)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it ended before it answered")
	case err != nil:
		return nil, err
	case errors.Is(writeErr, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%w: it did not read what it was asked in %v", errSlow, p.time)
	}
	return bytes.TrimSpace(answer), writeErr
}

// parseAnswer reads the line of a program: a number, null, or an object with reward, which is
// one of them, and where wanted note; or with error, a text.
func parseAnswer(line []byte) (Score, error) {
	if nesting(line) > maxDepth {
		return Score{}, errors.New("its line is nested too deep")
	}
	var object struct {
		Reward json.RawMessage `json:"reward"`
		Note   string          `json:"note"`
		Error  *string         `json:"error"`
	}
	value := json.RawMessage(line)
	if len(line) > 0 && line[0] == '{' {
		if err := json.Unmarshal(line, &object); err != nil {
			return Score{}, fmt.Errorf("its line is %s: %w", message.Quote(string(line)), err)
		}
		if object.Error != nil {
			return Score{}, errors.New(message.Line(*object.Error, 300))
		}
		if value = object.Reward; value == nil {
			return Score{}, fmt.Errorf("its line is %s, want a reward", message.Quote(string(line)))
		}
	}
	score := Score{Note: message.Line(object.Note, 300)}
	var number *float64
	if err := json.Unmarshal(value, &number); err != nil {
		return Score{}, fmt.Errorf("its line is %s, want a number or null", message.Quote(string(line)))
	}
	if number == nil {
		score.Skipped = true
		return score, nil
	}
	score.Value = *number
	return score, nil
}
