package sandbox

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// systemFiles are read by every program: programs, libraries, and what these look at. What
// is not there is passed over.
var systemFiles = []string{
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/nix/store", "/run/current-system/sw",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/mime.types",
	"/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/ssl/openssl.cnf", "/etc/java-17-openjdk", "/etc/java-21-openjdk",
	"/dev/zero", "/dev/random", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory",
	"/sys/devices/system/cpu", runtimeFiles,
}

// runtimeFiles is where Go looks for the size of huge pages.
const runtimeFiles = "/sys/kernel/mm/transparent_hugepage"

// confineFiles lets this process, its threads and children see the files of a box only, and
// have no network. All rights that the kernel knows are taken; those of rules are given.
func confineFiles(s *spec) error {
	readable := append([]string{"/proc/self"}, s.Read...)
	switch {
	case !s.Parser:
		readable = append(readable, systemFiles...)
	case s.Dynamic:
		readable = append(readable, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", runtimeFiles)
	default:
		readable = append(readable, runtimeFiles)
	}
	var rules []landlock.Rule
	for _, path := range readable {
		switch there, err := os.Stat(path); {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return err
		case there.IsDir():
			rules = append(rules, landlock.RODirs(path))
		default:
			rules = append(rules, landlock.ROFiles(path))
		}
	}
	for _, path := range []string{"/dev/null", "/dev/full"} {
		rules = append(rules, landlock.RWFiles(path).IgnoreIfMissing())
	}
	if s.Work != "" {
		work := landlock.RWDirs(s.Work)
		if Describe().Landlock >= abiRefer {
			work = work.WithRefer()
		}
		rules = append(rules, work)
	}
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("the rules of Landlock: %w", err)
	}
	// That it holds is seen, not believed: the root of all files cannot be listed.
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
		return errors.New("the rules of Landlock: they were set, and / can still be listed")
	}
	if err != unix.EACCES {
		return fmt.Errorf("the rules of Landlock: / is refused with %w, want permission denied", err)
	}
	return nil
}
