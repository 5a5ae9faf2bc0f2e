//go:build !amd64 || purego

package kernel

func hasImpl(i Impl) bool { return i == Portable }

// Refused returns why an implementation is not used that the processor has, nil where
// there is none.
func Refused() error { return nil }
