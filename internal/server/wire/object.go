package wire

import "strings"

// Object is an object of a request. Its methods take fields out of it; a field of the
// wrong type, or out of range, is noted for Err with its path, and the method returns
// the zero value.
type Object struct {
	fields map[string]Value
	names  []string // in the order of the text
	path   string
	wrong  *error // the first, shared with all objects of a body
}

// Parse reads a body that has to be one object. The error is an *Error.
func Parse(body []byte) (*Object, error) {
	s := scanner{text: body}
	s.space()
	if s.pos == len(body) {
		return nil, Refuse("", "the body is empty, want a JSON object")
	}
	from := s.pos
	if s.value() {
		end := s.pos
		if s.space(); s.pos == len(body) {
			var wrong error
			v := Value{body[from:end], "", &wrong}
			if v.raw[0] != '{' {
				return nil, Refuse("", "the body is %s, want a JSON object", v.kind())
			}
			return v.object(), nil
		}
		s.fail("something behind the JSON object")
	}
	return nil, Refuse("", "the body cannot be read: %s", s.wrong)
}

// object splits the text of an object into its fields.
func (v Value) object() *Object {
	o := &Object{fields: map[string]Value{}, path: v.path, wrong: v.wrong}
	s := scanner{text: v.raw, pos: 1}
	for s.space(); s.peek() != '}'; s.space() {
		if s.peek() == ',' {
			s.pos++
		}
		key, _ := s.key()
		from := s.pos
		s.skip()
		o.names = append(o.names, key)
		o.fields[key] = Value{s.text[from:s.pos], joined(v.path, key), v.wrong}
	}
	return o
}

// skip passes over a value of text that was checked.
func (s *scanner) skip() {
	depth := 0
	for {
		switch s.peek() {
		case '"':
			for s.pos++; s.text[s.pos] != '"'; s.pos++ {
				if s.text[s.pos] == '\\' {
					s.pos++
				}
			}
			s.pos++
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case ',', ':', ' ', '\t', '\n', '\r':
			s.pos++
		default:
			for c := s.peek(); c != 0 && c != ',' && c != '}' && c != ']' && c > ' '; c = s.peek() {
				s.pos++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// joined returns the path of a field.
func joined(path, key string) string {
	if len(key) > maxQuote {
		key = strings.Trim(Quote(key), `"`)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Err returns the first thing that was wrong with what was taken of the body, an
// *Error, or nil.
func (o *Object) Err() error { return *o.wrong }

// Refuse notes that a field of o cannot be honoured.
func (o *Object) Refuse(name, format string, args ...any) {
	Value{path: joined(o.path, name), wrong: o.wrong}.Refuse(format, args...)
}

// Path returns where the object, or a field of it, stands in the body.
func (o *Object) Path(name string) string { return joined(o.path, name) }

// Names returns the fields in the order of the text, those that are null too.
func (o *Object) Names() []string { return o.names }

// Has says whether a field is there and not null.
func (o *Object) Has(name string) bool {
	v, ok := o.fields[name]
	return ok && !v.IsNull()
}

// Get returns a field; ok is false where it is absent or null.
func (o *Object) Get(name string) (v Value, ok bool) {
	v, ok = o.fields[name]
	return v, ok && !v.IsNull()
}

// Text returns a field that has to be a string, "" where it is not there.
func (o *Object) Text(name string) string {
	if v, ok := o.Get(name); ok {
		return v.Text()
	}
	return ""
}

// Bool returns a field that has to be true or false; nil where it is not there.
func (o *Object) Bool(name string) *bool {
	if v, ok := o.Get(name); ok {
		return v.Bool()
	}
	return nil
}

// True says whether a field is there and true.
func (o *Object) True(name string) bool {
	b := o.Bool(name)
	return b != nil && *b
}

// Int returns a field that has to be a whole number from least to most; nil where it is
// not there.
func (o *Object) Int(name string, least, most int64) *int64 {
	if v, ok := o.Get(name); ok {
		return v.Int(least, most)
	}
	return nil
}

// Number returns a field that has to be a number from least to most; nil where it is not
// there.
func (o *Object) Number(name string, least, most float64) *float64 {
	if v, ok := o.Get(name); ok {
		return v.Number(least, most)
	}
	return nil
}

// Object returns a field that has to be an object; nil where it is not there.
func (o *Object) Object(name string) *Object {
	if v, ok := o.Get(name); ok {
		return v.Object()
	}
	return nil
}

// Array returns a field that has to be a list of at most so many values; nil where it is
// not there.
func (o *Object) Array(name string, most int) []Value {
	if v, ok := o.Get(name); ok {
		return v.Array(most)
	}
	return nil
}

// OneOf returns a field that has to be one of these words, "" where it is not there or
// empty.
func (o *Object) OneOf(name string, words ...string) string {
	text := o.Text(name)
	for _, w := range words {
		if text == w {
			return text
		}
	}
	if text != "" {
		o.Refuse(name, "%s is %s, want one of %s", o.Path(name), Quote(text), strings.Join(words, ", "))
	}
	return ""
}
