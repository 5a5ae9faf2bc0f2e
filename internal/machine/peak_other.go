//go:build !amd64 || purego

package machine

import "github.com/blitz-r1/blitz/internal/kernel"

// peakOf returns the loops with the instructions of an implementation.
func peakOf(impl kernel.Impl) (peak, bool) { return portablePeak, impl == kernel.Portable }
