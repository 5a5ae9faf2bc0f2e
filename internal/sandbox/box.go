package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMissing is wrapped by errors that say what the system lacks to confine a program.
var ErrMissing = errors.New("the system cannot confine programs")

// A Box is what programs are run in. Any goroutine may use it.
type Box struct {
	Self   []string // the command that calls Main: this program, and its verb
	Limits Limits
	Read   []string // files and folders that are read, and programs in them run, beside the system's
	Work   string   // the folder that is changed, and where the program begins; "": none
	Env    []string // beside what every program gets
	// Parser is for this program's own code, which reads a stranger's file from its input:
	// it sees no files at all and has no more calls than it needs.
	Parser bool
}

// Outcome is how a program ended.
type Outcome struct {
	Code           int    // with which it exited; -1: a signal ended it
	Over           string // the limit that ended it; "": none
	Stdout, Stderr []byte
}

// Support is what the system has to confine programs.
type Support struct {
	Landlock int    `json:"landlock_abi"` // 0: none
	Seccomp  bool   `json:"seccomp"`
	Signals  bool   `json:"signals"`           // between programs of one user can be told apart
	Missing  string `json:"missing,omitempty"` // "": programs can be confined
}

// Check returns an error that wraps ErrMissing where programs cannot be confined.
func Check() error {
	if s := Describe(); s.Missing != "" {
		return fmt.Errorf("sandbox: %s: %w", s.Missing, ErrMissing)
	}
	return nil
}

// environment is what a program finds: nothing of ours, which may be secret.
func (b *Box) environment() []string {
	home := b.Work
	if home == "" {
		home = "/"
	}
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "HOME=" + home, "TMPDIR=" + home, "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0",
	}
	return append(env, b.Env...)
}

// Text is what a program said last on stderr, for messages.
func (o *Outcome) Text() string {
	lines := strings.Split(strings.TrimSpace(string(o.Stderr)), "\n")
	return lines[len(lines)-1]
}
