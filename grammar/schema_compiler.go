package grammar

import (
	"fmt"
	"strconv"
)

// schemaCompiler makes rules of one schema.
type schemaCompiler struct {
	doc   *document
	rules *Rules
	names string // what its rules' names begin with
	made  map[string]Expr
	queue []func() // writes the rules that are referred to

	work  int // steps that are left
	bound int // steps that there were

	terms   uint32
	schemas map[*value]*term
	texts   map[string]Expr // of patterns
	ways    map[string]*ways
	exprs   map[string]Expr // of terms, by their atoms
	look    int             // how deep contradictions are looked for
	proving bool            // that two branches exclude each other
	gaveUp  error           // of a branch that was left out since it cannot be held
	leftOut error           // the same, of all alternatives
}

// stopped ends a compilation from within; compile turns it into an error.
type stopped struct{ err error }

func (c *schemaCompiler) fail(err error) { panic(stopped{err}) }

// wrap fails with an error that does not say where it is.
func (c *schemaCompiler) wrap(at *value, err error) {
	if err != nil {
		c.fail(fmt.Errorf("grammar: schema: %s: %w", at.pointer(), err))
	}
}

// spend counts steps.
func (c *schemaCompiler) spend(steps int) {
	if c.work -= steps; c.work < 0 {
		c.fail(fmt.Errorf("grammar: schema: %w: over %d steps", ErrTooLarge, c.bound))
	}
}

// compileSchema puts the rules of a schema into rules and returns its expression. gaveUp
// is set where a branch was left out since it cannot be held, beside others.
func compileSchema(rules *Rules, src []byte, l *Limits) (e Expr, gaveUp, err error) {
	all, gaveUp, err := compileParts(rules, src, l, func(root *value) ([]*value, error) { return []*value{root}, nil })
	if err != nil {
		return Expr{}, nil, err
	}
	return all[0], gaveUp, nil
}

// compileParts is compileSchema of some schemas in one document, which share its definitions and
// the limits.
func compileParts(rules *Rules, src []byte, l *Limits, parts func(root *value) ([]*value, error)) (all []Expr, gaveUp, err error) {
	limits := l.withDefaults()
	if len(src) > limits.Source {
		return nil, nil, fmt.Errorf("grammar: schema: %w: %d bytes, at most %d", ErrTooLarge, len(src), limits.Source)
	}
	doc, err := newDocument(src)
	if err != nil {
		return nil, nil, err
	}
	list, err := parts(doc.root)
	if err != nil {
		return nil, nil, err
	}
	c := &schemaCompiler{
		doc: doc, rules: rules, made: map[string]Expr{}, work: limits.Work, bound: limits.Work,
		schemas: map[*value]*term{}, texts: map[string]Expr{}, ways: map[string]*ways{}, exprs: map[string]Expr{},
	}
	for n := len(rules.names); ; n++ {
		if c.names = "schema-" + strconv.Itoa(n) + "-"; !rules.Has(c.names + "0") {
			break
		}
	}
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(stopped)
			if !ok {
				panic(r)
			}
			all, gaveUp, err = nil, nil, s.err
		}
	}()
	for _, v := range list {
		all = append(all, c.whole(v))
	}
	return all, c.leftOut, nil
}

// whole returns the texts of the values of a schema, whose rules are written with it.
func (c *schemaCompiler) whole(v *value) Expr {
	before := c.leftOut
	c.leftOut = nil
	e := c.expr(c.schema(v))
	for len(c.queue) > 0 {
		next := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		next()
	}
	switch {
	case !isNothing(e):
		if c.leftOut == nil {
			c.leftOut = before
		}
	case c.leftOut != nil:
		c.fail(c.leftOut)
	case v.up == nil:
		c.fail(fmt.Errorf("grammar: schema: %w", ErrEmpty))
	default:
		c.fail(fmt.Errorf("grammar: schema: %s: %w", v.pointer(), ErrEmpty))
	}
	return e
}

// isNothing says that an expression matches no text.
func isNothing(e Expr) bool { return e.n != nil && e.n.op == opOr && len(e.n.subs) == 0 }

// row is Seq, and matches nothing where a part of it matches nothing.
func row(parts ...Expr) Expr {
	for _, p := range parts {
		if isNothing(p) {
			return p
		}
	}
	return Seq(parts...)
}

// rule returns a reference to the rule of a name, whose body is written later.
func (c *schemaCompiler) rule(key string, body func() Expr) Expr {
	if e, ok := c.made[key]; ok {
		return e
	}
	c.spend(10)
	name := c.names + strconv.Itoa(len(c.made))
	e := Ref(name)
	c.made[key] = e
	c.queue = append(c.queue, func() { c.rules.Set(name, body()) })
	return e
}

// expr returns the texts of values that match all of some terms.
func (c *schemaCompiler) expr(ts ...*term) Expr {
	key := keyOf(c.atoms(ts...))
	if e, ok := c.exprs[key]; ok {
		return e
	}
	var ways []Expr
	var fixed []*value
	lists := 0
	for _, a := range c.alternatives(ts...) {
		m := merge(a)
		if values, ok := c.constants(m); ok {
			fixed = append(fixed, values...)
			lists++
			continue
		}
		ways = append(ways, c.types(m)...)
	}
	if lists > 1 {
		fixed = newConstants(fixed).values
	}
	if len(fixed) > 0 {
		ways = append([]Expr{c.fixed(fixed)}, ways...)
	}
	e := Or(distinct(ways)...)
	if c.spend(len(ways)); len(ways) > 8 {
		all := e
		e = c.rule("v"+key, func() Expr { return all })
	}
	c.exprs[key] = e
	return e
}

// distinct leaves out expressions that are there already, and those of nothing.
func distinct(es []Expr) []Expr {
	var out []Expr
	seen := map[*node]bool{}
	for _, e := range es {
		if !isNothing(e) && !seen[e.n] {
			seen[e.n] = true
			out = append(out, e)
		}
	}
	return out
}

// types returns the texts of the values of each type.
func (c *schemaCompiler) types(m *merged) []Expr {
	var ways []Expr
	isNot := func(v *value) bool {
		for _, f := range m.facts {
			if f.but != nil && f.but.has(v) {
				return true
			}
		}
		return false
	}
	for _, v := range []*value{{kind: kindNull}, {kind: kindBool, truth: true}, {kind: kindBool}} {
		if m.types&typeOf(v) != 0 && !isNot(v) {
			ways = append(ways, Literal(canonical(v)))
		}
	}
	if m.types&typeNumber != 0 {
		ways = append(ways, c.number(m))
	}
	if m.types&typeString != 0 {
		ways = append(ways, c.str(m))
	}
	if m.types&typeArray != 0 {
		c.noConstants(m, kindArray)
		ways = append(ways, c.rule("a"+m.key, func() Expr { return c.array(m) }))
	}
	if m.types&typeObject != 0 {
		c.noConstants(m, kindObject)
		ways = append(ways, c.rule("o"+m.key, func() Expr { return c.object(m) }))
	}
	return ways
}

// noConstants refuses arrays or objects that must not be certain ones.
func (c *schemaCompiler) noConstants(m *merged, k kind) {
	for _, f := range m.facts {
		if f.but == nil {
			continue
		}
		for _, v := range f.but.values {
			if c.spend(1); v.kind == k {
				c.fail(unsupportedAt(v, "an array or an object that must not be"))
			}
		}
	}
}
