//go:build linux || darwin || freebsd

package machine

import (
	"math"

	"golang.org/x/sys/unix"
)

func freeDisk(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	// A quota can leave less than nothing, as FreeBSD says it.
	blocks, size := max(0, int64(st.Bavail)), max(1, int64(st.Bsize))
	if blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return blocks * size, nil
}
