package weights

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
)

// ErrNotFinite is a NaN or an infinity among stored weights, or in their scales: no
// model means them, and products, routers and indexers would pass them on in silence.
var ErrNotFinite = errors.New("a NaN or an infinity")

// Check looks at what Pack reads for row blocks b0 … b1-1 of m and returns an error
// that wraps ErrNotFinite and names the first stored row and column of one. What is
// stored turned is looked at as a whole with the first row block.
func Check(m *kernel.Matrix, src Source, b0, b1 int) error {
	first, end, cols := b0*kernel.RowBlock, min(b1*kernel.RowBlock, m.Rows), m.Cols
	if src.Turned {
		if b0 > 0 {
			return nil
		}
		first, end, cols = 0, m.Cols, m.Rows
	}
	size := src.Type.RowBytes(cols)
	if i := quant.NotFinite(src.Type, src.Data[first*size:end*size]); i >= 0 {
		return fmt.Errorf("row %d, column %d: %w", first+i/cols, i%cols, ErrNotFinite)
	}
	return nil
}
