package grammar

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// canonical writes a value such that equal values are written the same.
func canonical(v *value) string {
	var b strings.Builder
	writeCanonical(&b, v)
	return b.String()
}

func writeCanonical(b *strings.Builder, v *value) {
	switch v.kind {
	case kindNull:
		b.WriteString("null")
	case kindBool:
		b.WriteString(strconv.FormatBool(v.truth))
	case kindNumber:
		if d, ok, _ := newDecimal(v.text); ok {
			b.WriteString(d.String())
		} else {
			b.WriteString(v.text)
		}
	case kindString:
		b.WriteString(strconv.Quote(v.text))
	case kindArray:
		b.WriteByte('[')
		for _, s := range v.subs {
			writeCanonical(b, s)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case kindObject:
		order := make([]int, len(v.names))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(v.names[i], v.names[j]) })
		b.WriteByte('{')
		for _, i := range order {
			b.WriteString(strconv.Quote(v.names[i]))
			b.WriteByte(':')
			writeCanonical(b, v.subs[i])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	}
}

// holds says whether a value matches a term.
func (c *schemaCompiler) holds(v *value, t *term) bool {
	c.spend(1)
	switch t.kind {
	case termSchema:
		c.ground(t, 0)
		c.openOnce(t)
		return c.holds(v, t.body)
	case termNot:
		return !c.holds(v, t.subs[0])
	case termAll:
		return !slices.ContainsFunc(t.subs, func(s *term) bool { return !c.holds(v, s) })
	case termAny:
		return slices.ContainsFunc(t.subs, func(s *term) bool { return c.holds(v, s) })
	case termOne:
		n := 0
		for _, s := range t.subs {
			if c.holds(v, s) {
				n++
			}
		}
		return n == 1
	case termBad:
		c.fail(t.err)
	}
	return c.holdsFacts(v, t.facts)
}

// holdsFacts says whether a value is as facts say.
func (c *schemaCompiler) holdsFacts(v *value, f *facts) bool {
	return (f.only == nil || f.only.has(v)) && c.holdsRest(v, f)
}

// holdsRest is holdsFacts of a value that is one of the constants.
func (c *schemaCompiler) holdsRest(v *value, f *facts) bool {
	if f.types&typeOf(v) == 0 || f.but != nil && f.but.has(v) {
		return false
	}
	switch v.kind {
	case kindNumber:
		return c.holdsNumber(v, f)
	case kindString:
		return c.holdsString(v.text, f)
	case kindArray:
		return c.holdsArray(v, f)
	case kindObject:
		return c.holdsObject(v, f)
	}
	return true
}

func (c *schemaCompiler) holdsNumber(v *value, f *facts) bool {
	d, ok, _ := newDecimal(v.text)
	if !ok {
		return false
	}
	if n := d.cmp(f.lo.decimal); f.lo.set && (n < 0 || n == 0 && f.lo.open) {
		return false
	}
	if n := d.cmp(f.hi.decimal); f.hi.set && (n > 0 || n == 0 && f.hi.open) {
		return false
	}
	return !slices.ContainsFunc(f.steps, func(s *value) bool { return !c.step(s).divides(d) })
}

func (c *schemaCompiler) holdsString(s string, f *facts) bool {
	if n := utf8.RuneCountInString(s); n < f.minLength || f.maxLength != Unbounded && n > f.maxLength {
		return false
	}
	return !slices.ContainsFunc(f.texts, func(t text) bool { return textMatches(t.expr, s, c.spend) == t.not })
}

func (c *schemaCompiler) holdsArray(v *value, f *facts) bool {
	n := len(v.subs)
	if n < f.minItems || f.maxItems != Unbounded && n > f.maxItems {
		return false
	}
	for i, s := range v.subs {
		t := f.items
		if i < len(f.prefix) {
			t = f.prefix[i]
		}
		if t != nil && !c.holds(s, t) {
			return false
		}
	}
	for _, k := range f.contains {
		hits := 0
		for _, s := range v.subs {
			if c.holds(s, k.term) {
				hits++
			}
		}
		if hits < k.min || k.max != Unbounded && hits > k.max {
			return false
		}
	}
	return f.unique == nil || len(newConstants(v.subs).values) == n
}

func (c *schemaCompiler) holdsObject(v *value, f *facts) bool {
	n := len(v.names)
	if f.unevaluated != nil {
		c.fail(unsupportedAt(f.unevaluated, "beside an enum or const"))
	}
	if n < f.minProps || f.maxProps != Unbounded && n > f.maxProps {
		return false
	}
	for _, r := range f.required {
		if v.member(r) == nil {
			return false
		}
	}
	for i, name := range v.names {
		for _, t := range c.valueTerms(f, name) {
			if !c.holds(v.subs[i], t) {
				return false
			}
		}
		if !c.allowsName(f, name) {
			return false
		}
	}
	return true
}

// valueTerms returns what facts say of the value of a name.
func (c *schemaCompiler) valueTerms(f *facts, name string) []*term {
	var out []*term
	if t := f.property(name); t != nil {
		out = append(out, t)
	}
	for _, p := range f.patterns {
		if textMatches(p.expr, name, c.spend) {
			out = append(out, p.term)
		}
	}
	if len(out) == 0 && f.additional != nil {
		out = append(out, f.additional)
	}
	return out
}

// allowsName says whether propertyNames lets a name be.
func (c *schemaCompiler) allowsName(f *facts, name string) bool {
	v := &value{kind: kindString, text: name}
	return !slices.ContainsFunc(f.names, func(t *term) bool { return !c.holds(v, t) })
}
