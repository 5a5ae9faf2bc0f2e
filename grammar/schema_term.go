package grammar

import (
	"encoding/binary"
	"slices"
)

// termKind is the kind of a term.
type termKind uint8

const (
	termFacts  termKind = iota // what one schema says by itself
	termAll                    // all of subs
	termAny                    // one of subs at least
	termOne                    // one of subs and no other
	termSchema                 // the schema at of, read when it is needed
	termNot                    // not subs[0]
	termBad                    // what cannot be held: err
)

// term is a part of a schema: what values it takes. Terms are made once for each schema
// and compared by identity.
type term struct {
	kind  termKind
	id    uint32
	facts *facts
	subs  []*term
	of    *value
	err   error
	quiet bool // it comes of a negation
	soft  bool // where it cannot be held it is given up, as long as another branch is left
	seen  state
	loose *term    // of termOne: anyOf
	body  *term    // of termSchema, termNot, termOne: what it is, once it is known
	no    [2]*term // its negations, once they are made: hard and soft
}

// state is how far a term has been looked through for rings.
type state uint8

const (
	stateNew state = iota
	stateOpen
	stateDone
)

const (
	maxInPlace      = 5_000  // schemas that hold for the same value, within each other
	maxAlternatives = 10_000 // of one value
)

// new makes a term.
func (c *schemaCompiler) new(k termKind, subs ...*term) *term {
	c.spend(1 + len(subs))
	c.terms++
	return &term{kind: k, id: c.terms, subs: subs}
}

func (c *schemaCompiler) factsTerm(f *facts) *term {
	t := c.new(termFacts)
	t.facts, t.quiet = f, f.quiet
	return t
}

// schema returns the term of a schema in the document.
func (c *schemaCompiler) schema(v *value) *term {
	t := c.schemas[v]
	if t == nil {
		t = c.new(termSchema)
		t.of = v
		c.schemas[v] = t
	}
	return t
}

// not returns the negation of a term.
func (c *schemaCompiler) not(t *term, soft bool) *term {
	if t.kind == termNot {
		return t.subs[0]
	}
	i := 0
	if soft {
		i = 1
	}
	if t.no[i] == nil {
		t.no[i] = c.new(termNot, t)
		t.no[i].quiet, t.no[i].soft = true, soft
	}
	return t.no[i]
}

// open returns what a term is, without termSchema, termNot and termOne around it.
func (c *schemaCompiler) open(t *term) *term {
	for {
		switch t.kind {
		case termSchema, termNot:
			c.openOnce(t)
			t = t.body
		case termOne:
			t = c.oneOf(t)
		default:
			return t
		}
	}
}

// openOnce makes the body of a termSchema or a termNot.
func (c *schemaCompiler) openOnce(t *term) {
	if t.body != nil {
		return
	}
	if t.kind == termSchema {
		t.body = c.read(t.of)
	} else {
		t.body = c.negate(t.subs[0], t.soft)
	}
}

// ground refuses a term that holds for a value if it holds for the same value: a ring of
// references.
func (c *schemaCompiler) ground(t *term, depth int) {
	switch {
	case t.seen == stateDone || t.kind == termFacts || t.kind == termBad:
		return
	case t.seen == stateOpen:
		c.fail(unsupportedAt(c.ringAt(t), "a ring of schemas that hold for the same value"))
	case depth > maxInPlace:
		c.fail(tooLargeAt(c.ringAt(t), "over 5000 schemas that hold for the same value"))
	}
	c.spend(1)
	t.seen = stateOpen
	if t.kind == termSchema || t.kind == termNot {
		c.openOnce(t)
		c.ground(t.body, depth+1)
	} else {
		for _, s := range t.subs {
			c.ground(s, depth+1)
		}
	}
	t.seen = stateDone
}

// ringAt returns a schema near a term, to name it.
func (c *schemaCompiler) ringAt(t *term) *value {
	for range 1000 {
		switch {
		case t.kind == termSchema:
			return t.of
		case len(t.subs) == 0:
			return c.doc.root
		}
		t = t.subs[0]
	}
	return c.doc.root
}

// atoms puts terms that all hold for one value into their parts that are termFacts,
// termAny or termBad, in order, each once.
func (c *schemaCompiler) atoms(ts ...*term) []*term {
	var out []*term
	seen := map[*term]bool{}
	open := slices.Clone(ts)
	for slices.Reverse(open); len(open) > 0; {
		t := open[len(open)-1]
		open = open[:len(open)-1]
		c.ground(t, 0)
		c.spend(1)
		if t = c.open(t); seen[t] {
			continue
		}
		seen[t] = true
		if t.kind == termAll {
			for i := len(t.subs) - 1; i >= 0; i-- {
				open = append(open, t.subs[i])
			}
		} else {
			out = append(out, t)
		}
	}
	return out
}

// keyOf names atoms.
func keyOf(atoms []*term) string {
	b := make([]byte, 0, 4*len(atoms))
	for _, a := range atoms {
		b = binary.LittleEndian.AppendUint32(b, a.id)
	}
	return string(b)
}
