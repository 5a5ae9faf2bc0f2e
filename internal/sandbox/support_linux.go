package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Versions of Landlock's interface with which it can do more.
const (
	abiRefer    = 2 // files are moved between folders
	abiTruncate = 3 // files are cut by name
	abiScope    = 6 // signals stay inside
)

// Describe says what the system has.
var Describe = sync.OnceValue(func() Support {
	s := Support{Seccomp: seccomp.Supported()}
	if v, err := ll.LandlockGetABIVersion(); err == nil {
		s.Landlock = v
	}
	s.Signals = s.Landlock >= abiScope || os.Geteuid() == 0
	switch _, err := arch.GetInfo(""); {
	case s.Landlock == 0:
		s.Missing = "the kernel has no Landlock (since Linux 5.13, and among the security modules of its command line)"
	case !s.Seccomp:
		s.Missing = "the kernel has no seccomp filters"
	case err != nil:
		s.Missing = fmt.Sprintf("the calls of %s are not known", runtime.GOARCH)
	}
	return s
})
