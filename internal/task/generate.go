package task

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A generator makes problems of one kind.
type generator struct {
	kind        string
	least, most int // sizes that there are
	size        int // the usual one
	what        string
	generate    func(s *source, size int) Problem
}

// generators are the kinds of problems that are made.
var generators = []generator{
	{"countdown", 2, 6, 3, "numbers, of 1 to 12, held out of training", generateCountdown},
	{"arithmetic", 2, 8, 3, "numbers, of 1 to 20", generateArithmetic},
	{"sort", 2, 64, 7, "numbers, of 0 to 99", generateSort},
	{"parity", 1, 256, 12, "bits", generateParity},
	{"sudoku", 1, 12, 8, "empty cells of 4×4", generateSudoku},
}

// Generated are the kinds of problems that Generate makes.
var Generated = func() (kinds []string) {
	for _, g := range generators {
		kinds = append(kinds, g.kind)
	}
	return kinds
}()

// Generate makes problem i of a kind. It depends on nothing but what is given. A size of 0
// is the usual one.
func Generate(kind string, size int, seed uint64, i int) (Problem, error) {
	return generate(kind, size, func(size int) *source { return newSource(kind, size, seed, i) })
}

// Practise is Generate of problems to learn from: none is held out.
func Practise(kind string, size int, seed uint64, i int) (Problem, error) {
	return generate(kind, size, func(size int) *source {
		s := newSource("practise "+kind, size, seed, i)
		s.practice = true
		return s
	})
}

func generate(kind string, size int, draws func(size int) *source) (Problem, error) {
	at := slices.IndexFunc(generators, func(g generator) bool { return g.kind == kind })
	if at < 0 {
		return nil, fmt.Errorf("task %q, want one of %v", kind, Generated)
	}
	g := generators[at]
	if size == 0 {
		size = g.size
	}
	if size < g.least || size > g.most {
		return nil, fmt.Errorf("%s of size %d, want %d to %d %s", kind, size, g.least, g.most, g.what)
	}
	return g.generate(draws(size), size), nil
}

// Size returns the size of a kind's problems where 0 is asked for.
func Size(kind string, size int) int {
	for _, g := range generators {
		if g.kind == kind && size == 0 {
			return g.size
		}
	}
	return size
}

// source draws numbers: ChaCha8 of a digest of what is drawn for.
type source struct {
	*rand.ChaCha8
	practice bool // what is held out is not to come of it; else nothing else is, where there is such
}

func newSource(kind string, size int, seed uint64, i int) *source {
	key := append([]byte(kind), 0)
	for _, v := range []uint64{uint64(size), seed, uint64(i)} {
		key = binary.LittleEndian.AppendUint64(key, v)
	}
	return &source{ChaCha8: rand.NewChaCha8(sha256.Sum256(key))}
}

// below returns a number from 0 to n-1. n is far below 2^64, so that none is likelier.
func (s *source) below(n int) int { return int(s.Uint64() % uint64(n)) }

// between returns a number from a to b.
func (s *source) between(a, b int) int64 { return int64(a + s.below(b-a+1)) }

// shuffle puts a list into another order.
func shuffle[T any](s *source, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := s.below(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

// Bounds of a Countdown that is made.
const (
	countdownTop          = 12
	targetLeast           = 10
	targetMost            = 100
	countdownIntermediate = 144
)

// generateCountdown makes numbers whose target is reached by whole positive steps.
func generateCountdown(s *source, size int) Problem {
	for {
		numbers := make([]int64, size)
		for i := range numbers {
			numbers[i] = s.between(1, countdownTop)
		}
		if HeldOut(numbers) == s.practice {
			continue
		}
		if target, ok := reach(s, numbers); ok && target >= targetLeast && target <= targetMost {
			return &Countdown{numbers, new(big.Rat).SetInt64(target)}
		}
	}
}

// reach combines numbers two by two at random, and returns what is left.
func reach(s *source, numbers []int64) (int64, bool) {
	left := slices.Clone(numbers)
	for len(left) > 1 {
		shuffle(s, left)
		a, b := max(left[0], left[1]), min(left[0], left[1])
		var results []int64
		for _, v := range []int64{a + b, a * b} {
			if v <= countdownIntermediate {
				results = append(results, v)
			}
		}
		if a > b {
			results = append(results, a-b)
		}
		if b > 1 && a%b == 0 {
			results = append(results, a/b)
		}
		if len(results) == 0 {
			return 0, false
		}
		left = append(left[2:], results[s.below(len(results))])
	}
	return left[0], true
}

const arithmeticTop = 20

// generateArithmetic makes an expression that divides by nothing that is 0.
func generateArithmetic(s *source, size int) Problem {
	for {
		if a, err := NewArithmetic(s.expression(size)); err == nil {
			return a
		}
	}
}

// expression returns an expression of n numbers, a part of it in parentheses.
func (s *source) expression(n int) string {
	if n == 1 {
		return strconv.FormatInt(s.between(1, arithmeticTop), 10)
	}
	left := 1 + s.below(n-1)
	side := func(n int) string {
		text := s.expression(n)
		if n > 1 && s.below(2) == 0 {
			return "(" + text + ")"
		}
		return text
	}
	a := side(left)
	op := string("+-*/"[s.below(4)])
	return a + op + side(n-left)
}

const sortTop = 99

func generateSort(s *source, size int) Problem {
	numbers := make([]int64, size)
	for i := range numbers {
		numbers[i] = s.between(0, sortTop)
	}
	return &Sort{numbers}
}

func generateParity(s *source, size int) Problem {
	var bits strings.Builder
	for range size {
		bits.WriteByte(byte('0' + s.below(2)))
	}
	return &Parity{bits.String()}
}
