package jinja

import (
	"math/big"
	"strconv"
	"strings"
)

// Expressions, from the weakest binding to the strongest: if else, or, and,
// not, comparisons, + -, ~, * / // %, **, unary + -, and what follows a value.

// grow gives e its height above kids.
func (p *parser) grow(e expr, kids ...expr) (expr, error) {
	h := 0
	for _, k := range kids {
		if k != nil {
			h = max(h, k.at().height)
		}
	}
	e.at().height = h + 1
	if h >= maxHeight {
		return nil, p.failf("an expression is nested more than %d levels deep", maxHeight)
	}
	return e, nil
}

// enter counts an expression inside another.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxHeight {
		return p.failf("an expression is nested more than %d levels deep", maxHeight)
	}
	return nil
}

func (p *parser) here() position { return position{line: p.now().line} }

func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	at := p.here()
	e, err := p.or()
	for err == nil && p.skipName("if") {
		c := &condExpr{position: at, yes: e}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			if c.no, err = p.expression(); err != nil {
				return nil, err
			}
		}
		e, err = p.grow(c, c.test, c.yes, c.no)
	}
	return e, err
}

func (p *parser) or() (expr, error) {
	at := p.here()
	left, err := p.and()
	for err == nil && p.skipName("or") {
		var right expr
		if right, err = p.and(); err == nil {
			left, err = p.grow(&logicExpr{at, true, left, right}, left, right)
		}
	}
	return left, err
}

func (p *parser) and() (expr, error) {
	at := p.here()
	left, err := p.not()
	for err == nil && p.skipName("and") {
		var right expr
		if right, err = p.not(); err == nil {
			left, err = p.grow(&logicExpr{at, false, left, right}, left, right)
		}
	}
	return left, err
}

func (p *parser) not() (expr, error) {
	at := p.here()
	if !p.skipName("not") {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.not()
	if err != nil {
		return nil, err
	}
	return p.grow(&notExpr{at, e}, e)
}

var comparisons = map[string]operator{
	"==": opEqual, "!=": opNotEqual, "<": opLess, "<=": opLessEqual, ">": opGreater, ">=": opGreaterEqual,
}

func (p *parser) comparison() (expr, error) {
	c := &compareExpr{position: p.here()}
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c.first = first
	for {
		op, ok := opEqual, false
		switch t := p.now(); {
		case t.kind == tokenOperator:
			if op, ok = comparisons[t.text]; ok {
				p.take()
			}
		case p.skipName("in"):
			op, ok = opIn, true
		case t.isName("not") && p.ahead().isName("in"):
			p.take()
			p.take()
			op, ok = opNotIn, true
		}
		if !ok {
			break
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, e)
	}
	if len(c.ops) == 0 {
		return first, nil
	}
	return p.grow(c, append(c.rest, first)...)
}

// binary reads operands joined by any of ops, from left to right.
func (p *parser) binary(ops map[string]operator, operand func() (expr, error)) (expr, error) {
	at := p.here()
	left, err := operand()
	for err == nil && p.now().kind == tokenOperator {
		op, ok := ops[p.now().text]
		if !ok {
			break
		}
		p.take()
		var right expr
		if right, err = operand(); err == nil {
			left, err = p.grow(&binaryExpr{at, op, left, right}, left, right)
		}
	}
	return left, err
}

var (
	sums     = map[string]operator{"+": opAdd, "-": opSub}
	products = map[string]operator{"*": opMul, "/": opDiv, "//": opFloorDiv, "%": opMod}
	powers   = map[string]operator{"**": opPow}
)

func (p *parser) sum() (expr, error)     { return p.binary(sums, p.concat) }
func (p *parser) product() (expr, error) { return p.binary(products, p.power) }
func (p *parser) power() (expr, error) {
	return p.binary(powers, func() (expr, error) { return p.unary(true) })
}

func (p *parser) concat() (expr, error) {
	c := &concatExpr{position: p.here()}
	for {
		e, err := p.product()
		if err != nil {
			return nil, err
		}
		c.parts = append(c.parts, e)
		if !p.skip("~") {
			break
		}
	}
	if len(c.parts) == 1 {
		return c.parts[0], nil
	}
	return p.grow(c, c.parts...)
}

func (p *parser) unary(filters bool) (expr, error) {
	at := p.here()
	var e expr
	var err error
	if minus := p.now().is("-"); minus || p.now().is("+") {
		p.take()
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		operand, err := p.unary(false)
		if err != nil {
			return nil, err
		}
		e, err = p.grow(&signExpr{at, minus, operand}, operand)
		if err != nil {
			return nil, err
		}
	} else if e, err = p.primary(false); err != nil {
		return nil, err
	}
	if e, err = p.postfix(e); err != nil || !filters {
		return e, err
	}
	return p.filtersAndTests(e)
}

// primary reads a name or a literal; with attributes, also ns.name to assign to.
func (p *parser) primary(attributes bool) (expr, error) {
	at := p.here()
	at.height = 1
	t := p.now()
	switch {
	case t.kind == tokenName:
		return p.name(attributes)
	case t.kind == tokenString:
		var b strings.Builder
		for p.now().kind == tokenString {
			b.WriteString(p.take().text)
		}
		return &constExpr{at, b.String()}, nil
	case t.kind == tokenInteger:
		p.take()
		i, err := integerLiteral(t.text)
		if err != nil {
			return nil, p.failf("%v", err)
		}
		return &constExpr{at, i}, nil
	case t.kind == tokenFloat:
		p.take()
		f, _ := strconv.ParseFloat(t.text, 64) // too large is infinite, as in Python
		return &constExpr{at, f}, nil
	case t.is("("):
		p.take()
		e, err := p.tuple(tupleOptions{cond: true, empty: true})
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case t.is("["):
		return p.list()
	case t.is("{"):
		return p.dict()
	}
	return nil, p.unexpected("an expression")
}

func (p *parser) name(attributes bool) (expr, error) {
	at := p.here()
	at.height = 1
	t := p.take()
	switch t.text {
	case "true", "True":
		return &constExpr{at, true}, nil
	case "false", "False":
		return &constExpr{at, false}, nil
	case "none", "None":
		return &constExpr{at, none}, nil
	}
	if attributes && p.skip(".") {
		a, err := p.expectKind(tokenName)
		return &attributeTarget{position: at, name: t.text, attribute: a.text}, err
	}
	return &nameExpr{position: at, name: t.text}, nil
}

func integerLiteral(text string) (object, error) {
	if len(text) > maxDigits {
		return nil, faultf(faultSyntax, "an integer has more than %d digits", maxDigits)
	}
	if strings.Trim(text, "0") == "" {
		return int64(0), nil
	}
	i, ok := new(big.Int).SetString(text, 0)
	if !ok {
		return nil, faultf(faultSyntax, "%s is no integer", text)
	}
	return normal(i), nil
}

func (p *parser) list() (expr, error) {
	l := &listExpr{position: p.here()}
	p.take()
	for !p.now().is("]") {
		if len(l.items) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.now().is("]") {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, e)
	}
	p.take()
	return p.grow(l, l.items...)
}

func (p *parser) dict() (expr, error) {
	d := &dictExpr{position: p.here()}
	p.take()
	for !p.now().is("}") {
		if len(d.keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.now().is("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, k)
		d.values = append(d.values, v)
	}
	p.take()
	return p.grow(d, append(append([]expr{}, d.keys...), d.values...)...)
}

// tupleOptions say how expressions with commas between them are read.
type tupleOptions struct {
	cond       bool   // if else is allowed in the items
	end        string // a word that ends the tuple
	empty      bool   // () is a tuple
	simple     bool   // names and literals only, to assign to
	attributes bool   // ns.name is allowed
}

// tuple reads one expression, or several with commas as a tuple.
func (p *parser) tuple(o tupleOptions) (expr, error) {
	t := &tupleExpr{position: p.here()}
	for comma := false; ; {
		if n := p.now(); n.kind == tokenVariableEnd || n.kind == tokenBlockEnd || n.is(")") || o.end != "" && n.isName(o.end) {
			if !comma && !o.empty {
				return nil, p.unexpected("an expression")
			}
			break
		}
		e, err := p.tupleItem(o)
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, e)
		if !p.skip(",") {
			if !comma {
				return e, nil
			}
			break
		}
		comma = true
	}
	return p.grow(t, t.items...)
}

func (p *parser) tupleItem(o tupleOptions) (expr, error) {
	switch {
	case o.simple:
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		return p.primary(o.attributes)
	case o.cond:
		return p.expression()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.or()
}
