package grammar

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Expr is what a piece of text has to look like. Expressions are immutable values that
// may be used in several places. The zero Expr matches the empty text alone.
//
// Text is UTF-8, and a grammar sees its bytes: a Literal may hold any bytes, a Class
// takes whole characters.
type Expr struct{ n *node }

// Range is the characters from Lo to Hi, both included.
type Range struct{ Lo, Hi rune }

// op is the kind of an expression.
type op uint8

const (
	opLiteral op = iota + 1 // text
	opClass                 // ranges
	opSeq                   // subs
	opOr                    // subs; none: nothing matches
	opRepeat                // subs[0], min, max
	opRef                   // text
	opSpecial               // text
	opFree                  // texts
	opAnd                   // subs
	opWithout               // subs[0] but for subs[1]
	opBegin                 // the begin of the text, in a pattern that is being read
	opEnd                   // its end
)

// node is one expression. It is not changed once it is made.
type node struct {
	op       op
	text     string
	texts    []string
	ranges   []Range // in order, none of which touch
	subs     []*node // nil: the empty text
	min, max int
	depth    int // of expressions in one another
	size     int // about the states that it takes, at most maxSize

	begins, ends bool // it has an opBegin or an opEnd in it
}

// maxSize is a size that is beyond all bounds.
const maxSize = 1 << 30

// Unbounded is the max of a Repeat without an end.
const Unbounded = -1

// Literal matches a text to the byte.
func Literal(text string) Expr {
	if text == "" {
		return Expr{}
	}
	return Expr{&node{op: opLiteral, text: text, depth: 1, size: len(text)}}
}

// Class matches one character of any of the ranges. What is no character (surrogates,
// what is beyond U+10FFFF) is left out of them.
func Class(ranges ...Range) Expr {
	return class(normalRanges(ranges))
}

// NotClass matches one character that is in none of the ranges.
func NotClass(ranges ...Range) Expr {
	return class(complement(normalRanges(ranges)))
}

// class returns the expression of ranges in order.
func class(ranges []Range) Expr {
	n := &node{op: opClass, ranges: ranges, depth: 1, size: 1}
	for _, r := range ranges {
		if r.Hi >= utf8.RuneSelf {
			n.size += 4
		}
	}
	return Expr{n}
}

// Any matches one character, be it a newline.
func Any() Expr { return NotClass() }

// Seq matches what the expressions match, one behind the other.
func Seq(exprs ...Expr) Expr {
	var subs []*node
	for _, e := range exprs {
		switch {
		case e.n == nil:
		case e.n.op == opSeq:
			subs = append(subs, e.n.subs...)
		default:
			subs = append(subs, e.n)
		}
	}
	subs = joinLiterals(subs)
	switch len(subs) {
	case 0:
		return Expr{}
	case 1:
		return Expr{subs[0]}
	}
	return compound(opSeq, subs)
}

// joinLiterals makes one of literals that follow each other.
func joinLiterals(subs []*node) []*node {
	out := subs[:0:0]
	for len(subs) > 0 {
		n := 0
		for n < len(subs) && subs[n].op == opLiteral {
			n++
		}
		if n < 2 {
			out, subs = append(out, subs[0]), subs[1:]
			continue
		}
		var text strings.Builder
		for _, s := range subs[:n] {
			text.WriteString(s.text)
		}
		out, subs = append(out, Literal(text.String()).n), subs[n:]
	}
	return out
}

// Or matches what any of the expressions matches; none at all match nothing.
func Or(exprs ...Expr) Expr {
	var subs []*node
	for _, e := range exprs {
		if e.n != nil && e.n.op == opOr {
			subs = append(subs, e.n.subs...)
		} else {
			subs = append(subs, e.n)
		}
	}
	if len(subs) == 1 {
		return Expr{subs[0]}
	}
	return compound(opOr, subs)
}

// Repeat matches an expression min to max times, or any number from min on where max is
// Unbounded. Both may be large: they are counted, not written out. Where max is less
// than min nothing matches.
func Repeat(e Expr, min, max int) Expr {
	switch {
	case max != Unbounded && max < min || min < 0:
		return Or()
	case e.n == nil || max == 0:
		return Expr{}
	case min == 1 && max == 1:
		return e
	}
	out := compound(opRepeat, []*node{e.n})
	out.n.min, out.n.max = min, max
	out.n.size = product(e.n.size, out.n.copies())
	return out
}

// copies returns how many copies of its expression a Repeat is where it is written out.
func (n *node) copies() int {
	if n.max == Unbounded {
		return n.min + 1
	}
	return n.max
}

// product returns the product of two sizes.
func product(a, b int) int {
	if a > 0 && b > maxSize/a {
		return maxSize
	}
	return a * b
}

// Optional matches an expression, or the empty text.
func Optional(e Expr) Expr { return Repeat(e, 0, 1) }

// Ref matches what a rule of the Rules matches.
func Ref(rule string) Expr { return Expr{&node{op: opRef, text: rule, depth: 1, size: 1}} }

// Special matches one special token of the vocabulary by its text, or the text itself
// in ordinary tokens. In all other expressions the special tokens match nothing.
func Special(text string) Expr {
	if text == "" {
		return Expr{}
	}
	return Expr{&node{op: opSpecial, text: text, depth: 1, size: 1 + len(text)}}
}

// Free matches any bytes, and any special tokens that end no answer, each of which counts
// as its text, in which none of the stops occurs; it may end in the beginning of one.
func Free(stops ...string) Expr {
	n := &node{op: opFree, texts: slices.Clone(stops), depth: 1, size: 1}
	for _, s := range stops {
		n.size += len(s)
	}
	return Expr{n}
}

// And matches what all of the expressions match. They have to be regular: without Ref,
// Special and Free.
func And(exprs ...Expr) Expr {
	if len(exprs) == 0 {
		return Repeat(Any(), 0, Unbounded)
	}
	subs := make([]*node, len(exprs))
	for i, e := range exprs {
		subs[i] = e.n
	}
	if len(subs) == 1 {
		return exprs[0]
	}
	return compound(opAnd, subs)
}

// Without matches what e matches and not does not. Both have to be regular: without Ref,
// Special and Free.
func Without(e, not Expr) Expr { return compound(opWithout, []*node{e.n, not.n}) }

// compound returns an expression of others.
func compound(o op, subs []*node) Expr {
	n := &node{op: o, subs: subs}
	for _, s := range subs {
		if s != nil {
			n.depth = max(n.depth, s.depth)
			n.size = min(n.size+s.size, maxSize)
			n.begins, n.ends = n.begins || s.begins, n.ends || s.ends
		}
	}
	n.depth++
	n.size = min(n.size+1, maxSize)
	return Expr{n}
}

// normalRanges returns the characters of ranges in order, without ranges that touch.
func normalRanges(ranges []Range) []Range {
	var all []Range
	for _, r := range ranges {
		r.Lo, r.Hi = max(r.Lo, 0), min(r.Hi, utf8.MaxRune)
		for _, part := range []Range{{r.Lo, min(r.Hi, 0xD7FF)}, {max(r.Lo, 0xE000), r.Hi}} {
			if part.Lo <= part.Hi {
				all = append(all, part)
			}
		}
	}
	slices.SortFunc(all, func(a, b Range) int { return int(a.Lo - b.Lo) })
	var out []Range
	for _, r := range all {
		if n := len(out); n > 0 && r.Lo <= out[n-1].Hi+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// complement returns the characters that are not in ranges, which are in order.
func complement(ranges []Range) []Range {
	var out []Range
	next := rune(0)
	for _, r := range ranges {
		if next < r.Lo {
			out = append(out, Range{next, r.Lo - 1})
		}
		next = r.Hi + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, Range{next, utf8.MaxRune})
	}
	return normalRanges(out)
}

// Rules are named expressions, which refer to each other by Ref. The zero value has
// none.
type Rules struct {
	names  []string
	bodies []Expr
	index  map[string]int
	twice  []string // names that were set more than once
}

// Set gives a rule its expression. A name that is set twice is an error of Compile.
func (r *Rules) Set(name string, e Expr) {
	if r.index == nil {
		r.index = map[string]int{}
	}
	if _, ok := r.index[name]; ok {
		r.twice = append(r.twice, name)
		return
	}
	r.index[name] = len(r.names)
	r.names = append(r.names, name)
	r.bodies = append(r.bodies, e)
}

// Has says whether a rule is set.
func (r *Rules) Has(name string) bool {
	_, ok := r.index[name]
	return ok
}
