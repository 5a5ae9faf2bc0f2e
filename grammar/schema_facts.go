package grammar

import "fmt"

// types is a set of the types of values. A number is either whole or not.
type types uint8

const (
	typeNull types = 1 << iota
	typeBool
	typeFraction // a number that is not whole
	typeInteger
	typeString
	typeArray
	typeObject
	typeNumber = typeFraction | typeInteger
	typeAll    = typeNull | typeBool | typeNumber | typeString | typeArray | typeObject
)

// typeWords are the types by their names in schemas.
var typeWords = map[string]types{
	"null": typeNull, "boolean": typeBool, "number": typeNumber, "integer": typeInteger,
	"string": typeString, "array": typeArray, "object": typeObject,
}

// typeOf returns the type of a value.
func typeOf(v *value) types {
	switch v.kind {
	case kindNull:
		return typeNull
	case kindBool:
		return typeBool
	case kindString:
		return typeString
	case kindArray:
		return typeArray
	case kindObject:
		return typeObject
	}
	if d, ok, huge := newDecimal(v.text); ok && !d.whole() || !ok && !huge {
		return typeFraction
	}
	return typeInteger
}

// facts are what one schema says by itself, without those that it applies to the same
// value. What is about one type holds for values of that type alone.
type facts struct {
	quiet bool // of a negation: it lists no names
	types types
	only  *constants // what the value has to be one of; nil: anything
	but   *constants // what it must not be

	lo, hi limit
	steps  []*value // of multipleOf

	minLength, maxLength int
	texts                []text

	prefix             []*term
	items              *term // behind prefix; nil: anything
	minItems, maxItems int
	unique             *value // the uniqueItems that asks for it
	contains           []*contains

	props       []property
	index       map[string]int // of props
	patterns    []patternProperty
	additional  *term // nil: nothing is said
	required    []string
	names       []*term // of propertyNames
	lists       bool    // it has properties or patternProperties
	free        bool    // it lets any name be by additionalProperties
	minProps    int
	maxProps    int
	boundAt     *value // of minProps or maxProps
	unevaluated *value // the unevaluatedProperties that is false
}

// newFacts returns facts that say nothing.
func newFacts() *facts {
	return &facts{types: typeAll, maxLength: Unbounded, maxItems: Unbounded, maxProps: Unbounded}
}

// silent says that facts say nothing.
func (f *facts) silent() bool {
	return f.types == typeAll && f.only == nil && !f.lo.set && !f.hi.set && len(f.steps) == 0 &&
		f.minLength == 0 && f.maxLength == Unbounded && len(f.texts) == 0 &&
		len(f.prefix) == 0 && f.items == nil && f.minItems == 0 && f.maxItems == Unbounded && f.unique == nil && len(f.contains) == 0 &&
		!f.lists && f.additional == nil && len(f.required) == 0 && len(f.names) == 0 &&
		f.minProps == 0 && f.maxProps == Unbounded && f.unevaluated == nil
}

// quietFacts returns facts of a negation about some types.
func quietFacts(t types) *facts {
	f := newFacts()
	f.quiet, f.types = true, t
	return f
}

// limit bounds a number on one side.
type limit struct {
	set  bool
	open bool // the number itself is not allowed
	decimal
}

func (l *limit) String() string {
	if l == nil {
		return "any"
	}
	return fmt.Sprint(l.decimal.String(), l.open)
}

// text is what a string has to look like.
type text struct {
	expr   Expr
	not    bool
	format bool // it is of a format, which is held more strictly than some readers do
	at     *value
}

// property is one name of an object and its value.
type property struct {
	name string
	term *term
}

// patternProperty is what the names that match an expression have as values.
type patternProperty struct {
	expr Expr
	term *term
	at   *value
}

// contains is how many items of an array match a term.
type contains struct {
	term     *term
	min, max int
	at       *value
}

// property returns the term that is listed for a name, or nil.
func (f *facts) property(name string) *term {
	if i, ok := f.index[name]; ok {
		return f.props[i].term
	}
	return nil
}

// list lists a property.
func (f *facts) list(name string, t *term) {
	if f.index == nil {
		f.index = map[string]int{}
	}
	f.index[name] = len(f.props)
	f.props = append(f.props, property{name, t})
}

// constants are values that are listed one by one.
type constants struct {
	values []*value
	keys   map[string]bool // the same, as canonical makes them
}

func newConstants(values []*value) *constants {
	out := &constants{keys: map[string]bool{}}
	for _, v := range values {
		if k := canonical(v); !out.keys[k] {
			out.keys[k] = true
			out.values = append(out.values, v)
		}
	}
	return out
}

// has says whether a value is one of the constants.
func (k *constants) has(v *value) bool { return k.keys[canonical(v)] }
