package reward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/sandbox"
)

// What a command's end says.
const (
	scoreExit   = "exit"   // 1 for exit code 0, nothing for exitSkip, else 0
	scoreStdout = "stdout" // with exit code 0 the last line is the score, or null
)

// exitSkip is the exit code with which a command says nothing of a sample, as test runners
// say that a test was skipped.
const exitSkip = 77

// usualName is the name of the file that has the code.
const usualName = "answer"

// Bounds of what is copied beside an answer.
const (
	maxWith      = 32 << 20 // bytes
	maxWithFiles = 2000
)

// command runs a user's program over a part of each completion, in a folder of its own in
// which the part is a file, and what the reward has beside it.
func command(r *Reward, part string, o *Options) (Func, error) {
	if err := confined(o); err != nil {
		return nil, err
	}
	box := r.box(o, sandbox.DefaultLimits)
	name := r.As
	if name == "" {
		name = usualName
	}
	if _, err := folder(r, name, nil); err != nil { // what is wrong with the files is told before anything is drawn
		return nil, err
	}
	return func(ctx context.Context, s *Sample) (score Score, err error) {
		text, ok := s.part(part)
		if !ok {
			return Score{Note: "there is no " + part}, nil
		}
		dir, err := folder(r, name, &text)
		if err != nil {
			return Score{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		inside := box
		inside.Work = dir
		end, err := inside.Run(ctx, r.Command, s.Row)
		if err != nil {
			return Score{}, err
		}
		return read(end, r.Score)
	}, nil
}

// box is what a reward's program runs in.
func (r *Reward) box(o *Options, l sandbox.Limits) sandbox.Box {
	if r.Seconds > 0 {
		l.Time = time.Duration(r.Seconds * float64(time.Second))
		l.Processor = l.Time
	}
	if r.MemoryMB > 0 {
		l.Memory = int64(r.MemoryMB) << 20
	}
	if r.Processes > 0 {
		l.Processes = r.Processes
	}
	return sandbox.Box{Self: o.Confine, Limits: l, Read: r.Read}
}

// read reads the score of a command that has ended. What is over a limit has failed, as has
// what does not pass.
func read(end *sandbox.Outcome, how string) (Score, error) {
	switch {
	case end.Over != "":
		return Score{Note: "it took more than " + end.Over}, nil
	case end.Code == exitSkip:
		return Score{Skipped: true, Note: message.Line(end.Text(), 300)}, nil
	case end.Code != 0:
		return Score{Note: message.Line(fmt.Sprintf("exit code %d: %s", end.Code, end.Text()), 300)}, nil
	case how != scoreStdout:
		return Score{Value: 1}, nil
	}
	lines := strings.Split(strings.TrimSpace(string(end.Stdout)), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "null" {
		return Score{Skipped: true}, nil
	}
	value, err := strconv.ParseFloat(last, 64)
	if err != nil {
		return Score{Note: message.Line("its last line is no number: "+last, 300)}, nil
	}
	return Score{Value: value}, nil
}

// folder makes the folder of a command: what the reward has beside it, and the text; without
// one the folder is only tried.
func folder(r *Reward, name string, text *string) (dir string, err error) {
	dir, err = os.MkdirTemp("", "blitz-reward-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil || text == nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	room, files := int64(maxWith), maxWithFiles
	for _, path := range r.With {
		if err := copyIn(dir, path, &room, &files); err != nil {
			return dir, err
		}
	}
	if text == nil {
		return dir, nil
	}
	return dir, os.WriteFile(filepath.Join(dir, name), []byte(*text), 0o644)
}

// copyIn copies a file or folder into another folder, by its own name.
func copyIn(dir, path string, room *int64, files *int) error {
	base := filepath.Dir(filepath.Clean(path))
	return filepath.WalkDir(path, func(from string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, from)
		if err != nil {
			return err
		}
		if *files--; *files < 0 {
			return fmt.Errorf("with: more than %d files: %w", maxWithFiles, ErrConfig)
		}
		to := filepath.Join(dir, rel)
		switch {
		case e.IsDir():
			return os.Mkdir(to, 0o755)
		case !e.Type().IsRegular():
			return fmt.Errorf("with: %s is neither file nor folder: %w", message.Clean(from), ErrConfig)
		}
		return copyFile(to, from, room)
	})
}

// copyFile copies a file, with its right to be run.
func copyFile(to, from string, room *int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|st.Mode()&0o111)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, *room+1))
	if *room -= n; err == nil && *room < 0 {
		err = fmt.Errorf("with: more than %d bytes: %w", maxWith, ErrConfig)
	}
	return errors.Join(err, out.Close())
}
