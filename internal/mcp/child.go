package mcp

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
)

const (
	maxStderr     = 8 << 10 // bytes kept of what a child says beside the protocol
	endPatience   = 2 * time.Second
	writePatience = 30 * time.Second // that a child may leave unread what it is told
)

// passed are the variables that children get of our environment; the others, which may be
// secrets, they do not.
var passed = []string{
	"HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", // Unix
	"APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", // Windows
}

// environment returns that of a child.
func environment(getenv func(string) string, own map[string]string) []string {
	all := map[string]string{}
	for _, name := range passed {
		if value := getenv(name); value != "" {
			all[name] = value
		}
	}
	maps.Copy(all, own)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// child is a server that was started here: its output is read, its input written.
type child struct {
	cmd     *exec.Cmd
	in, out *os.File // our ends
	stderr  *tail
	end     sync.Once
	exited  chan struct{} // closed behind the process
	why     error         // with which it ended; behind exited
}

// startChild starts a program in a process group of its own.
func startChild(command, env []string) (*child, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer theirOut.Close()
	c := &child{in: in, out: out, stderr: &tail{}, exited: make(chan struct{})}
	c.cmd = exec.Command(command[0], command[1:]...)
	c.cmd.Env, c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = env, theirIn, theirOut, c.stderr
	c.cmd.WaitDelay = endPatience // that what it started may hold its stderr open
	ownGroup(c.cmd)
	if err := startProcess(c.cmd); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	go func() {
		c.why = c.cmd.Wait()
		killGroup(c.cmd.Process) // what it left behind
		close(c.exited)
	}()
	return c, nil
}

func (c *child) Read(p []byte) (int, error) { return c.out.Read(p) }

// Write gives up where the child does not read; systems whose pipes know no deadline wait.
func (c *child) Write(p []byte) (int, error) {
	if err := c.in.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return 0, err
	}
	return c.in.Write(p)
}

// Close ends the child: by the end of its input, else by asking, else by force, and with it
// all that it started.
func (c *child) Close() error {
	c.end.Do(func() {
		c.in.Close()
		for _, force := range []func(*os.Process){func(*os.Process) {}, askGroup, killGroup} {
			force(c.cmd.Process)
			select {
			case <-c.exited:
				c.out.Close()
				return
			case <-time.After(endPatience):
			}
		}
		c.out.Close() // a process that cannot be killed is the system's
	})
	return nil
}

// reason says how the child ended, where it did so within a moment, and what it said last.
func (c *child) reason(err error) error {
	select {
	case <-c.exited:
		if c.why == nil || errors.Is(c.why, exec.ErrWaitDelay) {
			err = errors.New("the program ended")
		} else {
			err = fmt.Errorf("the program ended: %w", c.why)
		}
	case <-time.After(endPatience / 4):
	}
	if said := c.stderr.last(); said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said)
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(0, len(p)-maxStderr):]...)
	if n := len(t.text) - maxStderr; n > 0 {
		t.text = slices.Delete(t.text, 0, n)
	}
	return len(p), nil
}

// last returns the last lines as one.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return message.Line(strings.Join(lines[max(0, len(lines)-3):], " "), 300)
}
