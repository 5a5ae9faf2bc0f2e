// Package selftest checks the arithmetic of this machine: every operation on
// every implementation against reference vectors (../../docs/CANON.md), and one
// digest over all of it.
package selftest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// Difference is an output that is not what the vector says.
type Difference struct {
	Impl   string
	Vector string // operation.case.output
	Index  int
	Got    string
	Want   string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("selftest: %s: %s: element %d is %s, want %s", d.Impl, d.Vector, d.Index, d.Got, d.Want)
}

// values is one case of a vector file: its inputs, or the outputs made from them.
type values map[string]golden.Array

// Vectors are the reference vectors of a file: cases by operation.case.
type Vectors struct {
	cases map[string]values
	names []string // of the cases, in order
}

// LoadVectors reads a file of reference vectors, an .npz whose arrays are named
// operation.case.name. The errors are those of package golden, and of the disk.
func LoadVectors(path string) (*Vectors, error) {
	arrays, err := golden.LoadNPZ(path)
	if err != nil {
		return nil, fmt.Errorf("selftest: %w", err)
	}
	v := &Vectors{cases: map[string]values{}}
	for key, a := range arrays {
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 || !strings.Contains(key[:dot], ".") {
			return nil, fmt.Errorf("selftest: %s: array %q, want operation.case.name: %w", path, key, golden.ErrFormat)
		}
		if v.cases[key[:dot]] == nil {
			v.cases[key[:dot]] = values{}
		}
		v.cases[key[:dot]][key[dot+1:]] = a
	}
	v.names = slices.Sorted(maps.Keys(v.cases))
	return v, nil
}

// Check computes every case with the implementation in use and returns how many
// outputs it compared. The errors are a *Difference for the first wrong element of
// each output that differs, or name a case that cannot be computed.
func (v *Vectors) Check() (compared int, errs []error) {
	for _, name := range v.names {
		n, err := checkCase(name, v.cases[name])
		compared += n
		errs = append(errs, err...)
	}
	return compared, errs
}

func checkCase(name string, in values) (compared int, errs []error) {
	op, ok := operations[name[:strings.IndexByte(name, '.')]]
	if !ok {
		return 0, []error{fmt.Errorf("selftest: no operation for the vector %s", name)}
	}
	c := &caseReader{name: name, in: in}
	out := runCase(op, c)
	if c.err != nil {
		return 0, []error{c.err}
	}
	for _, o := range out {
		want, ok := in[o.name]
		if !ok {
			errs = append(errs, fmt.Errorf("selftest: vector %s has no output %s", name, o.name))
			continue
		}
		compared++
		if d := o.compare(want); d != nil {
			d.Vector = name + "." + o.name
			d.Impl = kernel.Current().String()
			errs = append(errs, d)
		}
	}
	return compared, errs
}

// runCase runs one operation; shapes in a file that contradict each other end as
// the case's error.
func runCase(op func(*caseReader) []output, c *caseReader) (out []output) {
	defer func() {
		if r := recover(); r != nil {
			c.fail("does not fit together: %v", r)
		}
	}()
	return op(c)
}

// output is a computed array.
type output struct {
	name string
	data any // []float32, []float64, []int32 or []int8
}

// compare returns the first element in which o is not what a holds.
func (o output) compare(a golden.Array) *Difference {
	switch got := o.data.(type) {
	case []float32:
		want, err := a.Float32s()
		return firstDifference(got, want, err, func(a, b float32) bool {
			return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
		})
	case []float64:
		want, err := a.Float64s()
		return firstDifference(got, want, err, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	case []int32:
		want, err := a.Int32s()
		return firstDifference(got, want, err, func(a, b int32) bool { return a == b })
	case []int8:
		want, err := a.Int8s()
		return firstDifference(got, want, err, func(a, b int8) bool { return a == b })
	}
	panic("selftest: output of an unknown type")
}

func firstDifference[E any](got, want []E, err error, same func(a, b E) bool) *Difference {
	if err != nil {
		return &Difference{Index: -1, Got: fmt.Sprintf("%T", got), Want: err.Error()}
	}
	for i := range min(len(got), len(want)) {
		if !same(got[i], want[i]) {
			return &Difference{Index: i, Got: fmt.Sprint(got[i]), Want: fmt.Sprint(want[i])}
		}
	}
	if len(got) != len(want) {
		return &Difference{Index: min(len(got), len(want)), Got: fmt.Sprintf("%d elements", len(got)), Want: fmt.Sprint(len(want))}
	}
	return nil
}

// caseReader hands out the inputs of a case and keeps the first error.
type caseReader struct {
	name string
	in   values
	err  error
}

func (c *caseReader) fail(format string, a ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("selftest: vector %s "+format, append([]any{c.name}, a...)...)
	}
}

func (c *caseReader) has(name string) bool { _, ok := c.in[name]; return ok }

// f32 returns an array of float32; one of int8 holds twice the values.
func (c *caseReader) f32(name string) []float32 {
	a, ok := c.in[name]
	if !ok {
		c.fail("has no input %s", name)
		return nil
	}
	if a.DType == "i1" {
		v, err := a.Int8s()
		if err != nil {
			c.fail("input %s: %w", name, err)
		}
		out := make([]float32, len(v))
		for i, x := range v {
			out[i] = float32(x) / 2
		}
		return out
	}
	v, err := a.Float32s()
	if err != nil {
		c.fail("input %s: %w", name, err)
	}
	return slices.Clone(v)
}

func (c *caseReader) f64(name string) []float64 {
	v, err := c.in[name].Float64s()
	if err != nil {
		c.fail("input %s: %w", name, err)
	}
	return v
}

func (c *caseReader) i8(name string) []int8 {
	v, err := c.in[name].Int8s()
	if err != nil {
		c.fail("input %s: %w", name, err)
	}
	return v
}

func (c *caseReader) i32(name string) []int32 {
	v, err := c.in[name].Int32s()
	if err != nil {
		c.fail("input %s: %w", name, err)
	}
	return v
}

// num and scalar return the single element of an array.
func (c *caseReader) num(name string) int {
	if v := c.i32(name); len(v) == 1 {
		return int(v[0])
	}
	c.fail("input %s: want one integer", name)
	return 0
}

func (c *caseReader) scalar(name string) float32 {
	if v := c.f32(name); len(v) == 1 {
		return v[0]
	}
	c.fail("input %s: want one number", name)
	return 0
}

// dims returns the shape of an input that must have n axes.
func (c *caseReader) dims(name string, n int) []int {
	shape := c.in[name].Shape
	if len(shape) != n {
		c.fail("input %s has shape %v, want %d axes", name, shape, n)
		return make([]int, n)
	}
	return shape
}
