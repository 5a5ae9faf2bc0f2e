package jinja

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// object is a value inside the interpreter. Its dynamic type is one of
//
//	noneType bool int64 *big.Int float64 string markup *list *tuple *Dict
//	*undefined *view *span *generator *namespace *cycler *joiner *macro *loop
//	*function *block *blocks
//
// Values do not change once they are made, so parts of lists and strings are
// shared freely; the exceptions are those with a state of their own, from
// generator to loop. A nil object is a variable that was never set.
type object = any

type noneType struct{}

// none is Python's None.
var none object = noneType{}

// markup is a string that counts as escaped HTML. It matters to chat templates
// only because text added to the result of the filters safe and escape is
// escaped then.
type markup string

type list struct{ items []object }

// tuple is a tuple. A group of the filter groupby is one whose two items have
// names.
type tuple struct {
	items []object
	group bool
}

// span is a range.
type span struct{ start, stop, step, length int64 }

// at returns element i, 0 <= i < length.
func (s *span) at(i int64) int64 { return s.start + i*s.step }

// view is what the methods keys, values and items of a dict return.
type view struct {
	dict *Dict
	kind viewKind
}

type viewKind uint8

const (
	viewKeys viewKind = iota
	viewValues
	viewItems
)

// at returns element i of the view.
func (v *view) at(i int) object {
	switch v.kind {
	case viewKeys:
		return v.dict.keys[i]
	case viewValues:
		return v.dict.values[i]
	}
	return pair(v.dict.keys[i], v.dict.values[i])
}

// namespace is an object whose attributes a template can set.
type namespace struct{ attrs *Dict }

func pair(a, b object) *tuple { return &tuple{items: []object{a, b}} }

// undefined is what looking up something that is not there gives. It prints as
// nothing, is false and empty, and fails with its message in any other use.
type undefined struct {
	before, name, after string // of the message: name is quoted, and may be long
	kind                faultKind
}

func (u *undefined) fail() error {
	if u.name == "" {
		return &fault{u.kind, u.before}
	}
	return &fault{u.kind, u.before + quote(u.name) + u.after}
}

func undefinedf(message string) *undefined {
	return &undefined{before: message, kind: faultUndefined}
}

// undefinedName is a variable that does not exist.
func undefinedName(name string) *undefined {
	return &undefined{name: name, after: " is undefined", kind: faultUndefined}
}

// typeName is the name of a value's type, as Python's errors spell it.
func typeName(o object) string {
	switch o := o.(type) {
	case nil, noneType:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *list:
		return "list"
	case *tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *undefined:
		return "Undefined"
	case *span:
		return "range"
	case *view:
		return [...]string{"dict_keys", "dict_values", "dict_items"}[o.kind]
	case *generator:
		return o.name
	case *namespace:
		return "Namespace"
	case *cycler:
		return "Cycler"
	case *joiner:
		return "Joiner"
	case *macro:
		return "Macro"
	case *loop:
		return "LoopContext"
	case *blocks:
		return "TemplateReference"
	case *block:
		return "BlockReference"
	}
	return "function"
}

// truth is Python's bool(o).
func truth(o object) bool {
	switch o := o.(type) {
	case noneType, *undefined, nil:
		return false
	case bool:
		return o
	case int64:
		return o != 0
	case *big.Int:
		return o.Sign() != 0
	case float64:
		return o != 0
	case string:
		return o != ""
	case markup:
		return o != ""
	case *list:
		return len(o.items) > 0
	case *tuple:
		return len(o.items) > 0
	case *Dict:
		return o.Len() > 0
	case *span:
		return o.length > 0
	case *view:
		return o.dict.Len() > 0
	}
	return true
}

// stringOf returns the text of a str, a Markup included.
func stringOf(o object) (string, bool) {
	switch o := o.(type) {
	case string:
		return o, true
	case markup:
		return string(o), true
	}
	return "", false
}

// like gives s the type of o: Markup if o is.
func like(o object, s string) object {
	if _, ok := o.(markup); ok {
		return markup(s)
	}
	return s
}

// Value is a value that a template works on: what Python calls None, bool,
// int, float, str, list or dict. The zero Value is None.
type Value struct{ o object }

// String returns a str. Bytes that are not UTF-8 become U+FFFD.
func String(s string) Value { return Value{strings.ToValidUTF8(s, "\ufffd")} }

// Int returns an int.
func Int(i int64) Value { return Value{i} }

// Float returns a float.
func Float(f float64) Value { return Value{f} }

// Bool returns a bool.
func Bool(b bool) Value { return Value{b} }

// List returns a list of the values.
func List(values ...Value) Value {
	items := make([]object, len(values))
	for i, v := range values {
		items[i] = v.object()
	}
	return Value{&list{items}}
}

// ValueOf returns a Go value as package encoding/json writes it: structs and maps are
// dicts, those of maps in the order of their keys. Its errors are those of json.Marshal
// and ParseJSON.
func ValueOf(x any) (Value, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return Value{}, fmt.Errorf("jinja: %w", err)
	}
	return ParseJSON(text)
}

// Dict returns the dict in v, and whether v is one.
func (v Value) Dict() (*Dict, bool) {
	d, ok := v.o.(*Dict)
	return d, ok
}

// Text returns the str in v, and whether v is one.
func (v Value) Text() (string, bool) { return stringOf(v.o) }

// List returns the values of the list in v, and whether v is one.
func (v Value) List() ([]Value, bool) {
	l, ok := v.o.(*list)
	if !ok {
		return nil, false
	}
	out := make([]Value, len(l.items))
	for i, o := range l.items {
		out[i] = Value{o}
	}
	return out, true
}

// Truth is Python's bool(v): whether v is not empty, zero, False or None.
func (v Value) Truth() bool { return truth(v.o) }

// TypeName is the name of v's type in Python: NoneType, bool, int, float, str,
// list or dict.
func (v Value) TypeName() string { return typeName(v.o) }

// Print returns v as a template prints it: Python's str(v). The error is
// ErrLimit.
func (v Value) Print() (string, error) {
	s, err := newWriting().text(v.object())
	if err != nil {
		return "", fmt.Errorf("jinja: %w", err)
	}
	return s, nil
}

// newWriting returns what writes a value outside of a template, under
// DefaultLimits.
func newWriting() *rendering {
	return &rendering{ctx: context.Background(), limits: DefaultLimits, steps: DefaultLimits.Steps, next: DefaultLimits.Steps}
}

// IsNone reports whether v is None.
func (v Value) IsNone() bool { return v.object() == none }

func (v Value) object() object {
	if v.o == nil {
		return none
	}
	return v.o
}
