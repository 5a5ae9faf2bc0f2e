//go:build !unix

package golden

import "time"

// CPUTime returns 0: this system is not asked, so a bound of it holds always.
func CPUTime() time.Duration { return 0 }
