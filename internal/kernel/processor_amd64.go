//go:build amd64 && !purego

package kernel

import "encoding/binary"

// cpuid asks the processor what it is, by the numbers of Intel's manual (volume 2, CPUID).
func cpuid(leaf uint32) (a, b, c, d uint32)

// processor returns the maker's name and the numbers of the family and model of the
// processor, as both makers count them: with the extended ones added.
func processor() (vendor string, family, model int) {
	_, b, c, d := cpuid(0)
	var name [12]byte
	binary.LittleEndian.PutUint32(name[:], b)
	binary.LittleEndian.PutUint32(name[4:], d)
	binary.LittleEndian.PutUint32(name[8:], c)
	a, _, _, _ := cpuid(1)
	family, model = signature(a)
	return string(name[:]), family, model
}

// signature parts what CPUID leaf 1 returns in EAX.
func signature(a uint32) (family, model int) {
	family, model = int(a>>8&15), int(a>>4&15)
	if family == 6 || family == 15 {
		model |= int(a >> 16 & 15 << 4)
	}
	if family == 15 {
		family += int(a >> 20 & 255)
	}
	return family, model
}
