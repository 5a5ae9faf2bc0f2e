package task

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// maxNumbers bounds the numbers of a problem. As nothing is reduced, the time of a value
// grows with the square of them.
const maxNumbers = 4096

// Countdown asks for an expression of + - * / whose exact value is the target and which
// has each of the numbers exactly once.
type Countdown struct {
	Numbers []int64
	Target  *big.Rat
}

// NewCountdown returns the problem. The error says what of it is no problem.
func NewCountdown(numbers []int64, target *big.Rat) (*Countdown, error) {
	switch {
	case len(numbers) == 0:
		return nil, fmt.Errorf("numbers is empty, want one at least")
	case len(numbers) > maxNumbers:
		return nil, fmt.Errorf("%d numbers, want %d at most", len(numbers), maxNumbers)
	}
	return &Countdown{numbers, target}, nil
}

// Short is the problem as in "3 5 7 = 22".
func (c *Countdown) Short() string { return joinNumbers(c.Numbers, " ") + " = " + c.Target.RatString() }

// joinNumbers writes numbers with a text between them.
func joinNumbers(numbers []int64, between string) string {
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(list, between)
}

// Question is the problem in words.
func (c *Countdown) Question() string {
	return fmt.Sprintf("Using each of the numbers %s exactly once, and + - * / and parentheses, write an expression that equals %s. "+
		"Write the expression alone, without the equals sign, between <answer> and </answer>.", joinNumbers(c.Numbers, ", "), c.Target.RatString())
}

// Check says whether an answer is an expression, and whether it is right. The value is
// computed only where the numbers are those of the problem.
func (c *Countdown) Check(answer string) (formed, right bool) {
	e, err := parseExpression(answer)
	if err != nil {
		return false, false
	}
	if e.n != len(c.Numbers) {
		return true, false
	}
	used, given := slices.Clone(e.numbers), slices.Clone(c.Numbers)
	slices.Sort(used)
	slices.Sort(given)
	return true, slices.Equal(used, given) && e.value().equals(fractionOf(c.Target))
}

// HeldOut says that no trainer of Blitz learns of a multiset of numbers, so that it can be
// asked for in tests: the first byte of the SHA-256 of the numbers, ascending and with commas
// between, is a multiple of 5.
func HeldOut(numbers []int64) bool {
	sorted := slices.Clone(numbers)
	slices.Sort(sorted)
	return sha256.Sum256([]byte(joinNumbers(sorted, ",")))[0]%5 == 0
}
