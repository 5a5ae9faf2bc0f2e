package grammar

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// str returns the texts of strings, in quotes.
func (c *schemaCompiler) str(m *merged) Expr {
	l := c.language(m)
	key := fmt.Sprintf("S%d:%d", l.min, l.max)
	for _, f := range m.facts {
		if f.but != nil {
			key += ":" + m.key // its own
		}
	}
	for _, t := range m.texts {
		key += fmt.Sprintf(":%v:%v:%q", t.not, t.format, t.at.text)
	}
	c.spend(len(key))
	return c.rule(key, func() Expr {
		e := Repeat(openCharacter, l.min, l.max)
		if !l.open() {
			e = c.strings(l)
		}
		return row(Literal(`"`), e, Literal(`"`))
	})
}

// escaped is escape, and counts what it costs.
func (c *schemaCompiler) escaped(e Expr) Expr {
	c.spend(sizeOf(e.n, c.work))
	return escape(e)
}

// sizeOf returns how many expressions there are in one, or a little more than most.
func sizeOf(n *node, most int) int {
	size := 1
	if n == nil {
		return size
	}
	for _, s := range n.subs {
		if size += sizeOf(s, most-size); size > most {
			break
		}
	}
	return size + len(n.text) + len(n.ranges)
}

// language returns the strings that facts allow.
func (c *schemaCompiler) language(m *merged) *language {
	l := &language{min: m.minLength, max: m.maxLength}
	for _, t := range m.texts {
		if e, ok := formatUpTo(t.at.text, m.maxLength); t.format && ok {
			t.expr = e
		}
		if t.not {
			l.not = append(l.not, t.expr)
		} else {
			l.all = append(l.all, t.expr)
		}
	}
	var texts []string
	for _, f := range m.facts {
		if f.but == nil {
			continue
		}
		for _, v := range f.but.values {
			if c.spend(1); v.kind == kindString {
				texts = append(texts, v.text)
			}
		}
	}
	if len(texts) > 0 {
		l.not = append(l.not, trie(texts, Literal))
	}
	return l
}

// trie returns an expression of texts that shares their beginnings. One writes a text.
func trie(texts []string, one func(string) Expr) Expr {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	return trieOf(slices.Compact(texts), one)
}

// trieOf is trie of texts that are in order.
func trieOf(texts []string, one func(string) Expr) Expr {
	first, last := texts[0], texts[len(texts)-1]
	n := 0
	for n < len(first) && n < len(last) && first[n] == last[n] {
		n++
	}
	for n > 0 && n < len(first) && !utf8.RuneStart(first[n]) || n > 0 && n < len(last) && !utf8.RuneStart(last[n]) {
		n--
	}
	if len(texts) == 1 {
		return one(first)
	}
	head := one(first[:n])
	var ways []Expr
	rest := make([]string, len(texts))
	for i, t := range texts {
		rest[i] = t[n:]
	}
	if rest[0] == "" {
		ways = append(ways, Expr{})
		rest = rest[1:]
	}
	for len(rest) > 0 {
		c, _ := utf8.DecodeRuneInString(rest[0])
		to := 1
		for to < len(rest) && strings.HasPrefix(rest[to], string(c)) {
			to++
		}
		ways = append(ways, trieOf(rest[:to], one))
		rest = rest[to:]
	}
	return Seq(head, Or(ways...))
}

// fixed returns the texts of values that are listed one by one, each once.
func (c *schemaCompiler) fixed(values []*value) Expr {
	var ways []Expr
	var texts []string
	for _, v := range values {
		c.spend(1 + len(v.text))
		if v.kind == kindString {
			texts = append(texts, v.text)
		} else {
			ways = append(ways, c.constant(v))
		}
	}
	if len(texts) > 0 {
		ways = append(ways, Seq(Literal(`"`), trie(texts, escapeText), Literal(`"`)))
	}
	return Or(ways...)
}

// constant returns the texts of one value. Its members keep their order.
func (c *schemaCompiler) constant(v *value) Expr {
	c.spend(1 + len(v.text))
	switch v.kind {
	case kindString:
		return Seq(Literal(`"`), escapeText(v.text), Literal(`"`))
	case kindNumber:
		if short := canonical(v); short != v.text {
			return Or(Literal(v.text), Literal(short))
		}
		return Literal(v.text)
	case kindArray, kindObject:
		var parts []Expr
		for i, s := range v.subs {
			if i > 0 {
				parts = append(parts, comma)
			}
			if v.kind == kindObject {
				parts = append(parts, nameOf(v.names[i]), colon)
			}
			parts = append(parts, c.constant(s))
		}
		if v.kind == kindArray {
			return Seq(Literal("["), space, Seq(parts...), space, Literal("]"))
		}
		return Seq(Literal("{"), space, Seq(parts...), space, Literal("}"))
	}
	return Literal(canonical(v))
}
