package wire

import (
	"fmt"
	"math"
	"strconv"
)

// Value is a value of a request that was checked to be JSON, and where it stands.
type Value struct {
	raw   []byte
	path  string
	wrong *error
}

// Path returns where the value stands in the body.
func (v Value) Path() string { return v.path }

// Raw returns the JSON text of the value, which belongs to the body.
func (v Value) Raw() []byte { return v.raw }

// IsNull says whether the value is null.
func (v Value) IsNull() bool { return len(v.raw) > 0 && v.raw[0] == 'n' }

// IsText says whether the value is a string.
func (v Value) IsText() bool { return v.raw[0] == '"' }

// IsArray says whether the value is a list.
func (v Value) IsArray() bool { return v.raw[0] == '[' }

// IsObject says whether the value is an object.
func (v Value) IsObject() bool { return v.raw[0] == '{' }

// IsNumber says whether the value is a number.
func (v Value) IsNumber() bool { return v.kind() == "a number" }

// IsBool says whether the value is true or false.
func (v Value) IsBool() bool { return v.raw[0] == 't' || v.raw[0] == 'f' }

// kind returns the type of the value as messages call it.
func (v Value) kind() string {
	switch v.raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// Refuse notes that the value cannot be honoured.
func (v Value) Refuse(format string, args ...any) {
	if *v.wrong == nil {
		*v.wrong = Refuse(v.path, format, args...)
	}
}

func (v Value) want(what string) { v.Refuse("%s is %s, want %s", v.path, v.kind(), what) }

// Text returns the text of a string.
func (v Value) Text() string {
	if !v.IsText() {
		v.want("a string")
		return ""
	}
	return unquote(v.raw[1 : len(v.raw)-1])
}

// Bool returns the value of a boolean.
func (v Value) Bool() *bool {
	if !v.IsBool() {
		v.want("true or false")
		return nil
	}
	b := v.raw[0] == 't'
	return &b
}

// Int returns a whole number from least to most. 3.0 and 3e0 are whole.
func (v Value) Int(least, most int64) *int64 {
	if !v.IsNumber() {
		v.want("a whole number")
		return nil
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	if err != nil {
		f, _ := strconv.ParseFloat(string(v.raw), 64)
		switch {
		case f != math.Trunc(f):
			v.Refuse("%s is %s, want a whole number", v.path, cut(v.raw))
			return nil
		case f < -1<<53 || f > 1<<53:
			v.outside(fmt.Sprint(least), fmt.Sprint(most))
			return nil
		}
		n = int64(f)
	}
	if n < least || n > most {
		v.outside(fmt.Sprint(least), fmt.Sprint(most))
		return nil
	}
	return &n
}

// Number returns a number from least to most.
func (v Value) Number(least, most float64) *float64 {
	if !v.IsNumber() {
		v.want("a number")
		return nil
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil || f < least || f > most {
		v.outside(fmt.Sprint(least), fmt.Sprint(most))
		return nil
	}
	return &f
}

func (v Value) outside(least, most string) {
	v.Refuse("%s is %s, want %s to %s", v.path, cut(v.raw), least, most)
}

// cut returns a number as messages repeat it.
func cut(raw []byte) string {
	const most = 24
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}

// IDs returns a list of at most so many token ids. Whether a vocabulary has them is for
// the model to say.
func (v Value) IDs(most int) []int32 {
	if !v.IsArray() {
		v.want("a list of token ids")
		return nil
	}
	ids := []int32{}
	v.each(func(one Value) bool {
		if len(ids) == most {
			v.Refuse("%s has more than %d entries", v.path, most)
			return false
		}
		n, err := strconv.ParseInt(string(one.raw), 10, 32)
		if err != nil || n < 0 {
			v.Refuse("%s[%d] is %s, want a token id", v.path, len(ids), cut(one.raw))
			return false
		}
		ids = append(ids, int32(n))
		return true
	})
	return ids
}

// Object returns the fields of an object.
func (v Value) Object() *Object {
	if !v.IsObject() {
		v.want("an object")
		return nil
	}
	return v.object()
}

// Array returns the values of a list of at most so many.
func (v Value) Array(most int) []Value {
	if !v.IsArray() {
		v.want("a list")
		return nil
	}
	list := []Value{}
	v.each(func(one Value) bool {
		if len(list) == most {
			v.Refuse("%s has more than %d entries", v.path, most)
			list = nil
			return false
		}
		one.path = v.path + "[" + strconv.Itoa(len(list)) + "]"
		list = append(list, one)
		return true
	})
	return list
}

// First returns the first value of a list, null where there is none.
func (v Value) First() Value {
	first := Value{raw: []byte("null"), wrong: v.wrong}
	if v.IsArray() {
		v.each(func(one Value) bool {
			first = one
			return false
		})
	}
	return first
}

// each yields the values of a list, without paths, until it is told to stop.
func (v Value) each(yield func(Value) bool) {
	s := scanner{text: v.raw, pos: 1}
	for s.space(); s.peek() != ']'; s.space() {
		if s.peek() == ',' {
			s.pos++
			s.space()
		}
		from := s.pos
		s.skip()
		if !yield(Value{raw: s.text[from:s.pos], wrong: v.wrong}) {
			return
		}
	}
}
