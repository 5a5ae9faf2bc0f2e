//go:build !amd64 && !arm64

package machine

// features: no kernel is written for the instruction sets of this architecture.
func features([]string) []string { return []string{} }
