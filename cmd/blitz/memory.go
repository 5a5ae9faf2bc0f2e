package main

import (
	"github.com/blitz-r1/blitz/internal/machine"
)

// memoryReserve is what is left to the system of the memory that is free: a
// sixteenth, and at least so many bytes.
const memoryReserve = 64 << 20

// memoryLimit returns how many bytes weights or caches may take: what is available at
// this moment less a reserve, 0 for any where the system does not say.
func memoryLimit() int64 {
	free, ok := machine.AvailableMemory()
	if !ok {
		return 0
	}
	return max(1, free-max(free/16, memoryReserve))
}
