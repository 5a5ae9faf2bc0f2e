//go:build unix

package checkpoint

import (
	"os"

	"golang.org/x/sys/unix"
)

// identity returns what tells an open file; false where the system does not say.
func identity(f *os.File) (fileKey, bool) {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return fileKey{}, false
	}
	return keyOf(&st), true
}

// identityAt is identity of the file at a path.
func identityAt(path string) (fileKey, bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return fileKey{}, false
	}
	return keyOf(&st), true
}

func keyOf(st *unix.Stat_t) fileKey {
	return fileKey{
		device: uint64(st.Dev), inode: uint64(st.Ino), size: st.Size,
		mtime: unix.TimespecToNsec(st.Mtim), ctime: unix.TimespecToNsec(st.Ctim),
	}
}
