package machine

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// parseLogicalProcessors counts the cores and caches in Windows' records
// SYSTEM_LOGICAL_PROCESSOR_INFORMATION of a 64-bit system: 32 bytes each, little
// endian: processor mask (8 bytes), relationship (4), 4 bytes of padding, and for
// a cache its level (1), associativity (1), line (2), size (4) and type (4).
func parseLogicalProcessors(records []byte) (cores int, caches []Cache) {
	const (
		size          = 32
		relationCore  = 0
		relationCache = 2
	)
	kinds := []string{"unified", "instruction", "data"}
	for ; len(records) >= size; records = records[size:] {
		switch binary.LittleEndian.Uint32(records[8:]) {
		case relationCore:
			cores++
		case relationCache:
			kind := binary.LittleEndian.Uint32(records[24:])
			c := Cache{Level: int(records[16]), Bytes: int64(binary.LittleEndian.Uint32(records[20:])), Count: 1}
			if kind < uint32(len(kinds)) && c.Level > 0 && c.Bytes > 0 {
				c.Kind = kinds[kind]
				caches = addCache(caches, c)
			}
		}
	}
	slices.SortStableFunc(caches, func(a, b Cache) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Bytes, a.Bytes))
	})
	return cores, caches
}
