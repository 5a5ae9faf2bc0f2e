package grammar

import (
	"fmt"
	"slices"
	"strconv"
)

// keywords reads one schema of the document.
type keywords struct {
	*schemaCompiler
	at    *value
	facts *facts
	all   []*term // what holds beside the facts
}

// read returns the term of a schema.
func (c *schemaCompiler) read(v *value) *term {
	switch {
	case v.kind == kindBool && v.truth:
		return c.new(termAll)
	case v.kind == kindBool:
		return c.new(termAny)
	case v.kind != kindObject:
		c.fail(wrongAt(v, "want a schema, an object or a boolean"))
	}
	c.spend(len(v.names))
	k := &keywords{schemaCompiler: c, at: v, facts: newFacts()}
	if ref := k.word("$ref"); ref != nil && c.doc.old {
		return k.reference(ref)
	}
	for i, name := range v.names {
		if v.subs[i].kind != kindNull || name == "const" {
			k.keyword(name, v.subs[i])
		}
	}
	k.conditional()
	k.arrays()
	k.bounds()
	if !k.facts.silent() {
		k.all = append([]*term{c.factsTerm(k.facts)}, k.all...)
	}
	if len(k.all) == 1 {
		return k.all[0]
	}
	return c.new(termAll, k.all...)
}

// word returns the value of a keyword, nil where it is not there. One that is null, as
// some clients write what they have not set, counts as not there.
func (k *keywords) word(name string) *value {
	if v := k.at.member(name); v != nil && v.kind != kindNull {
		return v
	}
	return nil
}

// keyword reads one keyword. What is none of JSON Schema's is an annotation.
func (k *keywords) keyword(name string, v *value) {
	f := k.facts
	switch name {
	case "$ref":
		k.all = append(k.all, k.reference(v))
	case "type":
		f.types &= k.types(v)
	case "enum":
		if v.kind != kindArray {
			k.fail(wrongAt(v, "want a list"))
		}
		k.only(v, v.subs)
	case "const":
		k.only(v, []*value{v})
	case "allOf":
		k.all = append(k.all, k.schemas(v)...)
	case "anyOf":
		k.all = append(k.all, k.new(termAny, k.schemas(v)...))
	case "oneOf":
		k.all = append(k.all, k.new(termOne, k.schemas(v)...))
	case "not":
		k.all = append(k.all, k.not(k.schema(v), false))
	case "multipleOf":
		k.number(v)
		f.steps = append(f.steps, v)
		k.step(v)
	case "minLength":
		f.minLength = max(f.minLength, k.count(v, false))
	case "maxLength":
		f.maxLength = k.count(v, true)
	case "pattern":
		f.texts = append(f.texts, text{expr: k.pattern(v), at: v})
	case "format":
		k.format(v)
	case "minItems":
		f.minItems = k.count(v, false)
	case "maxItems":
		f.maxItems = k.count(v, true)
	case "uniqueItems":
		if k.boolean(v) {
			f.unique = v
		}
	default:
		k.objectKeyword(name, v)
	}
}

// objectKeyword reads a keyword about objects, and refuses those that cannot be held.
func (k *keywords) objectKeyword(name string, v *value) {
	f := k.facts
	switch name {
	case "properties":
		f.lists = true
		for i, n := range k.object(v).names {
			f.list(n, k.schema(v.subs[i]))
		}
	case "patternProperties":
		f.lists = true
		for i, n := range k.object(v).names {
			e, err := patternExpr(n)
			k.wrap(v.subs[i], err)
			f.patterns = append(f.patterns, patternProperty{e, k.schema(v.subs[i]), v.subs[i]})
		}
	case "additionalProperties":
		f.additional = k.schema(v)
		f.free = v.kind != kindBool || v.truth
	case "unevaluatedProperties":
		if v.kind != kindBool {
			k.fail(unsupportedAt(v, "other than true and false"))
		}
		if !v.truth {
			f.unevaluated = v
		}
	case "required":
		f.required = k.nameList(v)
	case "propertyNames":
		f.names = append(f.names, k.schema(v))
	case "minProperties":
		f.minProps, f.boundAt = k.count(v, false), v
	case "maxProperties":
		f.maxProps, f.boundAt = k.count(v, true), v
	case "dependentRequired", "dependentSchemas", "dependencies":
		for i, n := range k.object(v).names {
			k.dependent(n, v.subs[i])
		}
	case "unevaluatedItems":
		if v.kind != kindBool || !v.truth {
			k.fail(unsupportedAt(v, "it cannot be held"))
		}
	case "$dynamicRef", "$recursiveRef", "extends", "disallow", "divisibleBy":
		k.fail(unsupportedAt(v, "it cannot be held"))
	}
}

// conditional reads if, then and else.
func (k *keywords) conditional() {
	cond := k.word("if")
	if cond == nil {
		return
	}
	yes := []*term{k.schema(cond)}
	no := []*term{k.not(yes[0], false)}
	if then := k.word("then"); then != nil {
		yes = append(yes, k.schema(then))
	}
	if other := k.word("else"); other != nil {
		no = append(no, k.schema(other))
	}
	if len(yes)+len(no) > 2 {
		k.all = append(k.all, k.new(termAny, k.new(termAll, yes...), k.new(termAll, no...)))
	}
}

// dependent reads what holds where an object has a name.
func (k *keywords) dependent(name string, v *value) {
	without := quietFacts(typeObject)
	without.list(name, k.new(termAny))
	with := quietFacts(typeObject)
	with.required = []string{name}
	then := k.factsTerm(with)
	if v.kind == kindArray {
		with.required = append(with.required, k.nameList(v)...)
	} else {
		then = k.new(termAll, then, k.schema(v))
	}
	other := k.factsTerm(quietFacts(typeAll &^ typeObject))
	k.all = append(k.all, k.new(termAny, other, k.factsTerm(without), then))
}

// arrays reads what the items of an array are, in the words of all drafts.
func (k *keywords) arrays() {
	f := k.facts
	if v := k.word("prefixItems"); v != nil {
		f.prefix = k.schemas(v)
	}
	if v := k.word("items"); v != nil && v.kind == kindArray {
		f.prefix = k.schemas(v)
		if v := k.word("additionalItems"); v != nil {
			f.items = k.schema(v)
		}
	} else if v != nil {
		f.items = k.schema(v)
	}
	v := k.word("contains")
	if v == nil {
		return
	}
	hits := &contains{term: k.schema(v), min: 1, max: Unbounded, at: v}
	if m := k.word("minContains"); m != nil {
		hits.min = k.count(m, false)
	}
	if m := k.word("maxContains"); m != nil {
		hits.max = k.count(m, true)
		hits.at = m
	}
	f.contains = append(f.contains, hits)
}

// bounds reads how small and how large a number may be. In old drafts exclusiveMinimum
// is a boolean beside minimum.
func (k *keywords) bounds() {
	for _, side := range []struct {
		at        *limit
		word, out string
		sign      int
	}{{&k.facts.lo, "minimum", "exclusiveMinimum", 1}, {&k.facts.hi, "maximum", "exclusiveMaximum", -1}} {
		v, open := k.word(side.word), k.word(side.out)
		if v != nil {
			k.limit(side.at, v, side.sign, open != nil && open.kind == kindBool && open.truth)
		}
		if open != nil && open.kind != kindBool {
			k.limit(side.at, open, side.sign, true)
		}
	}
}

// limit sets a bound, if it is the narrower one. sign is 1 for the lower one.
func (k *keywords) limit(at *limit, v *value, sign int, open bool) {
	d, ok, huge := newDecimal(k.number(v).text)
	switch {
	case huge && d.neg == (sign > 0): // all numbers that can be read are within it
	case huge:
		k.facts.types &^= typeNumber
	case !ok || len(d.frac) > maxDecimal-20:
		k.fail(unsupportedAt(v, "over 288 digits behind the point"))
	default:
		*at = narrower(*at, limit{true, open, d}, sign)
	}
}

// reference returns the term of what a $ref refers to.
func (k *keywords) reference(ref *value) *term {
	to, err := k.doc.resolve(ref)
	if err != nil {
		k.fail(err)
	}
	return k.schema(to)
}

func (k *keywords) types(v *value) types {
	words := []*value{v}
	if v.kind == kindArray {
		words = v.subs
	}
	var out types
	for _, w := range words {
		t, ok := typeWords[w.text]
		if w.kind != kindString || !ok {
			k.fail(wrongAt(w, fmt.Sprintf("%q is no type", clip(w.text))))
		}
		out |= t
	}
	if out == 0 {
		k.fail(wrongAt(v, "want a type"))
	}
	return out
}

// only narrows the values to some that are listed.
func (k *keywords) only(at *value, values []*value) {
	for _, v := range values {
		k.spend(4)
		if _, ok, _ := newDecimal(v.text); v.kind == kindNumber && !ok {
			k.fail(tooLargeAt(at, "a number of over 308 digits"))
		}
	}
	if k.facts.only != nil {
		values = slices.DeleteFunc(slices.Clone(values), func(v *value) bool { return !k.facts.only.has(v) })
	}
	k.facts.only = newConstants(values)
}

func (k *keywords) pattern(v *value) Expr {
	if v.kind != kindString {
		k.fail(wrongAt(v, "want a text"))
	}
	e, ok := k.texts[v.text]
	if !ok {
		var err error
		e, err = patternExpr(v.text)
		k.wrap(v, err)
		k.texts[v.text] = e
	}
	k.spend(len(v.text))
	return e
}

// format holds the formats that are known; others are annotations.
func (k *keywords) format(v *value) {
	if v.kind != kindString {
		k.fail(wrongAt(v, "want a text"))
	}
	if e, ok := formatExpr(v.text); ok {
		k.facts.texts = append(k.facts.texts, text{expr: e, format: true, at: v})
	}
}

func (k *keywords) schemas(v *value) []*term {
	if v.kind != kindArray {
		k.fail(wrongAt(v, "want a list of schemas"))
	}
	out := make([]*term, len(v.subs))
	for i, s := range v.subs {
		out[i] = k.schema(s)
	}
	return out
}

func (k *keywords) nameList(v *value) []string {
	if v.kind != kindArray {
		k.fail(wrongAt(v, "want a list of names"))
	}
	var out []string
	seen := map[string]bool{}
	for _, s := range v.subs {
		if s.kind != kindString {
			k.fail(wrongAt(s, "want a name"))
		}
		if !seen[s.text] {
			seen[s.text] = true
			out = append(out, s.text)
		}
	}
	return out
}

func (k *keywords) object(v *value) *value {
	if v.kind != kindObject {
		k.fail(wrongAt(v, "want an object"))
	}
	return v
}

func (k *keywords) boolean(v *value) bool {
	if v.kind != kindBool {
		k.fail(wrongAt(v, "want true or false"))
	}
	return v.truth
}

func (k *keywords) number(v *value) *value {
	if v.kind != kindNumber {
		k.fail(wrongAt(v, "want a number"))
	}
	return v
}

// maxCount bounds lengths: no text is that long.
const maxCount = 1<<31 - 1

// count reads how many there may be. Where that bounds from above, a number that no text
// reaches bounds nothing.
func (k *keywords) count(v *value, above bool) int {
	d, ok, huge := newDecimal(k.number(v).text)
	if !ok && !huge || d.neg || !d.whole() {
		k.fail(wrongAt(v, "want a whole number, 0 or more"))
	}
	n, fits := wholeNumber(d, maxCount)
	switch {
	case ok && fits:
		return n
	case above:
		return Unbounded
	}
	k.fail(tooLargeAt(v, "more than any text has"))
	return 0
}

// wholeNumber returns a decimal that is whole and not over a bound.
func wholeNumber(d decimal, bound int) (n int, ok bool) {
	n, err := strconv.Atoi("0" + d.int)
	return n, err == nil && n <= bound
}
