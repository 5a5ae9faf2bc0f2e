//go:build !linux && !darwin && !freebsd && !windows

package machine

import "errors"

func freeDisk(string) (int64, error) {
	return 0, errors.ErrUnsupported
}
