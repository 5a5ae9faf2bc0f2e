//go:build unix

package hub

import (
	"os"
	"syscall"
)

// hasOtherNames reports whether a file has a further hard link.
func hasOtherNames(path string) bool {
	st, err := os.Lstat(path)
	if err != nil {
		return false
	}
	about, ok := st.Sys().(*syscall.Stat_t)
	return ok && about.Nlink > 1
}
