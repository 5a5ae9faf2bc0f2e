package task

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func fractionRat(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

var tokens = regexp.MustCompile(`^[ \t\r\n]*(0|[1-9][0-9]{0,17}|[-+*/()])[ \t\r\n]*`)

// evaluate is another evaluator: tokens by a regular expression, two stacks. ok says that
// the text is an expression, and the value is nil where it divides by 0.
func evaluate(text string) (value *big.Rat, ok bool) {
	var values []*big.Rat
	var ops []string
	rank := map[string]int{"+": 1, "-": 1, "*": 2, "/": 2}
	reduce := func(least int) {
		for len(ops) > 0 && rank[ops[len(ops)-1]] >= least {
			op, n := ops[len(ops)-1], len(values)-2
			a, b := values[n], values[n+1]
			ops, values = ops[:len(ops)-1], values[:n]
			var v *big.Rat
			switch {
			case a == nil || b == nil || op == "/" && b.Sign() == 0:
			case op == "+":
				v = new(big.Rat).Add(a, b)
			case op == "-":
				v = new(big.Rat).Sub(a, b)
			case op == "*":
				v = new(big.Rat).Mul(a, b)
			default:
				v = new(big.Rat).Quo(a, b)
			}
			values = append(values, v)
		}
	}
	wantValue, depth, before := true, 0, ""
	for text != "" {
		m := tokens.FindStringSubmatch(text)
		if m == nil {
			return nil, false
		}
		text = text[len(m[0]):]
		digit := m[1][0] >= '0' && m[1][0] <= '9'
		switch {
		case m[1] == "(" && wantValue:
			if depth++; depth > maxNesting {
				return nil, false
			}
			ops = append(ops, "(")
		case m[1] == ")" && !wantValue && depth > 0:
			depth--
			reduce(1)
			ops = ops[:len(ops)-1]
		case digit && wantValue:
			v, _ := new(big.Rat).SetString(m[1])
			values, wantValue = append(values, v), false
		case rank[m[1]] > 0 && !wantValue:
			reduce(rank[m[1]])
			ops, wantValue = append(ops, m[1]), true
		default:
			return nil, false
		}
		before = m[0]
	}
	if wantValue || depth > 0 || before == "" {
		return nil, false
	}
	reduce(1)
	return values[0], true
}

// FuzzExpression compares with another evaluator.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{
		"6*7+3", "8/(3-8/3)", " ( 1 ) ", "1-2-3*4/5/6", "0", "00", "1 2", "1/(2-2)*0", "((1)", "1)", "", "()", "+1", "1+", "123456789012345678", "1234567890123456789", "1\v2", "２",
		strings.Repeat("(", 257) + "1" + strings.Repeat(")", 257),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		want, ok := evaluate(text)
		e, err := parseExpression(text)
		if (err == nil) != ok {
			t.Fatalf("%q: error %v, want an expression: %v", text, err, ok)
		}
		if !ok {
			return
		}
		got := e.value()
		if got.isNumber() != (want != nil) || want != nil && !got.equals(fractionOf(want)) {
			t.Errorf("%q: got %v/%v, want %v", text, got.num, got.den, want)
		}
	})
}

// FuzzVerdict holds that a verdict is of one piece.
func FuzzVerdict(f *testing.F) {
	f.Add("<think>a</think><answer>6*7+3</answer>\n", "6*7")
	f.Add("</think><answer>-0.50</answer>", "1/2")
	f.Fuzz(func(t *testing.T, completion, expression string) {
		problems := []Problem{&Countdown{[]int64{3, 6, 7}, fractionRat(45)}}
		if len(expression) < 1000 {
			if a, err := NewArithmetic(expression); err == nil {
				problems = append(problems, a)
			}
		}
		for _, p := range problems {
			v := Judge(p, completion)
			if v.Correct && !v.Format || v.Format && v.Answer == nil || (v.Reward == 1) != v.Correct || v.Answer != nil && strings.Trim(*v.Answer, Blanks) != *v.Answer {
				t.Errorf("%q: %+v", completion, v)
			}
		}
	})
}
