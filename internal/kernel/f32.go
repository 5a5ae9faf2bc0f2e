package kernel

import "github.com/blitz-r1/blitz/internal/tensor"

// F32 holds T vectors of K float32 in the order in which float products read
// them: tiles of sixteen vectors, in a tile the elements in ascending order, for each
// the vectors side by side.
type F32 struct {
	T, K int
	x    []float32 // of a tile [K][n]
}

// Reset makes room for T vectors of K elements.
func (a *F32) Reset(T, K int) {
	a.T, a.K = T, K
	a.x = tensor.Resize(a.x, paddedVectors(T)*K)
}

// Place is Reset in memory of F32Len(T, K) numbers.
func (a *F32) Place(T, K int, memory []float32) { a.T, a.K, a.x = T, K, memory }

// Room returns how many numbers there is memory for.
func (a *F32) Room() int { return cap(a.x) }

// F32Len returns how many numbers T vectors of K elements take.
func F32Len(T, K int) int { return paddedVectors(T) * K }

// Part returns vectors from … to-1; from is a multiple of Tile, and so is to, or it is T.
func (a *F32) Part(from, to int) F32 {
	return F32{T: to - from, K: a.K, x: a.x[from*a.K:]}
}

// Tiles returns how many tiles the vectors are.
func (a *F32) Tiles() int { return tiles(a.T) }

// Set sets vector t to x [K].
func (a *F32) Set(t int, x []float32) {
	_, n, first := tileAt(a.T, t/Tile)
	dst := a.x[first*a.K+t-first:]
	if n == 1 {
		copy(dst[:a.K], x)
		return
	}
	for k, v := range x[:a.K] {
		dst[k*n] = v
	}
}

// Copy sets vector t to vector from of src, which has as many elements.
func (a *F32) Copy(t int, src *F32, from int) {
	_, n, first := tileAt(a.T, t/Tile)
	_, srcN, srcFirst := tileAt(src.T, from/Tile)
	dst, row := a.x[first*a.K+t-first:], src.x[srcFirst*a.K+from-srcFirst:]
	for k := range a.K {
		dst[k*n] = row[k*srcN]
	}
}

// SetElements sets elements k … k+n-1 of all vectors: element k+i of vector t to x[i*ld+t].
func (a *F32) SetElements(k int, x []float32, ld, n int) {
	tile := 0
	for ; (tile+1)*Tile <= a.T; tile++ { // all of a tile: its memory is one run
		copyLines(a.x[(tile*a.K+k)*Tile:], x[tile*Tile:], ld, n)
	}
	if tile*Tile < a.T {
		count, width, first := tileAt(a.T, tile)
		for i := range n {
			copy(a.x[first*a.K+(k+i)*width:][:count], x[i*ld+first:])
		}
	}
}

// SetTile sets the vectors of tile i: vector t to x[t*ld:][:K].
func (a *F32) SetTile(i int, x []float32, ld int, s *BackScratch) {
	count, _, first := tileAt(a.T, i)
	if count < Tile {
		for t := first; t < a.T; t++ {
			a.Set(t, x[t*ld:])
		}
		return
	}
	for t := range s.rows.rows {
		s.rows.rows[t] = ptr(x[(first+t)*ld:][:a.K])
	}
	s.rows.turnRows(BytesOf(a.x[first*a.K:][:Tile*a.K]), 0, a.K)
}
