package sandbox

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needSandbox skips a test where the system cannot confine programs.
func needSandbox(t *testing.T) {
	t.Helper()
	if err := Check(); err != nil {
		t.Skip(err)
	}
}

// small are limits of programs that take little.
var small = Limits{
	Memory: 512 << 20, Time: time.Minute, File: 8 << 20, Disk: 16 << 20, Files: 100, OpenFiles: 64, Processes: 40, Output: 64 << 10,
}

// testBox returns a box with a folder of its own.
func testBox(t *testing.T) *Box {
	t.Helper()
	needSandbox(t)
	return &Box{Self: []string{os.Args[0], "confine"}, Limits: small, Work: t.TempDir()}
}

// needProgram skips a test that runs this program in a box, where that cannot be.
func needProgram(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("the race detector reserves more memory than a box gives")
	}
}

// run runs an act of this program in a box.
func run(t *testing.T, b *Box, args ...string) *Outcome {
	t.Helper()
	needProgram(t)
	o, err := b.Run(t.Context(), append([]string{os.Args[0]}, args...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRefused does what a program may not do.
func TestRefused(t *testing.T) {
	b := testBox(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no network of this machine's own:", err)
	}
	defer listener.Close()
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	self := strconv.Itoa(os.Getpid())
	for _, act := range [][]string{
		{"read", outside},
		{"write", outside},
		{"write", outside + "2"},
		{"cut", outside},
		{"list", filepath.Dir(outside)},
		{"list", "/"},
		{"list", "/root"},
		{"read", "/etc/shadow"},
		{"read", "/proc/1/status"},
		{"read", "/proc/" + self + "/environ"},
		{"list", "/proc"},
		{"list", "/proc/self/root"},
		{"dial", "tcp", listener.Addr().String()},
		{"dial", "udp", "127.0.0.1:9"},
		{"dial", "unix", socket.Addr().String()},
		{"listen"},
		{"signal", self},
		{"session"},
		{"namespace"},
		{"write", "/dev/shm/blitz-test"},
		{"write", "/tmp/blitz-test-" + self},
		{"chmod", outside},
	} {
		if o := run(t, b, act...); o.Code != 1 || o.Over != "" {
			t.Errorf("%v: code %d, over %q, said %q, want 1: it must not be done", act, o.Code, o.Over, o.Stderr)
		}
	}
	run(t, b, "signal", "-1") // reaches no process outside: this one would end
	if text, err := os.ReadFile(outside); err != nil || string(text) != "secret" {
		t.Errorf("the file outside is %q, %v", text, err)
	}
}

// TestGiven does what a program may do.
func TestGiven(t *testing.T) {
	b := testBox(t)
	given := filepath.Join(t.TempDir(), "given")
	if err := os.WriteFile(given, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Read = []string{given}
	for _, act := range [][]string{
		{"read", given},
		{"read", "/dev/null"},
		{"write", "/dev/null"},
		{"read", "/proc/self/status"},
		{"list", "."},
		{"write", "here"},
		{"write", filepath.Join(b.Work, "there")},
		{"cut", "here"},
		{"exit", "0"},
	} {
		if o := run(t, b, act...); o.Code != 0 || o.Over != "" {
			t.Errorf("%v: code %d, over %q, said %q", act, o.Code, o.Over, o.Stderr)
		}
	}
	if o := run(t, b, "write", given); o.Code != 1 {
		t.Errorf("a file that is read was written")
	}
	if o := run(t, b, "exit", "7"); o.Code != 7 {
		t.Errorf("code %d, want 7", o.Code)
	}
	o, err := b.Run(t.Context(), []string{os.Args[0], "echo"}, []byte("to and fro"))
	if err != nil || string(o.Stdout) != "to and fro" {
		t.Errorf("got %q, %v", o.Stdout, err)
	}
	real, err := filepath.EvalSymlinks(b.Work)
	if o := run(t, b, "folder"); err != nil || strings.TrimSpace(string(o.Stdout)) != real {
		t.Errorf("it begins in %q, want %q", o.Stdout, real)
	}
}

// TestEnvironment keeps what this process knows from programs.
func TestEnvironment(t *testing.T) {
	t.Setenv("BLITZ_TEST_SECRET", "hidden")
	b := testBox(t)
	b.Env = []string{"GIVEN=1"}
	lines := strings.Split(strings.TrimSpace(string(run(t, b, "environ").Stdout)), "\n")
	if !slices.Contains(lines, "GIVEN=1") || slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "hidden") }) {
		t.Errorf("got %q", lines)
	}
}

// TestLimits runs programs that take more than they may.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		act    []string
		change func(*Limits)
		want   string // the limit, or what the program says where the system tells it
	}{
		{[]string{"eat"}, func(l *Limits) { l.Memory = 128 << 20 }, ""}, // the system gives it no more,
		{[]string{"share"}, func(l *Limits) { l.Memory = 128 << 20 }, "128 MiB of memory"},
		{[]string{"spin"}, func(l *Limits) { l.Processor = time.Second }, "1s of processor time"},
		{[]string{"sleep"}, func(l *Limits) { l.Time = 50 * time.Millisecond }, "50ms of time"},
		{[]string{"say"}, nil, "65536 bytes of stdout"},
		{[]string{"complain"}, nil, "65536 bytes of stderr"},
		{[]string{"grow", "file"}, nil, "file too large"},
		{[]string{"litter", "."}, nil, "100 files"},
		{[]string{"fill", "."}, func(l *Limits) { l.Files = 1 << 20 }, "16 MiB of files"},
		{[]string{"bomb"}, func(l *Limits) { l.Time = 2 * time.Second }, ""}, // processes, or time where the system refuses more
	} {
		t.Run(c.act[0], func(t *testing.T) {
			b := testBox(t)
			if c.change != nil {
				c.change(&b.Limits)
			}
			o := run(t, b, c.act...)
			if c.act[0] == "bomb" && o.Over == "" {
				t.Errorf("no limit ended it: code %d, said %.300q", o.Code, o.Stderr)
			}
			if o.Code == 0 || !strings.Contains(o.Over+string(o.Stderr), c.want) {
				t.Errorf("code %d, over %q, said %.300q, want %q", o.Code, o.Over, o.Stderr, c.want)
			}
			if len(o.Stdout) > b.Limits.Output || len(o.Stderr) > b.Limits.Output {
				t.Errorf("%d and %d bytes of output, want at most %d", len(o.Stdout), len(o.Stderr), b.Limits.Output)
			}
		})
	}
}

// TestOrphan ends what a program leaves behind.
func TestOrphan(t *testing.T) {
	b := testBox(t)
	o := run(t, b, "orphan")
	pid, err := strconv.Atoi(strings.TrimSpace(string(o.Stdout)))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && !strings.Contains(string(line), ") Z ") {
		t.Errorf("process %d lives on: %s", pid, line)
	}
}

// TestParser leaves a parser its input and its output.
func TestParser(t *testing.T) {
	b := testBox(t)
	b.Parser, b.Work = true, ""
	if o := run(t, b, "orphan"); o.Code != 1 || !strings.Contains(string(o.Stderr), "operation not permitted") {
		t.Errorf("code %d, said %q", o.Code, o.Stderr)
	}
	if o := run(t, b, "read", "/etc/passwd"); o.Code != 1 {
		t.Errorf("a parser read a file: %q", o.Stderr)
	}
	o, err := b.Run(t.Context(), []string{os.Args[0], "echo"}, []byte("text"))
	if err != nil || string(o.Stdout) != "text" {
		t.Errorf("got %q, %v", o.Stdout, err)
	}
}

// TestIdentity gives programs of root a user of their own.
func TestIdentity(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root, who alone gives programs a uid of their own: run the test as root")
	}
	b := testBox(t)
	o, err := b.Run(t.Context(), []string{"sh", "-c", `id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$$/status; echo x > file`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	said := string(o.Stdout)
	if strings.HasPrefix(said, "0\n") {
		t.Errorf("it is root: %q", said)
	}
	st, err := os.Stat(filepath.Join(b.Work, "file"))
	if err != nil || st.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Errorf("its file: %v, %v", st, err)
	}
}

// TestShell compiles and runs nothing, but pipes, links and marks programs as a test
// runner's tools do.
func TestShell(t *testing.T) {
	b := testBox(t)
	o, err := b.Run(t.Context(), []string{"sh", "-c", `printf '#!/bin/sh\necho ran\n' > p; mkdir d; mv p d/p; ln -s d/p l; sh l | tr a-z A-Z; rm -r d`}, nil)
	if err != nil || string(o.Stdout) != "RAN\n" {
		t.Errorf("got %q, said %q, %v", o.Stdout, o.Stderr, err)
	}
}

// TestCancel ends a program with who asked for it.
func TestCancel(t *testing.T) {
	b := testBox(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("no longer wanted")
	p, err := b.Start(ctx, []string{"sh"})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	cancel(why)
	if _, err := b.Run(ctx, []string{"sleep", "1000"}, nil); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}

// TestStartRefuses names what cannot be run.
func TestStartRefuses(t *testing.T) {
	b := testBox(t)
	for want, c := range map[string]struct {
		change func(*Box)
		argv   []string
	}{
		"without a program":       {func(*Box) {}, nil},
		"is not there":            {func(*Box) {}, []string{"blitz-no-such-program"}},
		"no such file":            {func(b *Box) { b.Read = []string{"/no/such/folder"} }, []string{"sh"}},
		"confine nothing":         {func(b *Box) { b.Read = []string{"/"} }, []string{"sh"}},
		"limit of memory":         {func(b *Box) { b.Limits.Memory = 1 }, []string{"sh"}},
		"limit of open files":     {func(b *Box) { b.Limits.OpenFiles = 0 }, []string{"sh"}},
		"exec format error":       {func(b *Box) { b.Read = []string{os.Args[0]} }, []string{noProgram(t)}},
		"invalid character":       {func(b *Box) { b.Self = []string{os.Args[0], "confine", "x"} }, []string{"sh"}}, // no box where it has to be
		"fork/exec /no/such/self": {func(b *Box) { b.Self = []string{"/no/such/self"} }, []string{"sh"}},
	} {
		box := *b
		c.change(&box)
		_, err := box.Run(t.Context(), c.argv, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// noProgram returns a file that is marked as a program and is none.
func noProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(path, []byte("\x00\x01"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
