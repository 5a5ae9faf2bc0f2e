//go:build amd64 && !purego

package kernel

import "encoding/binary"

// vendor returns the name of the processor's maker, four letters a word (CPUID leaf 0).
func vendor() (b, d, c uint32)

// fetchFar says whether products with one vector ask memory for lines of the second
// cache in place of the first. AMD's Zen 4 is faster so, for its first cache has few
// places for lines on their way; Intel's processors lose on models that their last
// cache holds. No bit depends on it.
var fetchFar = vendorName() == "AuthenticAMD"

func vendorName() string {
	b, d, c := vendor()
	var name [12]byte
	binary.LittleEndian.PutUint32(name[:], b)
	binary.LittleEndian.PutUint32(name[4:], d)
	binary.LittleEndian.PutUint32(name[8:], c)
	return string(name[:])
}
