package kernel

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// What is multiplied at a time on AMX. The integers of a chunk of a tile of vectors and the
// sums share the first cache, where those of the row blocks stream through; all row blocks
// and accumulators have the second.
const (
	amxChunk   = 48  // groups
	amxBlocks  = 8   // row blocks
	amxVectors = 512 // at most
	amxLeast   = 48  // fewer vectors are multiplied as on AVX-512, which is faster for some types
)

// Scratch is the memory that one thread's products need. The zero value is
// ready.
type Scratch struct {
	arena     []byte // tiles of one row block or several
	tmp       [Tile * RowBlock]float32
	values    [2 * RowBlock]byte // a table of integers as the routines want it, and how far its second one is above it
	args      productArgs
	unpacking unpackArgs
	amx       amxScratch
	hold      hold
}

// tileMemory returns n bytes that start at a multiple of 64.
func (s *Scratch) tileMemory(n int) []byte {
	if len(s.arena) < n {
		s.arena = tensor.Aligned(n)
	}
	return s.arena[:n]
}

// Together returns how many row blocks a call of Product should have at least: with many
// vectors they share what is read of those.
func Together(T int) int {
	if impl == AMX && T >= amxLeast {
		return amxBlocks
	}
	return 1
}

// Product multiplies row blocks b0 … b1-1 of m with the vectors of x.
//
//	y [T, ldy]: element r of vector t is written at t*ldy + r, for rows r of the
//	blocks that exist; x [T, Cols]
//
// m is quantised (CANON section 3). The call touches nothing else of y, so blocks
// can be shared out among threads, each with a scratch of its own.
func Product(y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	if b1 <= b0 || x.T == 0 {
		return
	}
	checkOutput(y, ldy, x.T, m, b1)
	checkWidth(x.groups*Group, m)
	if impl == Portable {
		productGeneric(y, ldy, x, m, b0, b1)
		return
	}
	productAsm(y, ldy, x, m, b0, b1, s)
}

// FloatProduct is Product for float weights (CANON section 4).
func FloatProduct(y []float32, ldy int, x *F32, m *Matrix, b0, b1 int, s *Scratch) {
	floatProduct(y, ldy, x, m, b0, b1, 0, s)
}

// AddFloatProduct adds what FloatProduct writes: y = y + m x, one addition.
func AddFloatProduct(y []float32, ldy int, x *F32, m *Matrix, b0, b1 int, s *Scratch) {
	floatProduct(y, ldy, x, m, b0, b1, 1, s)
}

// floatProduct writes, or where add is 1 adds to what there is.
func floatProduct(y []float32, ldy int, x *F32, m *Matrix, b0, b1, add int, s *Scratch) {
	if b1 <= b0 || x.T == 0 {
		return
	}
	checkOutput(y, ldy, x.T, m, b1)
	checkWidth(x.K, m)
	if impl == Portable {
		floatProductGeneric(y, ldy, x, m, b0, b1, add)
		return
	}
	floatProductAsm(y, ldy, x, m, b0, b1, add, s)
}

// checkOutput panics where a product would write behind y, which assembly would
// not notice.
func checkOutput(y []float32, ldy, T int, m *Matrix, b1 int) {
	last := min(b1*RowBlock, m.Rows)
	if b1 > m.Blocks() || last > ldy || (T-1)*ldy+last > len(y) {
		panic(fmt.Sprintf("kernel: product of %d vectors and %d of %d row blocks into %d numbers, %d a vector", T, b1, m.Blocks(), len(y), ldy))
	}
}

// checkWidth panics where vectors of K elements do not fit a matrix.
func checkWidth(K int, m *Matrix) {
	if K != m.Cols {
		panic(fmt.Sprintf("kernel: product of vectors of %d and a matrix [%d %d]", K, m.Rows, m.Cols))
	}
}
