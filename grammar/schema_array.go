package grammar

import "math/bits"

// White space is allowed where encoders put it: behind { [ and , and before ] and } a
// space, or a line's end (or two) and what the next line begins with; behind : a space.
// Whitespace without end, which a model may fall into, is not.
var (
	space = Or(Expr{}, Literal(" "), Seq(
		Repeat(Or(Literal("\n"), Literal("\r\n")), 1, 2), Repeat(Class(Range{' ', ' '}, Range{'\t', '\t'}), 0, maxIndent)))
	comma = Seq(Literal(","), space)
	colon = Seq(Literal(":"), Optional(Literal(" ")))
)

// maxIndent is how many spaces and tabs a line may begin with.
const maxIndent = 128

// array returns the texts of arrays.
func (c *schemaCompiler) array(m *merged) Expr {
	return row(Literal("["), space, c.items(m), space, Literal("]"))
}

// items returns what is between the brackets.
func (c *schemaCompiler) items(m *merged) Expr {
	most := m.maxItems
	var prefix []Expr
	for i := range m.prefix {
		e := c.expr(m.item(i)...)
		if isNothing(e) {
			most = least(most, i)
			break
		}
		prefix = append(prefix, e)
	}
	for _, f := range m.facts {
		if f.unique != nil {
			if most != Unbounded && most <= 1 {
				continue
			}
			return c.unique(m, f.unique, most)
		}
	}
	for _, f := range m.facts {
		if len(f.contains) > 0 {
			return c.contain(m, most)
		}
	}
	item := c.expr(m.item(m.prefix)...)
	if isNothing(item) {
		most = least(most, m.prefix)
	}
	if most != Unbounded && most < m.minItems {
		return Or()
	}
	return c.tuple(m, prefix, item, m.minItems, most)
}

// tuple writes items that have places of their own, and those behind them.
func (c *schemaCompiler) tuple(m *merged, prefix []Expr, item Expr, least, most int) Expr {
	if most != Unbounded && most < len(prefix) {
		prefix = prefix[:most]
	}
	n := len(prefix)
	if n == 0 {
		return list(item, least, most)
	}
	e := Expr{}
	if most == Unbounded {
		e = Repeat(row(comma, item), max(least-n, 0), Unbounded)
	} else if most > n {
		e = Repeat(row(comma, item), max(least-n, 0), most-n)
	}
	for i := n - 1; i >= 0; i-- {
		c.spend(1)
		if i == 0 {
			e = Seq(prefix[0], e)
		} else {
			e = Seq(comma, prefix[i], e)
		}
		if i >= least {
			e = Optional(e)
		}
		if i%32 == 31 { // expressions within each other are bounded
			tail := e
			e = c.rule("t"+m.key+":"+string(rune(i)), func() Expr { return tail })
		}
	}
	return e
}

// list writes least to most items that are alike.
func list(item Expr, least, most int) Expr {
	if most == 0 {
		return Expr{}
	}
	more := Unbounded
	if most != Unbounded {
		more = most - 1
	}
	e := row(item, Repeat(Seq(comma, item), max(least-1, 0), more))
	if least == 0 {
		e = Optional(e)
	}
	return e
}

// maxUnique is how many values the items of an array with uniqueItems may have.
const maxUnique = 10

// unique writes arrays without equal items. That can be held where the items are of a
// few constants: a rule for each set of those that were used.
func (c *schemaCompiler) unique(m *merged, at *value, most int) Expr {
	var values []*value
	for _, a := range c.alternatives(m.item(m.prefix)...) {
		of := merge(a)
		fixed, ok := c.constants(of)
		if !ok && of.types&^(typeNull|typeBool) == 0 {
			fixed, ok = []*value{{kind: kindNull}, {kind: kindBool, truth: true}, {kind: kindBool}}, true
			var kept []*value
			for _, v := range fixed {
				if of.types&typeOf(v) != 0 {
					kept = append(kept, v)
				}
			}
			fixed = kept
		}
		if !ok {
			c.fail(unsupportedAt(at, "unless the items are of a few constants"))
		}
		values = append(values, fixed...)
	}
	values = newConstants(values).values
	for _, f := range m.facts {
		if len(f.contains) > 0 || m.prefix > 0 || len(values) > maxUnique {
			c.fail(unsupportedAt(at, "unless the items are of at most 10 constants, without prefixItems or contains"))
		}
	}
	var from func(used uint) Expr
	from = func(used uint) Expr {
		n := bits.OnesCount(used)
		var ways []Expr
		if n >= m.minItems {
			ways = append(ways, Expr{})
		}
		if most == Unbounded || n < most {
			for i, v := range values {
				if used>>i&1 != 0 {
					continue
				}
				next := used | 1<<i
				rest := c.rule("u"+m.key+":"+string(rune(next)), func() Expr { return from(next) })
				if n > 0 {
					ways = append(ways, Seq(comma, c.constant(v), rest))
				} else {
					ways = append(ways, Seq(c.constant(v), rest))
				}
			}
		}
		return Or(ways...)
	}
	return from(0)
}

// maxContains bounds the rules of an array that is counted in two ways.
const maxContains = 64

// contain writes arrays of which some items match one more term. Which of them do is
// left to the text.
func (c *schemaCompiler) contain(m *merged, most int) Expr {
	var hits *contains
	for _, f := range m.facts {
		for _, k := range f.contains {
			if hits != nil || k.max != Unbounded || m.prefix > 0 {
				c.fail(unsupportedAt(k.at, "beside another contains, prefixItems or a maxContains"))
			}
			hits = k
		}
	}
	others := m.item(0)
	item := c.expr(others...)
	if hits.min == 0 {
		return list(item, m.minItems, most)
	}
	hit := c.expr(append(others, hits.term)...)
	least := max(m.minItems, hits.min)
	if most == Unbounded && least == hits.min {
		first := Seq(Repeat(Seq(item, comma), 0, Unbounded), hit)
		next := Seq(Repeat(Seq(comma, item), 0, Unbounded), comma, hit)
		return row(first, Repeat(next, hits.min-1, hits.min-1), Repeat(Seq(comma, item), 0, Unbounded))
	}
	if top := max(least, most); top > maxContains || hits.min > 8 {
		c.fail(unsupportedAt(hits.at, "beside a large minItems or maxItems"))
	}
	var from func(n, found int) Expr
	rest := func(n, found int) Expr {
		found = min(found, hits.min)
		return c.rule("c"+m.key+":"+string(rune(n*16+found)), func() Expr { return from(n, found) })
	}
	from = func(n, found int) Expr {
		if most != Unbounded && n > most {
			return Or()
		}
		var before Expr
		if n > 0 {
			before = comma
		}
		var ways []Expr
		if found == hits.min && n >= m.minItems {
			ways = append(ways, Expr{})
		}
		after := n + 1
		if most == Unbounded {
			after = min(after, least)
		}
		if most == Unbounded || n < most {
			ways = append(ways, row(before, item, rest(after, found)))
			if found < hits.min {
				ways = append(ways, row(before, hit, rest(after, found+1)))
			}
		}
		return Or(distinct(ways)...)
	}
	return from(0, 0)
}
