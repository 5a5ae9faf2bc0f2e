package tensor

import (
	"fmt"
	"math"
	"strings"
)

// Tensor is a view of memory: row-major, the last axis fastest. It does not own
// Data; what is mapped stays mapped for as long as the file that it came from is
// open.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// Elements returns the product of the shape, and false where it overflows or a
// dimension is negative.
func Elements(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt/d) {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// Rows returns the product of all axes but the last.
func (t *Tensor) Rows() int {
	n := 1
	for _, d := range t.Shape[:max(0, len(t.Shape)-1)] {
		n *= d
	}
	return n
}

// Cols returns the last axis, 1 for a scalar.
func (t *Tensor) Cols() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// Describe returns type and shape as messages print them: Q4_K [2048 576].
func (t *Tensor) Describe() string {
	return fmt.Sprintf("%s %s", t.DType, ShapeString(t.Shape))
}

// ShapeString formats a shape as [2048 576].
func ShapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = fmt.Sprint(d)
	}
	return "[" + strings.Join(parts, " ") + "]"
}
