package hub

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mountSmall makes dir a disk of 1 MiB.
func mountSmall(dir string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
}

// A real full disk, in a name space of its own.
func TestRealDiskFull(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	big := tinyGGUF(t, 1, 20_000)
	x.add("x", "1", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", big}))
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "HUB_TEST_ROLE=full", "HUB_TEST_HOME="+t.TempDir(),
		"HUB_TEST_MODEL="+write(t, filepath.Join(dir, "big.gguf"), big),
		"HUB_TEST_SMALL="+write(t, filepath.Join(dir, "small.gguf"), tinyGGUF(t, 2, 8)))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 || strings.HasPrefix(string(out), "skip:") {
		t.Skipf("needs user name spaces (sysctl kernel.unprivileged_userns_clone=1): %v %s", err, out)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
