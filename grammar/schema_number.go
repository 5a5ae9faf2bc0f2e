package grammar

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Numbers are written as encoders write them. A whole number has no point and no
// exponent, and is not -0. Others may have a point, and an exponent behind digits that do
// not begin with 0, where no more is asked of a number than its sign. All fit double
// precision. Where more is asked than a range, there are up to fewDigits digits.

const fewDigits = 15

var (
	digit    = Class(Range{'0', '9'})
	digit19  = Class(Range{'1', '9'})
	fraction = Seq(Literal("."), Repeat(digit, 1, maxDecimal))
	sign     = Optional(Class(Range{'+', '+'}, Range{'-', '-'}))
	ePart    = Class(Range{'E', 'E'}, Range{'e', 'e'})
	// exponent are the numbers with one: few digits of either the number or the exponent.
	exponent = Or(
		Seq(digit19, Repeat(digit, 0, 199), Optional(fraction), ePart, sign, Repeat(digit, 1, 2)),
		Seq(digit19, Optional(fraction), ePart, sign, Or(
			Seq(Class(Range{'0', '2'}), Repeat(digit, 2, 2)), Seq(Literal("30"), Class(Range{'0', '7'})))),
	)
	// notWhole has one behind the point, few enough for a reader to see it.
	notWhole = Seq(Optional(Literal("-")), Repeat(digit, 1, 6), Literal("."), Repeat(digit, 0, 8), digit19)
)

// step is what a number has to be a multiple of: a whole number, or 1/2^halves.
type step struct {
	whole  uint64
	halves int
}

const maxStep = 1_000_000_000

// step reads a multipleOf.
func (c *schemaCompiler) step(v *value) step {
	d, ok, _ := newDecimal(v.text)
	if ok && (d.neg || d.zero()) {
		c.fail(wrongAt(v, "want a number above 0"))
	}
	if ok && d.whole() {
		if n, fits := wholeNumber(d, maxStep); fits {
			return step{whole: uint64(n)}
		}
	}
	for q, unit := 1, big.NewInt(5); ok && q <= 10; q, unit = q+1, unit.Mul(unit, big.NewInt(5)) {
		if d.int == "" && strings.TrimLeft(d.frac, "0") == unit.String() && len(d.frac) == q {
			return step{halves: q}
		}
	}
	c.fail(unsupportedAt(v, clip(v.text)+": want a whole number up to 10^9, or 0.5, 0.25 and so on, of whose multiples all readers think alike"))
	return step{}
}

// divides says whether a number is a multiple of a step.
func (s step) divides(d decimal) bool {
	if s.halves == 0 {
		return d.whole() && remainder(d.int, s.whole) == 0
	}
	if len(d.frac) > s.halves {
		return false
	}
	unit := uint64(1)
	for range s.halves {
		unit *= 5
	}
	return remainder(d.frac+strings.Repeat("0", s.halves-len(d.frac)), unit) == 0
}

// remainder returns what is left of a number in digits.
func remainder(digits string, of uint64) uint64 {
	var r uint64
	for i := range len(digits) {
		r = (r*10 + uint64(digits[i]-'0')) % of
	}
	return r
}

// steps returns what is asked by all multipleOf together: a whole number, or 0, and the
// fractions that there may be.
func (c *schemaCompiler) steps(m *merged) (whole uint64, halves int) {
	for _, f := range m.facts {
		for _, v := range f.steps {
			s := c.step(v)
			switch {
			case s.halves > 0 && (halves == 0 || s.halves < halves):
				halves = s.halves
			case s.halves > 0:
			case whole == 0:
				whole = s.whole
			default:
				a, b := new(big.Int).SetUint64(whole), new(big.Int).SetUint64(s.whole)
				a.Mul(a, b).Quo(a, b.GCD(nil, nil, new(big.Int).SetUint64(whole), b))
				if whole = a.Uint64(); !a.IsUint64() || whole > maxStep {
					c.fail(unsupportedAt(v, "multiples of several numbers at once"))
				}
			}
		}
	}
	return whole, halves
}

// number returns the texts of numbers.
func (c *schemaCompiler) number(m *merged) Expr {
	every, halves := c.steps(m)
	n := &numbers{schemaCompiler: c, every: max(every, 1), halves: halves, most: maxDecimal}
	n.whole = m.types&typeFraction == 0 || every > 0
	n.broken = m.types&typeInteger == 0
	lo, hi, ok := inclusive(m, n.whole)
	if !ok || n.whole && n.broken {
		return Or()
	}
	key := fmt.Sprint("N", n.whole, n.broken, n.every, halves, lo, hi)
	for _, f := range m.facts {
		if f.but == nil {
			continue
		}
		key += ":" + m.key
		for _, v := range f.but.values {
			if c.spend(1); v.kind == kindNumber {
				d, _, _ := newDecimal(v.text)
				n.not = append(n.not, d)
			}
		}
	}
	if every > 1 && len(n.not) > 0 {
		c.fail(unsupportedAt(c.doc.root, "multipleOf beside numbers that are excluded"))
	}
	n.plain = !n.whole && halves == 0 && !n.broken && len(n.not) == 0
	if !n.whole && !n.plain {
		n.most = fewDigits
	}
	c.spend(len(key))
	return c.rule(key, func() Expr { return n.expr(lo, hi) })
}

// inclusive returns the bounds of a number, which are allowed themselves; nil: none.
// Of a number that is not whole, a lower bound of 0 that is not allowed is left as it is.
func inclusive(m *merged, whole bool) (lo, hi *limit, ok bool) {
	side := func(l limit, up bool) (*limit, bool) {
		ok := true
		d := l.decimal
		switch {
		case whole && up:
			d = d.ceil(l.open)
		case whole:
			d = d.negative().ceil(l.open).negative()
		}
		if l.open && (!whole && !l.zero() || len(l.int) > 15) {
			var next decimal
			if next, ok = l.beside(up); whole && up {
				next = next.ceil(false)
			} else if whole {
				next = next.negative().ceil(false).negative()
			}
			if up == (next.cmp(d) > 0) {
				d = next
			}
		}
		return &limit{true, l.open && !whole && l.zero(), d}, ok
	}
	if m.lo.set {
		if lo, ok = side(m.lo, true); !ok {
			return nil, nil, false
		}
	}
	if m.hi.set {
		if hi, ok = side(m.hi, false); !ok {
			return nil, nil, false
		}
	}
	return lo, hi, lo == nil || hi == nil || lo.cmp(hi.decimal) <= 0
}

// numbers writes numbers between bounds.
type numbers struct {
	*schemaCompiler
	whole  bool
	broken bool      // no whole ones
	every  uint64    // whole numbers are multiples of it
	halves int       // others of 1/2^halves, if it is not 0
	not    []decimal // left out
	plain  bool      // an exponent is allowed where there are no bounds
	most   int       // digits on a side of the point, where no bound has more
}

// expr returns the numbers from lo to hi.
func (n *numbers) expr(lo, hi *limit) Expr {
	e := n.signed(lo, hi)
	if n.broken {
		e = And(e, notWhole)
	}
	if n.halves > 0 && !n.whole {
		e = And(e, parts(n.halves))
	}
	if len(n.not) > 0 {
		e = without(e, n.not, n.whole)
	}
	return e
}

// signed returns the numbers from lo to hi, but for what else is asked.
func (n *numbers) signed(lo, hi *limit) Expr {
	var ways []Expr
	if hi == nil || !hi.neg && !(hi.open && hi.zero()) {
		from := decimal{}
		open := lo != nil && lo.open
		if lo != nil && !lo.neg {
			from = lo.decimal
		}
		ways = append(ways, n.unsigned(from, hi, open))
	}
	if lo == nil || lo.neg {
		from := decimal{}
		open := hi != nil && hi.open
		if hi != nil && hi.neg {
			from = hi.negative()
		}
		if n.whole && from.zero() {
			from.int = "1"
		}
		var to *limit
		if lo != nil {
			to = &limit{set: true, decimal: lo.negative()}
		}
		if to == nil || from.cmp(to.decimal) <= 0 {
			ways = append(ways, row(Literal("-"), n.unsigned(from, to, open)))
		}
	}
	return Or(distinct(ways)...)
}

// unsigned returns the numbers from lo to hi, neither of which is negative; without 0 if
// it is not allowed.
func (n *numbers) unsigned(lo decimal, hi *limit, notZero bool) Expr {
	if n.every > 1 {
		return n.multiples(lo, hi)
	}
	if notZero {
		return n.positive(hi)
	}
	d := &digits{lo: lo, hi: decimal{int: strings.Repeat("9", max(n.most, len(lo.int)))}, unbounded: hi == nil, every: 1, most: n.most}
	if hi != nil {
		d.hi = hi.decimal
	}
	d.free = func(count, most int, _ uint64) Expr {
		e := Repeat(digit, count, most)
		if !n.whole {
			e = Seq(e, Optional(n.fraction()))
		}
		return e
	}
	d.end = func(lo, hi string, low, high bool, _ uint64) Expr {
		if n.whole {
			return Expr{}
		}
		f := &fractions{lo: lo, hi: hi, most: n.most}
		e := row(Literal("."), f.expr(0, low, high, false))
		if low && lo != "" {
			return e
		}
		return Or(distinct([]Expr{{}, e})...)
	}
	e := d.expr()
	if n.plain && hi == nil && lo.zero() {
		e = Or(e, exponent)
	}
	return e
}

// fraction writes a point and digits.
func (n *numbers) fraction() Expr { return Seq(Literal("."), Repeat(digit, 1, n.most)) }

// positive returns the numbers from 0 to hi without 0, which are not whole ones alone.
func (n *numbers) positive(hi *limit) Expr {
	f := &fractions{most: n.most}
	var ways []Expr
	if hi == nil || hi.int != "" {
		ways = append(ways, n.unsigned(decimal{int: "1"}, hi, false), Seq(Literal("0."), f.expr(0, false, false, true)))
		if hi == nil && n.plain {
			ways = append(ways, exponent)
		}
	} else {
		f.hi = hi.frac
		ways = append(ways, row(Literal("0."), f.expr(0, false, true, true)))
	}
	return Or(distinct(ways)...)
}

// parts are the numbers whose fractions are of halves, quarters and so on.
func parts(halves int) Expr {
	seen := map[string]bool{}
	var ways []string
	for i := range 1 << halves {
		text := strconv.FormatFloat(float64(i)/float64(int(1)<<halves), 'f', -1, 64)
		_, frac, _ := strings.Cut(text, ".")
		if frac == "" {
			frac = "0"
		}
		if !seen[frac] {
			seen[frac] = true
			ways = append(ways, frac)
		}
	}
	return Seq(Optional(Literal("-")), Repeat(digit, 1, Unbounded),
		Optional(Seq(Literal("."), trie(ways, Literal), Repeat(Literal("0"), 0, 3))))
}

// without leaves out some numbers, however they are written.
func without(e Expr, not []decimal, whole bool) Expr {
	if !whole {
		e = And(e, Repeat(Any(), 1, 16)) // few enough for all readers to tell them apart
	}
	var ways []Expr
	for _, d := range not {
		tail := Seq(Literal(d.String()), Repeat(Literal("0"), 0, Unbounded))
		if d.frac == "" {
			tail = Seq(Literal(d.String()), Optional(Seq(Literal("."), Repeat(Literal("0"), 1, Unbounded))))
		}
		if d.zero() {
			tail = Seq(Optional(Literal("-")), tail)
		}
		ways = append(ways, tail)
	}
	return Without(e, Or(ways...))
}
