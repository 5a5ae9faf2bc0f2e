package packed

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What another process of this test does is told by its environment.
const (
	roleFolder = "BLITZ_TEST_PACKED_FOLDER"
	roleStop   = "BLITZ_TEST_PACKED_STOP" // it stops in the middle, until its input ends
)

// sample is what two processes write.
func sample() []byte { return random(7, 3*chunk) }

func TestMain(m *testing.M) {
	if folder := os.Getenv(roleFolder); folder != "" {
		writer(folder, os.Getenv(roleStop) != "")
		return
	}
	os.Exit(m.Run())
}

// writer writes the sample and says how far it is.
func writer(folder string, stop bool) {
	s := New(Options{Folder: folder, Limit: roomy})
	told := false
	err := s.Write(keyOf("shared"), sample(), Watch{Progress: func(int64, int64) {
		if stop && !told {
			told = true
			os.Stdout.WriteString("half\n")
			bufio.NewReader(os.Stdin).ReadString('\n')
		}
	}})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		return
	}
	os.Stdout.WriteString("whole\n")
}

// other is another process that writes the sample into a folder.
type other struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	goOn  func()
}

func startWriter(t *testing.T, folder string, stop bool) *other {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatalf("this test cannot find itself: %v", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleFolder+"="+folder)
	if stop {
		cmd.Env = append(cmd.Env, roleStop+"=1")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &other{t, cmd, bufio.NewScanner(out), func() { in.Close() }}
}

func (o *other) says(want string) {
	o.t.Helper()
	if o.lines.Scan(); o.lines.Text() != want {
		o.t.Fatalf("the other process says %q, want %q", o.lines.Text(), want)
	}
}

// TestOneWriter: while one process writes, another one neither waits nor writes, and sees
// no image; then both have it.
func TestOneWriter(t *testing.T) {
	s := newStore(t, roomy)
	a := startWriter(t, s.folder, true)
	a.says("half")
	if err := s.Write(keyOf("shared"), sample(), Watch{}); !errors.Is(err, ErrBusy) {
		t.Errorf("beside a writer: %v, want ErrBusy", err)
	}
	if _, err := s.Open(keyOf("shared"), int64(len(sample())), Watch{}); !errors.Is(err, ErrMissing) {
		t.Errorf("what is half written: %v, want ErrMissing", err)
	}
	write(t, s, "mine", []byte("x")) // which sweeps, and leaves the other's file alone
	a.goOn()
	a.says("whole")
	m, err := s.Open(keyOf("shared"), int64(len(sample())), Watch{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !bytes.Equal(m.Bytes(), sample()) {
		t.Error("the other process wrote other bytes")
	}
	b := startWriter(t, s.folder, false)
	b.says("whole") // it is there already
	if n, _, err := s.Bytes(); n != 2 || err != nil {
		t.Errorf("%d images, %v, want 2", n, err)
	}
}

// TestKilledWriter: what a killed process left is no image, and is gone after the next
// write, of the same image or of another one.
func TestKilledWriter(t *testing.T) {
	for _, name := range []string{"shared", "another"} {
		s := newStore(t, roomy)
		a := startWriter(t, s.folder, true)
		a.says("half")
		if err := a.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = a.cmd.Wait() // its end is an error
		if names := left(t, s); len(names) != 1 || !strings.HasSuffix(names[0], partial) {
			t.Fatalf("%v are left of it, want a half-written image", names)
		}
		write(t, s, name, sample())
		if names := left(t, s); len(names) != 1 || strings.HasSuffix(names[0], partial) {
			t.Errorf("%s: %v lie there, want one whole image", name, names)
		}
		m, err := s.Open(keyOf(name), int64(len(sample())), Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), sample()) {
			t.Errorf("%s: other bytes came back", name)
		}
		m.Close()
	}
}

// TestManyProcesses write the same image at once: it is whole for everybody at any time.
func TestManyProcesses(t *testing.T) {
	s := newStore(t, roomy)
	var all []*other
	for range 4 {
		all = append(all, startWriter(t, s.folder, false))
	}
	ended := make(chan []string, 1)
	go func() {
		var said []string
		for _, o := range all {
			o.lines.Scan()
			said = append(said, o.lines.Text())
		}
		ended <- said
	}()
	var said []string
	for {
		over := said != nil
		m, err := s.Open(keyOf("shared"), int64(len(sample())), Watch{})
		if err == nil {
			if !bytes.Equal(m.Bytes(), sample()) {
				t.Error("other bytes")
			}
			m.Close()
			break
		}
		if !errors.Is(err, ErrMissing) || over {
			t.Fatal(err)
		}
		select {
		case said = <-ended:
		default:
		}
	}
	if said == nil {
		said = <-ended
	}
	for _, text := range said {
		if text != "whole" && !strings.Contains(text, ErrBusy.Error()) {
			t.Errorf("a process says %q", text)
		}
	}
	if names := left(t, s); len(names) != 1 {
		t.Errorf("%v lie there, want one image", names)
	}
}
