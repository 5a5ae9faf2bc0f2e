package grammar

import (
	"slices"
	"strconv"
)

// member is one name of an object that has its place.
type member struct {
	expr     Expr // the name and its value
	required bool
}

const (
	maxNamePatterns = 6
	maxFiniteNames  = 200  // of propertyNames, that are listed one by one
	maxCounted      = 4000 // rules of an object whose members are counted
)

// nameOf writes the name of a member.
func nameOf(name string) Expr { return Seq(Literal(`"`), escapeText(name), Literal(`"`)) }

// object returns the texts of objects: the names that are listed in their order, then
// others.
func (c *schemaCompiler) object(m *merged) Expr {
	c.unevaluated(m)
	required := m.required()
	others := c.others(m)
	members := make([]member, 0, len(m.listed))
	for _, name := range m.listed {
		c.spend(10 + len(name))
		e := Or()
		if c.allowsNames(m, name) {
			e = c.expr(c.value(m, name)...)
		}
		if isNothing(e) && required[name] {
			return e
		}
		if !isNothing(e) {
			members = append(members, member{Seq(nameOf(name), colon, e), required[name]})
		}
	}
	for name := range required {
		if !m.isListed[name] {
			return Or()
		}
	}
	return row(Literal("{"), space, c.members(m, members, others), space, Literal("}"))
}

// allowsNames says whether all facts let a name be.
func (c *schemaCompiler) allowsNames(m *merged, name string) bool {
	for _, f := range m.facts {
		if !c.allowsName(f, name) {
			return false
		}
	}
	return true
}

// unevaluated closes an object that unevaluatedProperties closes. It can be where all
// names are of the schema that says so, and those that it applies to the same object.
func (c *schemaCompiler) unevaluated(m *merged) {
	for _, f := range m.facts {
		if f.unevaluated == nil {
			continue
		}
		own := map[*facts]bool{}
		c.reach(c.schema(f.unevaluated.up), own)
		free := false
		for _, g := range m.facts {
			if free = free || own[g] && g.free; !own[g] && !g.quiet && g.evaluates() {
				c.fail(unsupportedAt(f.unevaluated, "where schemas that are not part of this one name properties too"))
			}
		}
		if free {
			continue // every name is evaluated
		}
		m.closed, m.sealed = true, true
		listed := m.listed
		m.listed = nil
		for _, name := range listed {
			m.isListed[name] = slices.ContainsFunc(m.facts, func(g *facts) bool { return own[g] && len(c.valueTerms(g, name)) > 0 })
			if m.isListed[name] {
				m.listed = append(m.listed, name)
			}
		}
	}
}

// evaluates says whether facts evaluate any property.
func (f *facts) evaluates() bool { return f.lists || f.additional != nil }

// reach finds the facts that a term applies to the same value as its own.
func (c *schemaCompiler) reach(t *term, found map[*facts]bool) {
	c.spend(1)
	switch t.kind {
	case termSchema:
		c.openOnce(t)
		c.reach(t.body, found)
	case termFacts:
		found[t.facts] = true
	case termAll, termAny, termOne:
		for _, s := range t.subs {
			c.reach(s, found)
		}
	}
}

// others returns what an object may have beside the names that are listed: one
// expression of a name and its value, which may come again and again.
func (c *schemaCompiler) others(m *merged) Expr {
	names, finite, any := c.namesOf(m)
	listedOnly := m.closed
	if finite != nil && !listedOnly && len(finite) <= maxFiniteNames {
		for _, name := range finite { // no name can come twice then
			if !m.isListed[name] && c.quietly(m, name) {
				m.isListed[name] = true
				m.listed = append(m.listed, name)
			}
		}
		return Or()
	}
	var patterns []patternProperty
	for _, f := range m.facts {
		patterns = append(patterns, f.patterns...)
	}
	if len(patterns) > maxNamePatterns {
		c.fail(unsupportedAt(patterns[maxNamePatterns].at, "over 6 patterns of names"))
	}
	if listedOnly && !m.sealed && m.minProps > len(m.listed) {
		listedOnly = false
	}
	var listed []string
	for _, f := range m.facts {
		for _, p := range f.props {
			listed = append(listed, p.name)
		}
	}
	listed = append(listed, m.listed...)
	c.spend(len(listed))
	var ways []Expr
	for set := range uint(1) << len(patterns) {
		if set == 0 && listedOnly {
			continue
		}
		value := c.expr(c.classValue(m, set)...)
		if isNothing(value) {
			continue
		}
		if set == 0 && len(patterns) == 0 && len(listed) == 0 && any {
			ways = append(ways, Seq(Literal(`"`), Repeat(openCharacter, 0, Unbounded), Literal(`"`), colon, value))
			continue
		}
		for _, l := range names {
			name := c.strings(nameClass(l, patterns, set, listed))
			ways = append(ways, row(Literal(`"`), name, Literal(`"`), colon, value))
		}
	}
	e := Or(distinct(ways)...)
	if isNothing(e) {
		return e
	}
	return c.rule("n"+m.key, func() Expr { return e })
}

// quietly says whether a name that is not listed may be there at all.
func (c *schemaCompiler) quietly(m *merged, name string) bool {
	return c.allowsNames(m, name) && !c.never(c.value(m, name))
}

// nameClass returns the names that match the patterns of a set, and no others, and are
// not listed.
func nameClass(names *language, patterns []patternProperty, set uint, listed []string) *language {
	l := &language{all: slices.Clone(names.all), not: slices.Clone(names.not), min: names.min, max: names.max}
	for i, p := range patterns {
		if set>>i&1 != 0 {
			l.all = append(l.all, p.expr)
		} else {
			l.not = append(l.not, p.expr)
		}
	}
	if len(listed) > 0 {
		l.not = append(l.not, trie(listed, Literal))
	}
	return l
}

// classValue returns what is said of the values of names that match certain patterns and
// are not listed.
func (c *schemaCompiler) classValue(m *merged, set uint) []*term {
	var out []*term
	i := 0
	for _, f := range m.facts {
		matched := false
		for _, p := range f.patterns {
			if set>>i&1 != 0 {
				matched = true
				out = append(out, p.term)
			}
			i++
		}
		if !matched && f.additional != nil {
			out = append(out, f.additional)
		}
	}
	return out
}

// namesOf returns the names that propertyNames allows; finite are all of them where they
// are listed one by one, and any says that nothing is asked of them.
func (c *schemaCompiler) namesOf(m *merged) (names []*language, finite []string, any bool) {
	var ts []*term
	for _, f := range m.facts {
		ts = append(ts, f.names...)
	}
	if len(ts) == 0 {
		return []*language{{max: Unbounded}}, nil, true
	}
	only := newFacts()
	only.types = typeString
	var texts []string
	for _, a := range c.alternatives(append(ts, c.factsTerm(only))...) {
		of := merge(a)
		if values, ok := c.constants(of); ok {
			for _, v := range values {
				texts = append(texts, v.text)
			}
			continue
		}
		names = append(names, c.language(of))
	}
	if len(names) == 0 {
		finite = append([]string{}, texts...)
	}
	if len(texts) > 0 {
		names = append(names, &language{all: []Expr{trie(texts, Literal)}, max: Unbounded})
	}
	return names, finite, false
}

// members writes the members that have places and then others, with commas between.
func (c *schemaCompiler) members(m *merged, members []member, others Expr) Expr {
	required := 0
	for _, p := range members {
		if p.required {
			required++
		}
	}
	free := !isNothing(others)
	if m.minProps > required || m.maxProps != Unbounded && (free || m.maxProps < len(members)) {
		return c.counted(m, members, others)
	}
	more := Expr{}
	if free {
		more = Repeat(Seq(comma, others), 0, Unbounded)
	}
	if required > 0 {
		return withCommas(members, more)
	}
	var ways []Expr
	if len(members) > 0 {
		ways = append(ways, Seq(c.some(m, members, 0, len(members)), more))
	}
	if free {
		ways = append(ways, Seq(others, more))
	}
	return Optional(Or(ways...))
}

// withCommas writes members of which one is required: those before it have a comma behind
// them, those behind it one before them.
func withCommas(members []member, more Expr) Expr {
	var parts []Expr
	before := true
	for _, p := range members {
		switch {
		case before && p.required:
			before = false
			parts = append(parts, p.expr)
		case before:
			parts = append(parts, Optional(Seq(p.expr, comma)))
		case p.required:
			parts = append(parts, comma, p.expr)
		default:
			parts = append(parts, Optional(Seq(comma, p.expr)))
		}
	}
	return Seq(append(parts, more)...)
}

// some writes one or more of the members from to to, none of which is required. It is
// halved, so that rules are within each other only a few deep.
func (c *schemaCompiler) some(m *merged, members []member, from, to int) Expr {
	c.spend(1)
	if to-from == 1 {
		return members[from].expr
	}
	mid := (from + to) / 2
	left, right := c.some(m, members, from, mid), c.some(m, members, mid, to)
	if to-mid > 1 {
		all := right
		right = c.rule("s"+m.key+":"+strconv.Itoa(mid)+":"+strconv.Itoa(to), func() Expr { return all })
	}
	return Or(Seq(left, Optional(Seq(comma, right))), right)
}

// counted writes members whose number is bounded: a rule for each place and count. Of the
// names that are not listed one counts toward minProperties, since several might be the
// same.
func (c *schemaCompiler) counted(m *merged, members []member, others Expr) Expr {
	n, least := len(members), m.minProps
	free := !isNothing(others)
	reach := n
	if free {
		reach++
	}
	if least > reach {
		if free {
			c.fail(unsupportedAt(c.minAt(m), "of names that are not listed, which might be the same"))
		}
		return Or()
	}
	most := m.maxProps
	top := most // a count from which on nothing changes
	if most == Unbounded {
		top = least
	}
	if (n+1)*(min(top, n)+1) > maxCounted {
		c.fail(tooLargeAt(c.minAt(m), "of "+strconv.Itoa(n)+" properties"))
	}
	var from func(i, count int) Expr
	rest := func(i, count int) Expr {
		return c.rule("p"+m.key+":"+strconv.Itoa(i)+":"+strconv.Itoa(count), func() Expr { return from(i, count) })
	}
	from = func(i, count int) Expr {
		left := Unbounded
		if most != Unbounded {
			left = most - count
		}
		if i == n {
			return tailOf(others, free, count == 0, max(least-count, 0), left)
		}
		var ways []Expr
		if left != 0 {
			e := members[i].expr
			if count > 0 {
				e = Seq(comma, e)
			}
			next := count + 1
			if most == Unbounded {
				next = max(min(next, least), 1)
			}
			ways = append(ways, Seq(e, rest(i+1, next)))
		}
		if !members[i].required {
			ways = append(ways, rest(i+1, count))
		}
		return Or(ways...)
	}
	return from(0, 0)
}

// tailOf writes names that are not listed: need of them at least, and at most left.
func tailOf(others Expr, free, first bool, need, left int) Expr {
	if need > 1 || need > 0 && (!free || left == 0) {
		return Or()
	}
	if !free || left == 0 {
		return Expr{}
	}
	if first {
		return list(others, need, left)
	}
	return Repeat(Seq(comma, others), need, left)
}

// minAt returns the place of a bound on how many properties there are.
func (c *schemaCompiler) minAt(m *merged) *value {
	for _, f := range m.facts {
		if f.minProps > 0 || f.maxProps != Unbounded {
			return f.boundAt
		}
	}
	return c.doc.root
}
