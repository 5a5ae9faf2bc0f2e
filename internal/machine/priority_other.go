//go:build !linux

package machine

// LowPriority does nothing: this system's priorities are those of whole processes.
func LowPriority() {}
