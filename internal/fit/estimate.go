package fit

// Of a model of which nothing but its size on disk is known, a cache for a useful context
// (some thousand positions) is taken to need an eighth of that, and at least so many bytes:
// Llama 3.1 8B in Q4_K_M needs 0.5 GiB for 4,096 positions in 16 bits, an eighth is 0.6.
const (
	cacheShare = 8
	leastCache = 256 << 20
)

// Estimate returns the bytes of memory that a model of a size on disk will take, as far as
// that alone tells: weights about as large, and a cache.
func Estimate(size int64) int64 {
	return size + max(size/cacheShare, leastCache)
}

// FitsSize reports whether a model of a size on disk fits into the room that MemoryLimit
// gives. Where the room is not known it does, as far as anybody can tell.
func FitsSize(size, room int64) bool {
	return room == 0 || Estimate(size) <= room
}
