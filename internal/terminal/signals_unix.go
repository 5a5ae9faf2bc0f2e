//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

const canSuspend = true

// stopLimit is how long a stop may take to happen. A program without a shell to
// bring it back is not stopped at all.
const stopLimit = time.Second

// stop suspends the programs in the foreground, this one with them; it returns when
// they go on.
func stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, unix.SIGCONT)
	defer signal.Stop(goesOn)
	if unix.Kill(0, unix.SIGTSTP) != nil {
		return
	}
	select {
	case <-goesOn:
	case <-time.After(stopLimit):
	}
}

func notifyResize(c chan os.Signal) { signal.Notify(c, unix.SIGWINCH) }
func stopResize(c chan os.Signal)   { signal.Stop(c) }
