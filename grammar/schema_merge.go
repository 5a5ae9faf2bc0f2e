package grammar

import "slices"

// merged is what facts that all hold for one value say together.
type merged struct {
	key   string
	facts []*facts
	types types

	lo, hi               limit
	minLength, maxLength int
	texts                []text
	minItems, maxItems   int
	prefix               int // items that have terms of their own
	minProps, maxProps   int
	closed               bool // an object has the names that are listed, and no others
	sealed               bool // others are not even valid
	listed               []string
	isListed             map[string]bool
}

// merge puts an alternative's facts together.
func merge(a *alternative) *merged {
	m := &merged{key: a.key, facts: a.facts, types: typeAll, maxLength: Unbounded, maxItems: Unbounded, maxProps: Unbounded}
	for _, f := range a.facts {
		m.types &= f.types
		if f.lo.set {
			m.lo = narrower(m.lo, f.lo, 1)
		}
		if f.hi.set {
			m.hi = narrower(m.hi, f.hi, -1)
		}
		m.minLength, m.maxLength = max(m.minLength, f.minLength), least(m.maxLength, f.maxLength)
		m.minItems, m.maxItems = max(m.minItems, f.minItems), least(m.maxItems, f.maxItems)
		m.minProps, m.maxProps = max(m.minProps, f.minProps), least(m.maxProps, f.maxProps)
		m.prefix = max(m.prefix, len(f.prefix))
		m.texts = append(m.texts, f.texts...)
	}
	m.list()
	return m
}

// least returns the lesser of two bounds from above.
func least(a, b int) int {
	if a == Unbounded || b != Unbounded && b < a {
		return b
	}
	return a
}

// narrower returns the bound that allows less; sign is 1 for lower ones.
func narrower(a, b limit, sign int) limit {
	if n := sign * b.cmp(a.decimal); !a.set || n > 0 || n == 0 && b.open {
		return b
	}
	return a
}

// list finds the names that an object of these facts has, in their order, and whether it
// may have others.
func (m *merged) list() {
	m.isListed = map[string]bool{}
	lists, free := false, false
	add := func(name string) {
		if !m.isListed[name] {
			m.isListed[name] = true
			m.listed = append(m.listed, name)
		}
	}
	for _, f := range m.facts {
		if f.quiet {
			continue
		}
		lists, free = lists || f.lists, free || f.free
		for _, p := range f.props {
			add(p.name)
		}
	}
	m.closed = lists && !free
	for _, f := range m.facts {
		if !f.quiet || !m.closed {
			for _, r := range f.required {
				add(r)
			}
		}
	}
}

// required returns the names that an object must have.
func (m *merged) required() map[string]bool {
	out := map[string]bool{}
	for _, f := range m.facts {
		for _, r := range f.required {
			out[r] = true
		}
	}
	return out
}

// value returns what all facts say of the value of a name.
func (c *schemaCompiler) value(m *merged, name string) []*term {
	var out []*term
	for _, f := range m.facts {
		out = append(out, c.valueTerms(f, name)...)
	}
	return out
}

// item returns what all facts say of an item of an array.
func (m *merged) item(i int) []*term {
	var out []*term
	for _, f := range m.facts {
		t := f.items
		if i < len(f.prefix) {
			t = f.prefix[i]
		}
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

// constants returns the values that the facts leave of those that are listed one by one.
// fixed is false where none are listed.
func (c *schemaCompiler) constants(m *merged) (values []*value, fixed bool) {
	var from *constants
	for _, f := range m.facts {
		if f.only != nil && (from == nil || len(f.only.values) < len(from.values)) {
			from = f.only
		}
	}
	if from == nil {
		return nil, false
	}
	for _, v := range from.values {
		c.spend(1)
		if !slices.ContainsFunc(m.facts, func(f *facts) bool { return !c.holdsRest(v, f) || f.only != nil && f.only != from && !f.only.has(v) }) {
			values = append(values, v)
		}
	}
	return values, true
}

// maxProof is how many constants are tried one by one to find a contradiction.
const maxProof = 1000

// impossible says that no value is as an alternative says, as far as is known. listed
// says that no more names will be listed.
func (c *schemaCompiler) impossible(a *alternative, listed bool) bool {
	if len(a.facts) == 0 {
		return false
	}
	if len(a.facts) == 1 {
		return a.facts[0].types == 0
	}
	m := merge(a)
	c.spend(len(m.listed) + len(a.facts))
	if m.types == 0 {
		return true
	}
	for _, f := range m.facts {
		if f.only != nil && len(f.only.values) <= maxProof {
			values, _ := c.constants(m)
			return len(values) == 0
		}
	}
	for t := typeNull; t <= typeObject; t <<= 1 {
		if m.types&t != 0 && c.possible(m, t, listed) {
			return false
		}
	}
	return true
}

// possible says whether a value of a type may be as facts say.
func (c *schemaCompiler) possible(m *merged, t types, listed bool) bool {
	switch t {
	case typeFraction, typeInteger:
		n := m.lo.cmp(m.hi.decimal)
		return !m.lo.set || !m.hi.set || n < 0 || n == 0 && !m.lo.open && !m.hi.open
	case typeString:
		return m.maxLength == Unbounded || m.minLength <= m.maxLength
	case typeArray:
		if m.maxItems != Unbounded && m.minItems > m.maxItems {
			return false
		}
		for i := range min(m.prefix, m.minItems) {
			if c.never(m.item(i)) {
				return false
			}
		}
	case typeObject:
		if m.maxProps != Unbounded && m.minProps > m.maxProps {
			return false
		}
		for name := range m.required() {
			// what a grammar writes is closed; a proof is about all that is valid
			if listed && m.closed && !c.proving && !m.isListed[name] || c.never(c.value(m, name)) {
				return false
			}
		}
	}
	return true
}
