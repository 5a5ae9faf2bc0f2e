package task

import (
	"fmt"
	"strings"
)

// Parity asks whether the ones among bits are even or odd in number.
type Parity struct {
	Bits string // of 0 and 1
}

// Short is the bits.
func (p *Parity) Short() string { return p.Bits }

// Question is the problem in words.
func (p *Parity) Question() string {
	return fmt.Sprintf("Is the number of ones in %s even or odd? Write the word even or odd between <answer> and </answer>.", p.Bits)
}

// Check says whether an answer is one of the words, in any case, and whether it is right.
func (p *Parity) Check(answer string) (formed, right bool) {
	want := [2]string{"even", "odd"}[strings.Count(p.Bits, "1")%2]
	word := strings.ToLower(answer)
	return word == "even" || word == "odd", word == want
}
