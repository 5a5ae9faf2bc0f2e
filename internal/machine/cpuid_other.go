//go:build !amd64 || purego

package machine

// brand is unknown where the processor cannot be asked.
func brand() string { return "" }
