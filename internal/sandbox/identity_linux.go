package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// firstUser is the first of the users that programs of root become: each its own, by its
// process, which no other has at the time. They own nothing but the folder they work in.
const firstUser = 1 << 30

// nobody is the user where those are not there.
const nobody = 65534

// dropIdentity takes all privileges from this thread. As root it becomes a user of its own,
// which reads what root may read of the files that Landlock leaves it; fenced says so.
func dropIdentity(s *spec) (fenced bool, err error) {
	user := 0
	if os.Geteuid() == 0 {
		for _, id := range []int{firstUser + os.Getpid(), nobody} {
			if mapped("/proc/self/uid_map", id) && mapped("/proc/self/gid_map", id) {
				user = id
				break
			}
		}
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP+16; c++ { // those that a later kernel may have as well
		if c == unix.CAP_DAC_READ_SEARCH && user != 0 {
			continue
		}
		// Without the right to do so there are none that a program could get: no_new_privs holds.
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return false, fmt.Errorf("capabilities: %w", err)
	}
	if user == 0 {
		return false, capabilities(0)
	}
	if err := handOver(s.Work, user); err != nil {
		return false, err
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return false, fmt.Errorf("capabilities: %w", err)
	}
	// Raw calls: those of package syscall are for all threads, of which only this one goes on.
	for _, call := range []struct {
		name       string
		number     uintptr
		a0, a1, a2 uintptr
	}{
		{"setgroups", unix.SYS_SETGROUPS, 0, 0, 0},
		{"setresgid", unix.SYS_SETRESGID, uintptr(user), uintptr(user), uintptr(user)},
		{"setresuid", unix.SYS_SETRESUID, uintptr(user), uintptr(user), uintptr(user)},
	} {
		if _, _, e := unix.RawSyscall(call.number, call.a0, call.a1, call.a2); e != 0 {
			return false, fmt.Errorf("%s: %w", call.name, e)
		}
	}
	if err := capabilities(1 << unix.CAP_DAC_READ_SEARCH); err != nil {
		return false, err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_DAC_READ_SEARCH, 0, 0); err != nil {
		return false, fmt.Errorf("capabilities: %w", err)
	}
	return true, nil
}

// handOver gives a folder and what is in it to a user.
func handOver(folder string, user int) error {
	if folder == "" {
		return nil
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, user, user)
		}
		return err
	})
}

// mapped reports whether an id is one of this namespace.
func mapped(file string, id int) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for rest := string(text); rest != ""; {
		var inside, outside, n, read int
		if read, err = fmt.Sscan(rest, &inside, &outside, &n); read < 3 || err != nil {
			return false
		}
		if id >= inside && id-inside < n {
			return true
		}
		_, rest = cutLine(rest)
	}
	return false
}

// cutLine returns a text's first line, and what is behind it.
func cutLine(s string) (line, rest string) {
	for i := range len(s) {
		if s[i] == '\n' {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// capabilities sets those of this thread.
func capabilities(set uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for i := range data {
		word := uint32(set >> (32 * i))
		data[i] = unix.CapUserData{Effective: word, Permitted: word, Inheritable: word}
	}
	if _, _, e := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); e != 0 {
		return fmt.Errorf("capabilities: %w", e)
	}
	return nil
}
