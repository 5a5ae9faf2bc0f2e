package task

import (
	"fmt"
	"slices"
	"strings"
)

// Sort asks for numbers in ascending order.
type Sort struct {
	Numbers []int64
}

// Short is the numbers.
func (s *Sort) Short() string { return joinNumbers(s.Numbers, " ") }

// Question is the problem in words.
func (s *Sort) Question() string {
	return fmt.Sprintf("Sort these numbers in ascending order: %s. Write all of them, with commas between, between <answer> and </answer>.", joinNumbers(s.Numbers, ", "))
}

// Check says whether an answer is a list of numbers with commas or blanks between, and
// whether it is the sorted one.
func (s *Sort) Check(answer string) (formed, right bool) {
	words := strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || strings.ContainsRune(Blanks, r) })
	got := make([]int64, 0, len(s.Numbers))
	for _, w := range words {
		n, ok := parseNumber(w)
		if !ok {
			return false, false
		}
		if len(got) <= len(s.Numbers) { // one more is wrong already
			got = append(got, n)
		}
	}
	want := slices.Clone(s.Numbers)
	slices.Sort(want)
	return len(words) > 0, slices.Equal(got, want)
}
