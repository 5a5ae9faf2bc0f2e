//go:build unix

package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ownFolder returns the folder of this user beside files of everybody's.
func ownFolder(beside string) string {
	return filepath.Join(beside, "blitz-"+strconv.Itoa(os.Getuid()))
}

// checkOwn says whether a folder is this user's and nobody else can enter it.
func checkOwn(folder string) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("socket: %s: is not a folder of this user alone, want its mode 0700", folder)
	}
	return nil
}

// lock holds a file against other programs that do the same.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("socket: %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
