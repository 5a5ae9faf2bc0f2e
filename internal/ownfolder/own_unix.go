//go:build unix

package ownfolder

import (
	"fmt"
	"os"
	"syscall"
)

// own makes a folder one that only this user may enter. The error says why it cannot be.
func own(folder string) error {
	st, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, want %d", sys.Uid, os.Geteuid())
	}
	if st.Mode().Perm()&0o077 != 0 {
		return os.Chmod(folder, 0o700)
	}
	return nil
}
