package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNoRoute runs the program where there is no network at all, not even that of the
// machine itself: it answers as it does elsewhere.
func TestNoRoute(t *testing.T) {
	folder := tinyFolder(t)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Args = append([]string{"blitz"}, args...) // which this program is by that name
		cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "BLITZ_HOME=" + filepath.Join(t.TempDir(), "store")}
		return cmd
	}
	without := func(args ...string) *exec.Cmd {
		cmd := command(args...)
		ids := func(id int) []syscall.SysProcIDMap {
			return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid()),
		}
		return cmd
	}
	// A look at the namespace itself: a way out would make the rest worthless.
	look := without()
	look.Path, look.Args = "/bin/sh", []string{"sh", "-c", "cat /proc/net/route /proc/net/ipv6_route 2>/dev/null | grep -v ^Iface | grep -v ' lo$'"}
	out, err := look.Output()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 || len(out) > 0 {
		t.Skipf("this system makes no namespace without a network (%q, %v): run it as root, or where users may make namespaces", out, err)
	}
	for _, args := range [][]string{
		{"run", folder, "--temp", "0", "--max-tokens", "8", "hello"},
		{"show", folder},
		{"doctor", "--measure=false", "--json"},
		{"import", folder, "mine"},
	} {
		var want, got, said bytes.Buffer
		here, there := command(args...), without(args...)
		here.Stdout, there.Stdout, there.Stderr = &want, &got, &said
		if err := here.Run(); err != nil {
			t.Fatalf("%v with a network: %v", args, err)
		}
		if err := there.Run(); err != nil {
			t.Errorf("%v: %v: %s", args, err, said.String())
		}
		if args[0] == "run" && want.String() != got.String() {
			t.Errorf("%v: got %q, with a network %q", args, got.String(), want.String())
		}
	}
}
