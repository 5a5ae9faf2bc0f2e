package reward

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	starjson "go.starlark.net/lib/json"
	starmath "go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/sandbox"
)

// Bounds of a script that are not the system's.
const (
	usualSteps    = 10_000_000
	maxScript     = 1 << 20 // bytes
	scriptMemory  = 256     // MiB, unless another is given
	scriptThreads = 32
)

// entry is the function of a script that is asked.
const entry = "reward"

// beginning is the first line of a script's process.
type beginning struct {
	Script string `json:"script"`
	Name   string `json:"name"`
	Steps  uint64 `json:"steps"`
}

// script makes a pool one of children of this program that run a script. They see no files,
// not even the script, which they are told.
func (p *pool) script(r *Reward, o *Options) error {
	text, name := []byte(r.Script), "script"
	if r.File != "" {
		var err error
		if text, err = readFile(r.File); err != nil {
			return err
		}
		name = r.File
	}
	if len(text) > maxScript {
		return fmt.Errorf("a script of %d bytes, want at most %d: %w", len(text), maxScript, ErrConfig)
	}
	steps := uint64(r.Steps)
	if steps == 0 {
		steps = usualSteps
	}
	first, err := json.Marshal(beginning{string(text), message.Clean(name), steps})
	if err != nil {
		return err
	}
	p.first = append(first, '\n')
	p.argv = o.Script
	p.box.Parser = true
	p.box.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	p.box.Limits.Processes = scriptThreads
	if r.MemoryMB == 0 {
		p.box.Limits.Memory = scriptMemory << 20
	}
	p.box.Limits.Memory += sandbox.GoRuntime
	return nil
}

// began reads the answer to the first line.
func began(line []byte) error {
	var a struct {
		Error *string `json:"error"`
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	if a.Error != nil {
		return fmt.Errorf("%s: %w", message.Line(*a.Error, 300), ErrConfig)
	}
	return nil
}

// runScript is what a script's process does: it reads the script, and then samples, a line
// each, and answers them.
func runScript(in io.Reader, out io.Writer) error {
	r := bufio.NewReaderSize(in, 64<<10)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	var b beginning
	if err := json.Unmarshal(line, &b); err != nil {
		return err
	}
	say := func(v any) error {
		line, err := json.Marshal(v)
		if err == nil {
			_, err = out.Write(append(line, '\n'))
		}
		return err
	}
	fn, err := loadScript(&b)
	if err != nil {
		return say(map[string]string{"error": err.Error()})
	}
	if err := say(map[string]bool{"ready": true}); err != nil {
		return err
	}
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		value, err := callScript(fn, &b, bytes.TrimSpace(line))
		if err != nil {
			err = say(map[string]string{"error": err.Error()})
		} else {
			err = say(map[string]any{"reward": value})
		}
		if err != nil {
			return err
		}
	}
}

// newThread returns a thread that takes so many steps. It loads nothing and prints nowhere.
func newThread(b *beginning) *starlark.Thread {
	t := &starlark.Thread{
		Name:  b.Name,
		Print: func(*starlark.Thread, string) {},
		Load: func(*starlark.Thread, string) (starlark.StringDict, error) {
			return nil, errors.New("load: a reward is one file")
		},
	}
	t.SetMaxExecutionSteps(b.Steps)
	return t
}

// loadScript runs a script's top level, and returns its function reward.
func loadScript(b *beginning) (starlark.Callable, error) {
	predeclared := starlark.StringDict{"json": starjson.Module, "math": starmath.Module}
	globals, err := starlark.ExecFileOptions(&syntax.FileOptions{Set: true, While: true, TopLevelControl: true}, newThread(b), b.Name, b.Script, predeclared)
	if err != nil {
		return nil, explain(err)
	}
	fn, ok := globals[entry].(starlark.Callable)
	if !ok {
		return nil, fmt.Errorf("%s: there is no function %s(sample)", b.Name, entry)
	}
	globals.Freeze() // so that no sample changes what the next one is worth
	return fn, nil
}

// callScript asks a script about a sample: nil where it returns None.
func callScript(fn starlark.Callable, b *beginning, line []byte) (*float64, error) {
	t := newThread(b)
	decode, ok := starjson.Module.Members["decode"].(*starlark.Builtin)
	if !ok {
		return nil, errors.New("the library has no json.decode")
	}
	sample, err := starlark.Call(t, decode, starlark.Tuple{starlark.String(line)}, nil)
	if err != nil {
		return nil, explain(err)
	}
	got, err := starlark.Call(t, fn, starlark.Tuple{sample}, nil)
	if err != nil {
		return nil, explain(err)
	}
	switch v := got.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		f := 0.0
		if v {
			f = 1
		}
		return &f, nil
	}
	f, ok := starlark.AsFloat(got)
	if !ok {
		return nil, fmt.Errorf("%s returned a %s, want a number, a bool or None", entry, got.Type())
	}
	return &f, nil
}

// explain puts the place of an error before it.
func explain(err error) error {
	var e *starlark.EvalError
	if errors.As(err, &e) && len(e.CallStack) > 0 {
		return fmt.Errorf("%s: %s", e.CallStack.At(0).Pos, e.Msg)
	}
	return err
}

// ScriptMain is what the process of a script does; it returns its exit code.
func ScriptMain() int {
	if err := runScript(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
