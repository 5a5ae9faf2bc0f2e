package grammar

// negate returns what a term does not take: for facts, one alternative for each of them
// that may be broken. The alternatives list no names of their own.
func (c *schemaCompiler) negate(t *term, soft bool) *term {
	switch t.kind {
	case termSchema:
		c.openOnce(t)
		return c.not(t.body, soft)
	case termAll, termAny:
		k := termAny
		if t.kind == termAny {
			k = termAll
		}
		out := c.new(k)
		out.quiet = true
		for _, s := range t.subs {
			out.subs = append(out.subs, c.not(s, soft))
		}
		return out
	case termOne:
		return c.bad(unsupportedAt(c.ringAt(t), "oneOf within a negation (not, if, a oneOf whose branches overlap)"), soft)
	case termBad:
		return c.bad(t.err, soft)
	}
	n := &negation{schemaCompiler: c, of: t.facts, soft: soft}
	n.simple()
	n.array()
	n.object()
	out := c.new(termAny, n.ways...)
	out.quiet = true
	return out
}

// bad returns a term that cannot be held.
func (c *schemaCompiler) bad(err error, soft bool) *term {
	t := c.new(termBad)
	t.err, t.soft, t.quiet = err, soft, true
	return t
}

// negation collects the ways to break facts.
type negation struct {
	*schemaCompiler
	of   *facts
	soft bool
	ways []*term
}

// way adds values of a type that break one fact.
func (n *negation) way(t types, set func(*facts)) {
	if t &= n.of.types; t != 0 {
		f := quietFacts(t)
		set(f)
		n.ways = append(n.ways, n.factsTerm(f))
	}
}

// unsupported adds a way that cannot be held.
func (n *negation) unsupported(t types, at *value, what string) {
	if t&n.of.types == 0 {
		return
	}
	if at == nil {
		at = n.doc.root
	}
	bad := n.bad(unsupportedAt(at, what+" within a negation (not, if, a oneOf whose branches overlap)"), n.soft)
	n.ways = append(n.ways, n.new(termAll, n.factsTerm(quietFacts(t&n.of.types)), bad))
}

// simple breaks what is said of all values, of numbers and of strings.
func (n *negation) simple() {
	of := n.of
	if of.types != typeAll {
		n.ways = append(n.ways, n.factsTerm(quietFacts(typeAll&^of.types)))
	}
	if of.only != nil {
		n.way(typeAll, func(f *facts) { f.but = of.only })
	}
	if of.but != nil {
		n.way(typeAll, func(f *facts) { f.only = of.but })
	}
	if of.lo.set {
		n.way(typeNumber, func(f *facts) { f.hi = limit{true, !of.lo.open, of.lo.decimal} })
	}
	if of.hi.set {
		n.way(typeNumber, func(f *facts) { f.lo = limit{true, !of.hi.open, of.hi.decimal} })
	}
	for _, s := range of.steps {
		n.unsupported(typeNumber, s, "multipleOf")
	}
	if of.minLength > 0 {
		n.way(typeString, func(f *facts) { f.maxLength = of.minLength - 1 })
	}
	if of.maxLength != Unbounded {
		n.way(typeString, func(f *facts) { f.minLength = of.maxLength + 1 })
	}
	for _, t := range of.texts {
		if t.format {
			n.unsupported(typeString, t.at, "format")
			continue
		}
		n.way(typeString, func(f *facts) { f.texts = []text{{expr: t.expr, not: !t.not, at: t.at}} })
	}
}

// array breaks what is said of arrays.
func (n *negation) array() {
	of := n.of
	if of.minItems > 0 {
		n.way(typeArray, func(f *facts) { f.maxItems = of.minItems - 1 })
	}
	if of.maxItems != Unbounded {
		n.way(typeArray, func(f *facts) { f.minItems = of.maxItems + 1 })
	}
	for i, p := range of.prefix {
		n.way(typeArray, func(f *facts) {
			f.minItems = i + 1
			f.prefix = make([]*term, i+1)
			for j := range i {
				f.prefix[j] = n.new(termAll)
			}
			f.prefix[i] = n.not(p, n.soft)
		})
	}
	switch {
	case of.items == nil || n.always(of.items):
	case n.open(of.items).isNever():
		n.way(typeArray, func(f *facts) { f.minItems = len(of.prefix) + 1 })
	case len(of.prefix) > 0:
		n.unsupported(typeArray, of.items.of, "items behind prefixItems")
	default:
		n.way(typeArray, func(f *facts) {
			f.contains = []*contains{{term: n.not(of.items, n.soft), min: 1, max: Unbounded, at: of.items.of}}
		})
	}
	for _, k := range of.contains {
		if k.min == 1 && k.max == Unbounded {
			n.way(typeArray, func(f *facts) { f.items = n.not(k.term, n.soft) })
		} else {
			n.unsupported(typeArray, k.at, "contains with a count")
		}
	}
	if of.unique != nil {
		n.unsupported(typeArray, of.unique, "uniqueItems")
	}
}

// object breaks what is said of objects.
func (n *negation) object() {
	of := n.of
	for _, p := range of.props {
		if n.always(p.term) {
			continue
		}
		n.way(typeObject, func(f *facts) {
			f.required = []string{p.name}
			if !n.open(p.term).isNever() {
				f.list(p.name, n.not(p.term, n.soft))
			}
		})
	}
	for _, r := range of.required {
		n.way(typeObject, func(f *facts) { f.list(r, n.new(termAny)) })
	}
	if of.minProps > 0 {
		n.way(typeObject, func(f *facts) { f.maxProps, f.boundAt = of.minProps-1, of.boundAt })
	}
	if of.maxProps != Unbounded {
		n.way(typeObject, func(f *facts) { f.minProps, f.boundAt = of.maxProps+1, of.boundAt })
	}
	for _, p := range of.patterns {
		if !n.always(p.term) {
			n.unsupported(typeObject, p.at, "patternProperties")
		}
	}
	if of.additional != nil && !n.always(of.additional) {
		n.unsupported(typeObject, of.additional.of, "additionalProperties")
	}
	for _, t := range of.names {
		n.unsupported(typeObject, t.of, "propertyNames")
	}
	if of.unevaluated != nil {
		n.unsupported(typeObject, of.unevaluated, "unevaluatedProperties")
	}
}

// always says that a term is the schema true, or one that is empty.
func (c *schemaCompiler) always(t *term) bool {
	if t.kind == termSchema {
		return t.of.kind == kindBool && t.of.truth || t.of.kind == kindObject && len(t.of.names) == 0
	}
	return t.kind == termAll && len(t.subs) == 0
}
