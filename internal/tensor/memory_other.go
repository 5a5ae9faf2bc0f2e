//go:build !unix

package tensor

// Without mmap the memory is the heap's.
func mapMemory(n int) ([]byte, error) { return Aligned(n), nil }

func unmapMemory([]byte) {}
