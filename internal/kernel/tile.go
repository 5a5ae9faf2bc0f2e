package kernel

// Vectors that are multiplied stand in tiles, those of a tile side by side.
// A last tile of fewer vectors is as wide as the next of 1, 4, 8, 12, 16; what stands
// in the places without a vector is never used.

// Tile is the number of vectors that a routine multiplies a row block with at once.
// Threads that set vectors had better take whole tiles: those of one share cache lines.
const Tile = 16

// tileAt returns how many of T vectors tile i has, its width, and the index of its
// first vector, by which all its arrays start.
func tileAt(T, i int) (count, width, first int) {
	first = i * Tile
	count = min(Tile, T-first)
	return count, tileWidth(count), first
}

// tiles returns the number of tiles of T vectors.
func tiles(T int) int { return (T + Tile - 1) / Tile }

// paddedVectors returns how many vectors T of them take, with the places without one.
func paddedVectors(T int) int { return (T-1)/Tile*Tile + tileWidth((T-1)%Tile+1) }

// tileWidth returns the width of a tile of n vectors.
func tileWidth(n int) int {
	if n <= 1 {
		return n
	}
	return (n + 3) &^ 3
}
