//go:build !unix

package tensor

import "unsafe"

// Without mmap the memory is the heap's, moved up to a multiple of 64.
func mapMemory(n int) ([]byte, error) {
	b := make([]byte, n+63)
	at := -int(uintptr(unsafe.Pointer(&b[0]))) & 63
	return b[at : at+n : at+n], nil
}

func unmapMemory([]byte) {}
