//go:build amd64 && !purego

package kernel

import (
	"fmt"
	"sync"

	"golang.org/x/sys/cpu"
)

func hasImpl(i Impl) bool {
	x := &cpu.X86
	avx2 := x.HasAVX2 && x.HasFMA && x.HasF16C
	avx512 := avx2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512VNNI
	switch i {
	case AVX2:
		return avx2
	case AVX512:
		return avx512
	case AMX:
		return avx512 && hasTiles && tilesError() == nil
	}
	return i == Portable
}

// hasTiles says that the processor has the tiles of AMX.
var hasTiles = cpu.X86.HasAMXTile && cpu.X86.HasAMXInt8

// tilesError asks the system for the tiles, once, and returns why it refuses.
var tilesError = sync.OnceValue(askForTiles)

// Refused returns why an implementation is not used that the processor has, nil where
// there is none.
func Refused() error {
	if !hasTiles {
		return nil
	}
	if err := tilesError(); err != nil {
		return fmt.Errorf("%s: %w", AMX, err)
	}
	return nil
}
