package sandbox

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a program in a box that is kept running: what is written to In is its input,
// Out its output. Limits hold as long as it runs.
type Process struct {
	In  *os.File
	Out *os.File

	cmd    *exec.Cmd
	limits Limits
	work   string
	stderr *pipeReader
	stop   chan string   // the limit for which it is ended
	exited chan struct{} // closed when it has ended, and is not reaped yet
	done   chan struct{} // closed when nothing of it is left
	code   int
	over   string
}

// starts are done by one thread that never ends: a child is told of the end of the thread
// that started it, not of the program's.
var starts = sync.OnceValue(func() chan func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})

// Start runs a program, by its path or a name to be found on the way of programs. The error
// wraps ErrMissing where the system cannot confine it.
func (b *Box) Start(ctx context.Context, argv []string) (*Process, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if err := b.Limits.check(); err != nil {
		return nil, err
	}
	encoded, err := b.spec(argv)
	if err != nil {
		return nil, err
	}
	var open []io.Closer
	fail := func(err error) (*Process, error) {
		for _, c := range open {
			c.Close()
		}
		return nil, err
	}
	var ends [4][2]*os.File // stdin, stdout, stderr, status: read, write
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			return fail(err)
		}
		ends[i] = [2]*os.File{r, w}
		open = append(open, r, w)
	}
	cmd := exec.Command(b.Self[0], append(append(b.Self[1:len(b.Self):len(b.Self)], string(encoded)), argv...)...)
	cmd.Env = b.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = ends[0][0], ends[1][1], ends[2][1], []*os.File{ends[3][1]}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fail(fmt.Errorf("sandbox: %w", err))
	}
	for _, f := range []*os.File{ends[0][0], ends[1][1], ends[2][1], ends[3][1]} {
		f.Close()
	}
	p := &Process{
		In: ends[0][1], Out: ends[1][0], cmd: cmd, limits: b.Limits, work: b.Work,
		stop: make(chan string, 1), exited: make(chan struct{}), done: make(chan struct{}),
	}
	p.stderr = readPipe(ends[2][0], b.Limits.Output, func() { p.end(fmt.Sprintf("%d bytes of stderr", b.Limits.Output)) })
	go p.await()
	go p.watch()
	if err := p.confined(ctx, ends[3][0]); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// spec returns what a child is told.
func (b *Box) spec(argv []string) ([]byte, error) {
	if len(b.Self) == 0 || len(argv) == 0 {
		return nil, errors.New("sandbox: a box without a program")
	}
	program := argv[0]
	if !filepath.IsAbs(program) {
		for _, e := range b.environment() {
			if path, ok := strings.CutPrefix(e, "PATH="); ok {
				program = find(path, argv[0])
			}
		}
		if program == "" {
			return nil, fmt.Errorf("sandbox: program %q is not there: %w", argv[0], os.ErrNotExist)
		}
	}
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s := spec{Limits: b.Limits, Read: []string{real}, Parser: b.Parser, Program: program, Dynamic: isDynamic(real), Parent: os.Getpid()}
	for _, path := range b.Read {
		full, err := resolve(path)
		if err != nil {
			return nil, err
		}
		s.Read = append(s.Read, full)
	}
	if b.Work != "" {
		if s.Work, err = resolve(b.Work); err != nil {
			return nil, err
		}
	}
	return json.Marshal(s)
}

// isDynamic reports whether a program names another one that loads it.
func isDynamic(program string) bool {
	f, err := elf.Open(program)
	if err != nil {
		return false // a script, or nothing that begins
	}
	defer f.Close()
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// resolve returns the path of a file that is there, without links.
func resolve(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err == nil {
		full, err = filepath.EvalSymlinks(full)
	}
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	if full == "/" {
		return "", errors.New("sandbox: / is all files, which would confine nothing")
	}
	return full, nil
}

// find looks for a program in the folders of a path; "": it is in none.
func find(path, name string) string {
	if strings.Contains(name, "/") {
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// confined waits until the child has become the program, or says why it has not.
func (p *Process) confined(ctx context.Context, status *os.File) error {
	defer status.Close()
	stop := context.AfterFunc(ctx, func() { p.end("") })
	defer stop()
	said, err := io.ReadAll(io.LimitReader(status, 4096))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(said) > 0:
		return fmt.Errorf("sandbox: %s: %w", said, ErrMissing)
	case err != nil:
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// end has the watch end the program, for a limit or none. What is said first counts.
func (p *Process) end(limit string) {
	select {
	case p.stop <- limit:
	default:
	}
}

// await waits for the end of the program, and leaves it as it is: until it is reaped, no
// other process has its number.
func (p *Process) await() {
	for {
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != unix.EINTR {
			close(p.exited)
			return
		}
	}
}

// watch ends the program when it is over a limit, and cleans up behind it.
func (p *Process) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var deadline <-chan time.Time
	if p.limits.Time > 0 {
		t := time.NewTimer(p.limits.Time)
		defer t.Stop()
		deadline = t.C
	}
	for n := 1; ; n++ {
		select {
		case <-p.exited:
			p.clean()
			return
		case p.over = <-p.stop:
		case <-deadline:
			p.over = fmt.Sprintf("%v of time", p.limits.Time)
		case <-tick.C:
			if p.over = measure(p.cmd.Process.Pid).over(&p.limits); p.over == "" && p.work != "" && n%diskEvery == 0 {
				p.over = stored(p.work, &p.limits)
			}
			if p.over == "" {
				continue
			}
		}
		p.kill()
		<-p.exited
		p.clean()
		return
	}
}

// kill ends the session of the program. A process that is being made gets the signal, too.
func (p *Process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) } // none is left: as wanted

// clean ends what the program left behind and reaps it.
func (p *Process) clean() {
	p.kill()
	pid := p.cmd.Process.Pid
	var exit *exec.ExitError
	switch err := p.cmd.Wait(); {
	case err == nil:
	case errors.As(err, &exit):
		p.code = exit.ExitCode()
		if p.over == "" && !exit.Exited() {
			p.over = p.bySignal(exit.Sys().(syscall.WaitStatus).Signal())
		}
	default:
		p.code = -1
	}
	for range 400 { // they are dying, and their files with them
		if !sessionLives(pid) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(p.done)
}

// bySignal names the limit that a signal stands for.
func (p *Process) bySignal(s syscall.Signal) string {
	switch {
	case s == syscall.SIGXCPU || s == syscall.SIGKILL && p.limits.Processor > 0 && p.cmd.ProcessState.SystemTime()+p.cmd.ProcessState.UserTime() >= p.limits.Processor:
		return fmt.Sprintf("%v of processor time", p.limits.Processor)
	case s == syscall.SIGXFSZ:
		return fmt.Sprintf("%d bytes of a file", p.limits.File)
	}
	return ""
}

// sessionLives reports whether a process of a session is left that is no more than its name.
func sessionLives(session int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		line, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(line[max(0, strings.LastIndexByte(string(line), ')')):]))
		if len(fields) > 4 && fields[4] == fmt.Sprint(session) && fields[1] != "Z" && fields[1] != "X" {
			return true
		}
	}
	return false
}

// Close ends the program with all that it started, and says how it ended.
func (p *Process) Close() Outcome {
	p.In.Close()
	p.end("")
	<-p.done
	p.Out.Close()
	return Outcome{Code: p.code, Over: p.over, Stderr: p.stderr.rest()}
}

// Run runs a program over an input to its end.
func (b *Box) Run(ctx context.Context, argv []string, input []byte) (*Outcome, error) {
	p, err := b.Start(ctx, argv)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { p.end("") })
	defer stop()
	stdout := readPipe(p.Out, b.Limits.Output, func() { p.end(fmt.Sprintf("%d bytes of stdout", b.Limits.Output)) })
	go func() {
		_, _ = p.In.Write(input) // a program need not read it
		p.In.Close()
	}()
	<-p.done
	out := stdout.rest()
	o := p.Close() // and with it the write that nothing read
	o.Stdout = out
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return &o, nil
}

// pipeReader keeps at most so many bytes of what comes.
type pipeReader struct {
	file *os.File
	kept []byte
	done chan struct{}
}

// readPipe reads to the end of a pipe; full is called once where it has more than most bytes.
func readPipe(file *os.File, most int, full func()) *pipeReader {
	r := &pipeReader{file: file, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		buffer := make([]byte, 32<<10)
		said := false
		for {
			n, err := file.Read(buffer)
			space := most - len(r.kept)
			r.kept = append(r.kept, buffer[:min(n, space)]...)
			if n > space && !said {
				said = true
				full()
			}
			if err != nil {
				return
			}
		}
	}()
	return r
}

// patience is how long the end of a pipe is waited for whose writers have been killed.
const patience = 10 * time.Second

// rest returns what was kept, when the end is there. All who could write have ended, but for
// those that the system cannot end.
func (r *pipeReader) rest() []byte {
	_ = r.file.SetReadDeadline(time.Now().Add(patience)) // a pipe has deadlines on Linux
	<-r.done
	r.file.Close()
	return r.kept
}
