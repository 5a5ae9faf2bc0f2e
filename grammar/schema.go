package grammar

import (
	"errors"
	"fmt"
)

// Schema returns the grammar of the JSON texts that a JSON Schema asks for. l may be nil.
// What the grammar lets through validates; what it cannot hold to is refused with
// ErrUnsupported by keyword and place, and never left out. Other errors wrap ErrSyntax,
// ErrTooLarge and ErrEmpty.
//
// Keywords are those that draft 4 to 2020-12 have in common:
//
//   - type, enum, const; anyOf, allOf, oneOf, not, if, then, else, dependentRequired,
//     dependentSchemas, dependencies; $ref, $defs, definitions, $id and $anchor within
//     the document, also as rings. Nothing is fetched. In drafts before 2019-09 a $ref
//     stands alone.
//   - properties, required, additionalProperties, patternProperties, propertyNames,
//     minProperties, maxProperties, and unevaluatedProperties false where no other
//     schema says more of the object.
//   - items, prefixItems, additionalItems, minItems, maxItems, contains and minContains,
//     and uniqueItems where the items are of ten constants at most.
//   - minLength, maxLength, pattern, format; minimum, maximum, exclusiveMinimum,
//     exclusiveMaximum (also as booleans) and multipleOf by whole numbers, 1/2, 1/4 and
//     so on: by other fractions readers do not agree on what a multiple is.
//
// A keyword that is null counts as not there, but for const. Words that are none of JSON
// Schema's, also nullable, are annotations, as is a format that is none of its. A format
// that it has is held, at times more strictly than asked, more so with maxLength.
//
// A grammar is one way to write each value, with some room:
//
//   - An object has the properties that are listed, in their order: those of a schema
//     before those of the schemas that it applies to the same object. Optional ones may
//     be left out. No name that is listed comes twice.
//   - Other names come behind them, and only where additionalProperties is not false or
//     nothing is listed: without additionalProperties a schema that has properties or
//     patternProperties is taken to list them all. Of names that are not listed the same
//     may come again (the last counts), so that one of them counts toward minProperties.
//   - White space is a space behind commas, colons and brackets, and before closing
//     ones, or there a line's end and an indent, except behind colons.
//   - Numbers have up to 308 digits on each side of the point, or 15 where more than a
//     range is asked, and are written as encoders write them: whole ones without a point
//     or an exponent, and no exponent within bounds.
//   - Strings may have all of JSON's escapes, but no half of a surrogate pair. Lengths
//     count characters. In texts that a pattern, a format, an enum or a list of names
//     bounds, printable ASCII stands for itself, except for what encoders escape.
//   - Of the branches of a oneOf that overlap, each has what no other one takes.
func Schema(schema []byte, l *Limits) (*Grammar, error) {
	var r Rules
	e, gaveUp, err := compileSchema(&r, schema, l)
	if err != nil {
		return nil, err
	}
	r.Set("root", e)
	g, err := Compile(&r, "root", l)
	if errors.Is(err, ErrEmpty) && gaveUp != nil {
		err = gaveUp
	}
	return g, err
}

// Schema puts the rules of a JSON Schema into r, and returns the expression of the texts
// that it asks for: see the function of that name.
func (r *Rules) Schema(schema []byte, l *Limits) (Expr, error) {
	e, _, err := compileSchema(r, schema, l)
	return e, err
}

// Properties is Schema for some of the properties that a schema of an object lists, each by
// itself: it returns the expressions of their values, in the order of names. What they refer to
// is looked for in the whole schema, and l bounds all of them together.
func (r *Rules) Properties(schema []byte, names []string, l *Limits) ([]Expr, error) {
	all, _, err := compileParts(r, schema, l, func(root *value) ([]*value, error) {
		properties := root.member("properties")
		list := make([]*value, len(names))
		for i, name := range names {
			if properties != nil {
				list[i] = properties.member(name)
			}
			if list[i] == nil {
				return nil, fmt.Errorf("grammar: schema: %w: it has no property %q", ErrSyntax, clip(name))
			}
		}
		return list, nil
	})
	return all, err
}
