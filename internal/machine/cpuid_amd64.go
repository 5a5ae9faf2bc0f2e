//go:build amd64 && !purego

package machine

import "encoding/binary"

// cpuid asks the processor what it is. Intel's manual, volume 2, CPUID.
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv0 tells for which registers the system saves the state. Only a processor
// with OSXSAVE has the instruction.
func xgetbv0() (eax, edx uint32)

// beyond tells of what x/sys does not: the AVX-512 instructions for half
// precision, and that the system saves the state of AMX' tiles. The flags that
// Linux lists are not needed.
func beyond([]string) (fp16, tiles bool) {
	const (
		osxsave   = 1 << 27 // leaf 1, ecx
		halves    = 1 << 23 // leaf 7, edx
		tileState = 1<<17 | 1<<18
	)
	most, _, _, _ := cpuid(0, 0)
	if most < 7 {
		return false, false
	}
	_, _, _, edx := cpuid(7, 0)
	if _, _, ecx, _ := cpuid(1, 0); ecx&osxsave != 0 {
		eax, _ := xgetbv0()
		tiles = eax&tileState == tileState
	}
	return edx&halves != 0, tiles
}

// brand returns the processor's own name.
func brand() string {
	const first, last = 0x80000002, 0x80000004
	if most, _, _, _ := cpuid(0x80000000, 0); most < last {
		return ""
	}
	var b []byte
	for leaf := uint32(first); leaf <= last; leaf++ {
		eax, ebx, ecx, edx := cpuid(leaf, 0)
		for _, v := range []uint32{eax, ebx, ecx, edx} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	return tidy(string(b))
}
