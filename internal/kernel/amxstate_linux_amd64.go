//go:build amd64 && !purego

package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// askForTiles asks the system to let this process use the tiles of AMX: their state is
// large, and is saved only for those that asked.
func askForTiles() error {
	const (
		reqXCompPerm = 0x1023 // ARCH_REQ_XCOMP_PERM of Linux' asm/prctl.h
		tileData     = 18     // the state of tiles in XCR0
	)
	if _, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, reqXCompPerm, tileData, 0); errno != 0 {
		return fmt.Errorf("the system refuses the tiles of AMX: %w", errno)
	}
	return nil
}
