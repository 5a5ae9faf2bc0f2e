package hub

import (
	"os"

	"golang.org/x/sys/unix"
)

// reflink makes path a file that shares the bytes of src until one of them is
// written to. Few file systems can (Btrfs, XFS, bcachefs), and only within one.
func reflink(path string, src *os.File) error {
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
