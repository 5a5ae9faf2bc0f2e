//go:build !amd64 || purego

package machine

// readers returns the routines that read.
func readers() []reader { return []reader{portableReader} }
