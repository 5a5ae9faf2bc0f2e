package pdf

import "math"

// The types of objects. Numbers are int or float64, true and false bool, null is nil.
type (
	name    string
	str     string // bytes
	array   []any
	dict    map[name]any
	keyword string // an operator, or a word of the file's structure
)

// ref stands for an object that lies elsewhere in the file.
type ref struct{ number, generation int }

// stream is a dictionary with bytes behind it, as they lie in the file.
type stream struct {
	dict dict
	raw  []byte
}

// whole returns a number that is whole, as far as it is one of 32 bits.
func whole(o any) (int, bool) {
	switch n := o.(type) {
	case int:
		return n, n >= math.MinInt32 && n <= math.MaxInt32
	case float64:
		if n >= math.MinInt32 && n <= math.MaxInt32 && n == float64(int(n)) {
			return int(n), true
		}
	}
	return 0, false
}

// number returns a number, 0 for what is none.
func number(o any) float64 {
	switch n := o.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}
