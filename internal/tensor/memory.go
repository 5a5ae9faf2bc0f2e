package tensor

import (
	"errors"
	"fmt"
	"unsafe"
)

// alignment is what memory for the products starts at a multiple of: the widest
// register, and a line of a processor's cache.
const alignment = 64

// ErrNoMemory says that the system gives no more memory.
var ErrNoMemory = errors.New("no memory")

// Memory is zeroed memory outside the garbage collector's heap, for weights and
// caches: it starts at a page, so at a multiple of 64 bytes, is not scanned, and
// goes back to the system when it is freed.
type Memory struct{ bytes []byte }

// Allocate returns n bytes. The error wraps ErrNoMemory.
func Allocate(n int) (Memory, error) {
	if n == 0 {
		return Memory{}, nil
	}
	b, err := mapMemory(n)
	if err != nil {
		return Memory{}, fmt.Errorf("tensor: %d bytes: %w: %v", n, ErrNoMemory, err)
	}
	return Memory{b}, nil
}

// Bytes returns the memory.
func (m Memory) Bytes() []byte { return m.bytes }

// Free gives the memory back; nothing may use it afterwards.
func (m *Memory) Free() {
	if m.bytes != nil {
		unmapMemory(m.bytes)
		m.bytes = nil
	}
}

// Aligned returns n zero bytes of the heap that start at a multiple of 64.
func Aligned(n int) []byte {
	b := make([]byte, n+alignment)
	at := -int(uintptr(unsafe.Pointer(&b[0]))) & (alignment - 1)
	return b[at : at+n : at+n]
}

// Resize returns a slice of n elements, s itself where it has the room. What is in it
// may be anything.
func Resize[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	return s[:n]
}
