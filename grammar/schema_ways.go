package grammar

import (
	"slices"
)

// alternative is one way for a value to be: facts that all hold.
type alternative struct {
	key   string
	facts []*facts
}

// ways collects the alternatives of a value.
type ways struct {
	out    []*alternative
	gaveUp error // of a branch that was left out since it cannot be held
	seen   map[string]bool
}

// alternatives returns the ways in which a value can match all of some terms, none of
// which is known to be impossible.
func (c *schemaCompiler) alternatives(ts ...*term) []*alternative {
	atoms := c.atoms(ts...)
	mode := byte(c.look)
	if c.proving {
		mode |= 0x80
	}
	key := string(mode) + keyOf(atoms)
	w, ok := c.ways[key]
	if !ok {
		w = &ways{seen: map[string]bool{}}
		before := c.gaveUp
		c.gaveUp = nil
		c.visit(w, atoms)
		w.gaveUp, w.seen = c.gaveUp, nil
		c.gaveUp = before
		c.ways[key] = w
	}
	if w.gaveUp != nil {
		if len(w.out) == 0 && c.look == 0 {
			c.fail(w.gaveUp)
		}
		c.gaveUp = w.gaveUp
	}
	return w.out
}

// visit takes the branches of one atom after the other, those of a negation last, when
// it is known which names an object lists.
func (c *schemaCompiler) visit(w *ways, atoms []*term) {
	key := keyOf(atoms)
	if c.spend(5 + 20*len(atoms)); w.seen[key] {
		return
	}
	w.seen[key] = true
	next := slices.IndexFunc(atoms, func(t *term) bool { return t.kind == termAny && !t.quiet })
	listed := next < 0
	if listed {
		next = slices.IndexFunc(atoms, func(t *term) bool { return t.kind == termAny })
	}
	a := &alternative{key: key}
	var bad *term
	for _, t := range atoms {
		if t.kind == termFacts {
			a.facts = append(a.facts, t.facts)
		} else if t.kind == termBad {
			bad = t
		}
	}
	switch {
	case c.impossible(a, listed):
	case next >= 0:
		for _, b := range atoms[next].subs {
			one := slices.Clone(atoms)
			one[next] = b
			c.visit(w, c.atoms(one...))
		}
	case bad != nil && !c.proving && bad.soft:
		c.gaveUp, c.leftOut = bad.err, bad.err
	case bad != nil && !c.proving && c.look == 0:
		c.fail(bad.err)
	default:
		if w.out = append(w.out, a); len(w.out) > maxAlternatives {
			c.fail(tooLargeAt(c.doc.root, "over 10000 alternatives of one value"))
		}
	}
}

// never says that no value matches all of some terms, as far as is known. It may look
// into what an object or an array is of, up to a depth.
func (c *schemaCompiler) never(ts []*term) bool {
	if len(ts) == 1 {
		return c.open(ts[0]).isNever()
	}
	if c.look >= maxLook {
		return false
	}
	c.look++
	defer func() { c.look-- }()
	return len(c.alternatives(ts...)) == 0
}

// isNever says that a term is the schema false.
func (t *term) isNever() bool { return t.kind == termAny && len(t.subs) == 0 }

// maxLook is how deep contradictions are looked for.
const maxLook = 3

// oneOf returns what a oneOf is: each branch with the negation of those that might hold
// beside it. While contradictions are looked for it is anyOf, which allows no less.
func (c *schemaCompiler) oneOf(t *term) *term {
	if t.body != nil {
		return t.body
	}
	if t.loose == nil {
		t.loose = c.new(termAny, t.subs...)
	}
	if c.look > 0 || c.proving {
		return t.loose
	}
	c.proving = true
	n := len(t.subs)
	beside := make([][]*term, n)
	for i, a := range t.subs {
		for j, b := range t.subs[:i] {
			if len(c.alternatives(a, b)) > 0 {
				beside[i] = append(beside[i], c.not(b, true))
				beside[j] = append(beside[j], c.not(a, true))
			}
		}
	}
	c.proving = false
	body := c.new(termAny)
	for i, a := range t.subs {
		if len(beside[i]) == 0 {
			body.subs = append(body.subs, a)
		} else {
			body.subs = append(body.subs, c.new(termAll, append([]*term{a}, beside[i]...)...))
		}
	}
	t.body = body
	return body
}
