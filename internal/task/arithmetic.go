package task

import (
	"fmt"
	"math/big"
	"strings"
)

// Arithmetic asks for the exact value of an expression.
type Arithmetic struct {
	Expression string
	value      fraction
}

// NewArithmetic returns the problem. The error says why the text is no problem.
func NewArithmetic(text string) (*Arithmetic, error) {
	e, err := parseExpression(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("expression: %w", err)
	case e.n > maxNumbers:
		return nil, fmt.Errorf("expression: %d numbers, want %d at most", e.n, maxNumbers)
	}
	a := &Arithmetic{text, e.value()}
	if !a.value.isNumber() {
		return nil, fmt.Errorf("expression: it divides by 0")
	}
	return a, nil
}

// Short is the expression.
func (a *Arithmetic) Short() string { return a.Expression }

// Question is the problem in words.
func (a *Arithmetic) Question() string {
	return fmt.Sprintf("Compute %s exactly. Write the value alone, as a whole number, a decimal or a fraction such as 3/4, between <answer> and </answer>.", a.Expression)
}

// Check says whether an answer is [-]number[.digits] or [-]number/number, and whether it
// is the value.
func (a *Arithmetic) Check(answer string) (formed, right bool) {
	text, negative := strings.CutPrefix(answer, "-")
	first := digits(text)
	n, ok := parseNumber(text[:first])
	if !ok {
		return false, false
	}
	if negative {
		n = -n
	}
	switch rest := text[first:]; {
	case rest == "":
		return true, a.value.equals(whole(n))
	case rest[0] == '/':
		d, ok := parseNumber(rest[1:])
		if !ok || d == 0 {
			return false, false
		}
		return true, a.value.equals(fraction{big.NewInt(n), big.NewInt(d)})
	case rest[0] == '.' && len(rest) > 1 && allDigits(rest[1:]):
		return true, a.equalsDecimal(negative, text[:first], rest[1:])
	}
	return false, false
}

// equalsDecimal compares the value with a decimal number. One with more digits behind the
// point than the denominator has bits is not it, as each takes a factor of 2 or 5.
func (a *Arithmetic) equalsDecimal(negative bool, before, behind string) bool {
	behind = strings.TrimRight(behind, "0")
	if len(behind) > a.value.den.BitLen() {
		return false
	}
	num, ok := new(big.Int).SetString(before+behind, 10)
	if !ok {
		return false
	}
	if negative {
		num.Neg(num)
	}
	den := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(behind))), nil)
	return a.value.equals(fraction{num, den})
}

// allDigits says that a text is ASCII digits alone.
func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
