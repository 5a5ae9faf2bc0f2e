package task

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// A Scoring is how the answer to a user's question is compared.
type Scoring string

// The scorings.
const (
	Exact   Scoring = "exact"   // the text, without blanks around it
	Numeric Scoring = "numeric" // the last number in it
	Choice  Scoring = "choice"  // the last letter of a choice in it, or a choice itself
	Regex   Scoring = "regex"   // a regular expression that is found in it
)

// Scorings are all of them.
var Scorings = []string{string(Exact), string(Numeric), string(Choice), string(Regex)}

// A Question is one of a user's, with the answers that are right.
type Question struct {
	ID      string
	Text    string
	Choices []string // of Choice; the first has the letter A
	Scoring Scoring

	texts     []string         // of Exact
	numbers   []*big.Rat       // of Numeric
	tolerance *big.Rat         // that a number may be away
	letters   []byte           // of Choice
	patterns  []*regexp.Regexp // of Regex
}

// Short is the question without its choices.
func (q *Question) Short() string { return q.Text }

// Question is the text, and behind it the choices with their letters.
func (q *Question) Question() string {
	var b strings.Builder
	b.WriteString(q.Text)
	for i, c := range q.Choices {
		fmt.Fprintf(&b, "\n%c. %s", 'A'+i, c)
	}
	return b.String()
}

// judge compares what stands in the first <answer> of a content, or where there is none the
// whole of it. The answer of the verdict is what is compared, so that answers that mean the
// same vote together.
func (q *Question) judge(content string) Verdict {
	text := strings.Trim(content, Blanks)
	if f := ReadContent(content); f.Found {
		text = f.Answer
	}
	answer, formed, right := q.read(text)
	v := Verdict{Format: formed, Correct: right}
	if formed {
		v.Answer = &answer
	}
	if right {
		v.Reward = 1
	}
	return v
}

// Check says whether there is an answer in a text, and whether it is right.
func (q *Question) Check(answer string) (formed, right bool) {
	_, formed, right = q.read(answer)
	return formed, right
}

// read returns what of a text is compared, whether there is any, and whether it is right.
func (q *Question) read(text string) (answer string, formed, right bool) {
	switch q.Scoring {
	case Numeric:
		n, ok := lastNumber(text)
		if !ok {
			return "", false, false
		}
		return n.RatString(), true, slices.ContainsFunc(q.numbers, func(want *big.Rat) bool {
			d := new(big.Rat).Sub(n, want)
			return d.Abs(d).Cmp(q.tolerance) <= 0
		})
	case Choice:
		letter, ok := q.lastChoice(text)
		return string(letter), ok, ok && slices.Contains(q.letters, letter)
	case Regex:
		for _, p := range q.patterns {
			if m := p.FindString(text); m != "" || p.MatchString(text) {
				return m, true, true
			}
		}
		return text, text != "", false
	}
	return text, text != "", slices.Contains(q.texts, text)
}

// Bounds of numbers in an answer: what is longer is none.
const (
	maxNumeric  = 400 // characters
	maxExponent = 400
)

// numberForm is a number with groups of thousands, a point, an exponent or a denominator.
var numberForm = regexp.MustCompile(`[-+]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3}|/[0-9]+)?`)

// lastNumber returns the last number of a text.
func lastNumber(text string) (*big.Rat, bool) {
	// Of a long text only the end is read; the matches before it are not wanted.
	const most = 64 << 10
	if len(text) > most {
		text = text[len(text)-most:]
	}
	all := numberForm.FindAllString(text, -1)
	if len(all) == 0 {
		return nil, false
	}
	return parseNumeric(all[len(all)-1])
}

// parseNumeric reads a number of numberForm.
func parseNumeric(text string) (*big.Rat, bool) {
	if len(text) > maxNumeric {
		return nil, false
	}
	text = strings.ReplaceAll(text, ",", "")
	if _, e, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		var n int
		if _, err := fmt.Sscan(e, &n); err != nil || n > maxExponent || n < -maxExponent {
			return nil, false
		}
	}
	if _, d, ok := strings.Cut(text, "/"); ok && strings.Trim(d, "0") == "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// lastChoice returns the letter of the choice that a text is, or the last capital letter of a
// choice that stands alone.
func (q *Question) lastChoice(text string) (letter byte, ok bool) {
	for i, c := range q.Choices {
		if strings.EqualFold(strings.Trim(text, Blanks+"."), strings.Trim(c, Blanks+".")) {
			return byte('A' + i), true
		}
	}
	if len(text) == 1 && isLetter(text[0]) && q.has(text[0]&^0x20) {
		return text[0] &^ 0x20, true
	}
	for i := len(text) - 1; i >= 0; i-- {
		alone := (i == 0 || !isLetter(text[i-1])) && (i == len(text)-1 || !isLetter(text[i+1]))
		if alone && text[i] <= 'Z' && q.has(text[i]) {
			return text[i], true
		}
	}
	return 0, false
}

// has says whether there is a choice of that letter.
func (q *Question) has(letter byte) bool { return letter >= 'A' && int(letter-'A') < len(q.Choices) }

// isLetter says whether a byte is a letter, or a part of one that is not ASCII.
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || c == '\''
}
