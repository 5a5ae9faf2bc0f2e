package task

import (
	"errors"
	"fmt"
	"strconv"
)

// Bounds of an expression.
const (
	maxNesting = 256
	maxDigits  = 18 // of a number
)

// errExpression says that a text is no expression.
var errExpression = errors.New("no expression")

// An expression is a tree in the order of its parsing: numbers, and operators behind both
// of their sides.
//
//	expression := term {(+|-) term}      term := factor {(*|/) factor}
//	factor := number | ( expression )    number := 0 or 1 to 18 digits without a leading 0
//
// with blanks between them.
//
// Of one with more numbers than a problem may have the tree is not kept.
type expression struct {
	code    []byte // 0: the next number; else an operator
	numbers []int64
	n       int // numbers
}

// parseExpression reads an expression. The error wraps errExpression and says where it
// ends to be one.
func parseExpression(text string) (*expression, error) {
	p := expressionParser{text: text}
	p.blanks()
	if p.sum(0); p.wrong {
		return nil, fmt.Errorf("%w: byte %d", errExpression, p.at)
	}
	if p.at < len(text) {
		return nil, fmt.Errorf("%w: byte %d is behind its end", errExpression, p.at)
	}
	return &p.expression, nil
}

// value returns the exact value of a tree that was kept.
func (e *expression) value() fraction {
	var stack []fraction
	numbers := e.numbers
	for _, op := range e.code {
		if op == 0 {
			stack = append(stack, whole(numbers[0]))
			numbers = numbers[1:]
			continue
		}
		n := len(stack) - 2
		stack[n] = stack[n].apply(op, stack[n+1])
		stack = stack[:n+1]
	}
	return stack[0]
}

// expressionParser reads a text from its first byte on. Behind the first error it goes
// nowhere.
type expressionParser struct {
	expression
	text  string
	at    int
	wrong bool
}

// next returns the byte at hand, 0 at the end and behind an error.
func (p *expressionParser) next() byte {
	if p.wrong || p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// blanks skips blanks.
func (p *expressionParser) blanks() {
	for c := p.next(); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = p.next() {
		p.at++
	}
}

// take skips the byte at hand and the blanks behind it.
func (p *expressionParser) take() {
	p.at++
	p.blanks()
}

func (p *expressionParser) sum(depth int) {
	p.product(depth)
	for c := p.next(); c == '+' || c == '-'; c = p.next() {
		p.take()
		p.product(depth)
		p.keep(c, 0)
	}
}

func (p *expressionParser) product(depth int) {
	p.factor(depth)
	for c := p.next(); c == '*' || c == '/'; c = p.next() {
		p.take()
		p.factor(depth)
		p.keep(c, 0)
	}
}

func (p *expressionParser) factor(depth int) {
	if p.next() != '(' {
		p.number()
		return
	}
	if depth == maxNesting {
		p.wrong = true
		return
	}
	p.take()
	p.sum(depth + 1)
	if p.next() != ')' {
		p.wrong = true
		return
	}
	p.take()
}

func (p *expressionParser) number() {
	n := digits(p.text[p.at:])
	v, ok := parseNumber(p.text[p.at : p.at+n])
	if p.wrong || !ok {
		p.wrong = true
		return
	}
	p.at += n
	p.blanks()
	p.n++
	p.keep(0, v)
}

// keep puts a number or an operator into the tree.
func (p *expressionParser) keep(op byte, v int64) {
	if p.n > maxNumbers {
		return
	}
	p.code = append(p.code, op)
	if op == 0 {
		p.numbers = append(p.numbers, v)
	}
}

// digits returns how many ASCII digits a text begins with, at most one more than a number
// has.
func digits(text string) int {
	n := 0
	for n < len(text) && n <= maxDigits && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// parseNumber reads a number: 0, or 1 to 18 digits without a 0 in front.
func parseNumber(text string) (v int64, ok bool) {
	if n := digits(text); n == 0 || n < len(text) || n > maxDigits || text[0] == '0' && n > 1 {
		return 0, false
	}
	v, err := strconv.ParseInt(text, 10, 64)
	return v, err == nil
}
