package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// A search of a problem of three numbers takes two of them, in the order in which they stand,
// combines them, and looks at all that comes of the result and the third:
//
//	3 6 7 = 45
//	6+3=9 7 45:+16-2*63
//	6-3=3 7 45:+10-4*21
//	6*3=18 7 45:+25-11*126
//	…
//	7*6=42 3 45:+45</think><answer>(7*6)+3</answer>
//
// Number and target stand again in each line, so that a small model has them at hand. A line that
// does not come to the target is a dead end. All steps are whole and positive, and
// at most mostStep.

// The bounds of problems: those of task.Generate.
const (
	topNumber   = 12
	leastTarget = 10
	mostTarget  = 100
	mostStep    = 144
)

// operations are the signs, in the order in which a search tries them.
const operations = "+-*/"

// combine returns what an operation makes of two numbers, the larger first; false: no whole
// positive number up to mostStep, or one that a division by 1 leaves as it is.
func combine(op byte, a, b int) (int, bool) {
	a, b = max(a, b), min(a, b)
	switch op {
	case '+':
		return a + b, a+b <= mostStep
	case '-':
		return a - b, a > b
	case '*':
		return a * b, a*b <= mostStep
	}
	if b < 2 || a%b != 0 {
		return 0, false
	}
	return a / b, true
}

// formula writes an operation on two parts with their values, the larger first.
func formula(op byte, a, b int, left, right string) string {
	if a < b {
		left, right = right, left
	}
	return left + string(op) + right
}

// pairs are which two of three numbers are combined first, and which is left.
var pairs = [3][3]int{{0, 1, 2}, {0, 2, 1}, {1, 2, 0}}

// branch is a way from three numbers to one: two are combined, then the third.
type branch struct {
	pair          [3]int
	first, second byte
	between, end  int
}

// eachBranch calls f with all branches, in the order of a search, until it returns false.
func eachBranch(n [3]int, f func(b branch) bool) {
	for _, p := range pairs {
		for _, first := range []byte(operations) {
			between, ok := combine(first, n[p[0]], n[p[1]])
			if !ok {
				continue
			}
			for _, second := range []byte(operations) {
				if end, ok := combine(second, between, n[p[2]]); ok && !f(branch{p, first, second, between, end}) {
					return
				}
			}
		}
	}
}

// expression writes a branch.
func (b *branch) expression(n [3]int) string {
	x, y, z := n[b.pair[0]], n[b.pair[1]], n[b.pair[2]]
	inner := "(" + formula(b.first, x, y, strconv.Itoa(x), strconv.Itoa(y)) + ")"
	return formula(b.second, b.between, z, inner, strconv.Itoa(z))
}

// search writes a search for the target, and returns the branch that comes to it; false: none
// does.
func search(n [3]int, target int) (text string, hit branch, found bool) {
	var t strings.Builder
	var pair [3]int
	first := byte(0)
	eachBranch(n, func(b branch) bool {
		if b.first != first || b.pair != pair {
			if first != 0 {
				t.WriteByte('\n')
			}
			pair, first = b.pair, b.first
			x, y := n[pair[0]], n[pair[1]]
			fmt.Fprintf(&t, "%s=%d %d %d:", formula(first, x, y, strconv.Itoa(x), strconv.Itoa(y)), b.between, n[pair[2]], target)
		}
		fmt.Fprintf(&t, "%c%d", b.second, b.end)
		hit, found = b, b.end == target
		return !found
	})
	return t.String(), hit, found
}

// answer writes an answer behind reasoning.
func answer(expression string) string { return "</think><answer>" + expression + "</answer>" }
