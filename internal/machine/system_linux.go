package machine

import (
	"os"

	"golang.org/x/sys/unix"
)

// system is the file system of this machine.
func system() root { return root{os.DirFS("/")} }

func (m *Machine) describeSystem() (flags []string) {
	flags = system().describe(m)
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = tidy(unix.ByteSliceToString(name.Release[:]))
	}
	return flags
}

func availableMemory() (int64, bool) {
	_, _, available := system().memory()
	return max(0, available), available >= 0
}
