package recipe

import (
	"fmt"
	"strconv"
	"strings"
)

// A search of a problem of three numbers takes two of them, in the order in which they stand,
// combines them, and looks at all that comes of the result and the third:
//
//	3 6 7 = 45
//	<think>6+3=9 7 45:+16-2*63 no
//	6-3=3 7 45:+10-4*21 не
//	6*3=18 7 45:+25-11*126 no
//	…
//	7*6=42 3 45:+45 ok</think><answer>(7*6)+3</answer>
//
// Number and target stand again in each line, so that a small model has them at hand. A line ends
// with what it came to, in one of two languages.

// operations are the signs, in the order in which a search tries them.
const operations = "+-*/"

// words are what a line ends with, of each language: nothing found, found.
var words = [2][2]string{{" no", " ok"}, {" не", " да"}}

// wanted is the language that is to be reasoned in, as package reward names it.
const wanted = "en"

// tongue says which language the lines of an answer are in.
type tongue func() int

// tongue draws one: in that share of answers each line has its own.
func (s *source) tongue(mixed float64) tongue {
	if s.share(mixed) {
		return func() int { return s.below(len(words)) }
	}
	one := s.below(len(words))
	return func() int { return one }
}

// combine returns what an operation makes of two numbers, the larger first; false: no whole
// positive number up to MostStep, or one that a division by 1 leaves as it is.
func (p *Problems) combine(op byte, a, b int) (int, bool) {
	a, b = max(a, b), min(a, b)
	switch op {
	case '+':
		return a + b, a+b <= p.MostStep
	case '-':
		return a - b, a > b
	case '*':
		return a * b, a*b <= p.MostStep
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

// equation writes an operation with what comes of it.
func equation(op byte, a, b, result int) string {
	return formula(op, a, b, strconv.Itoa(a), strconv.Itoa(b)) + "=" + strconv.Itoa(result)
}

// pairs are which two of three numbers are combined first, and which is left.
var pairs = [3][3]int{{0, 1, 2}, {0, 2, 1}, {1, 2, 0}}

// branch is a way from three numbers to one: two are combined, then the third.
type branch struct {
	pair          [3]int
	first, second byte
	between, end  int
}

// eachBranch calls f with all branches, in the order of a search, until it returns false. Of
// pairs of the same numbers the first counts.
func (p *Problems) eachBranch(n [perProblem]int, f func(b branch) bool) {
	seen := map[[2]int]bool{}
	for _, pair := range pairs {
		a, b := n[pair[0]], n[pair[1]]
		both := [2]int{min(a, b), max(a, b)}
		if seen[both] {
			continue
		}
		seen[both] = true
		for _, first := range []byte(operations) {
			between, ok := p.combine(first, a, b)
			if !ok {
				continue
			}
			for _, second := range []byte(operations) {
				if end, ok := p.combine(second, between, n[pair[2]]); ok && !f(branch{pair, first, second, between, end}) {
					return
				}
			}
		}
	}
}

// expression writes a branch.
func (b *branch) expression(n [perProblem]int) string {
	x, y, z := n[b.pair[0]], n[b.pair[1]], n[b.pair[2]]
	inner := "(" + formula(b.first, x, y, strconv.Itoa(x), strconv.Itoa(y)) + ")"
	return formula(b.second, b.between, z, inner, strconv.Itoa(z))
}

// search writes a search for the target, and returns the branch that comes to it; false: none
// does.
func (p *Problems) search(n [perProblem]int, target int, language tongue) (text string, hit branch, found bool) {
	var t strings.Builder
	var pair [3]int
	first := byte(0)
	p.eachBranch(n, func(b branch) bool {
		if b.first != first || b.pair != pair {
			if first != 0 {
				t.WriteString(words[language()][0] + "\n")
			}
			pair, first = b.pair, b.first
			x, y := n[pair[0]], n[pair[1]]
			fmt.Fprintf(&t, "%s %d %d:", equation(first, x, y, b.between), n[pair[2]], target)
		}
		fmt.Fprintf(&t, "%c%d", b.second, b.end)
		hit, found = b, b.end == target
		return !found
	})
	if found {
		t.WriteString(words[language()][1])
	}
	return t.String(), hit, found
}

// steps writes how an expression is computed.
func (b *branch) steps(n [perProblem]int, language tongue) string {
	x, y, z := n[b.pair[0]], n[b.pair[1]], n[b.pair[2]]
	return equation(b.first, x, y, b.between) + "\n" + equation(b.second, b.between, z, b.end) + words[language()][1]
}

// answer writes an answer behind reasoning, and the end.
func answer(text string) string {
	return thinkClose + answerOpen + text + answerClose + end
}
