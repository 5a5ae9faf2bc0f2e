package signed

import (
	"io"
	"os"
	"strconv"
	"time"
)

// ReadAll reads at most so many bytes: more are refused with Form, those of a file that says
// how long it is before they are read.
func ReadAll(r io.Reader, most int) ([]byte, error) {
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() && st.Size() > int64(most) {
			return nil, Refuse(Form, "%d bytes, want at most %d", st.Size(), most)
		}
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(b) > most {
		err = Refuse(Form, "more than %d bytes", most)
	}
	return b, err
}

// Fields reads the members of an object. The first thing that is wrong is noted, and all
// that is read behind it is zero.
type Fields struct {
	path   string // of the object, with a dot behind it
	object Object
	used   []bool
	err    *error
}

// Read begins to read an object; path is what errors call it.
func Read(v any, path string) *Fields { return read(v, path, new(error)) }

func read(v any, path string, err *error) *Fields {
	f := &Fields{path: path, err: err}
	o, ok := v.(Object)
	if !ok && *err == nil {
		*err = Refuse(Form, "%s: %s, want an object", path, kindOf(v))
	}
	f.object, f.used = o, make([]bool, len(o))
	return f
}

// kindOf names the kind of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a bool"
	case string:
		return "a text"
	case Number:
		return "a number"
	case List:
		return "a list"
	case Object:
		return "an object"
	}
	return "nothing"
}

// Err returns what was wrong.
func (f *Fields) Err() error { return *f.err }

// Refuse notes that a member is wrong.
func (f *Fields) Refuse(reason Reason, name, format string, args ...any) {
	if *f.err == nil {
		*f.err = Refuse(reason, f.path+"."+name+": "+format, args...)
	}
}

// There says whether there is a member, null or not.
func (f *Fields) There(name string) bool {
	_, ok := f.object.Get(name)
	return ok
}

// Has says whether there is a member that is not null.
func (f *Fields) Has(name string) bool {
	v, ok := f.object.Get(name)
	return ok && v != nil
}

// Value returns a member, which has to be there.
func (f *Fields) Value(name string) any {
	for i := range f.object {
		if f.object[i].Name == name {
			f.used[i] = true
			return f.object[i].Value
		}
	}
	f.Refuse(Form, name, "missing")
	return nil
}

// want returns a member of a kind.
func want[T any](f *Fields, name, kind string) (t T) {
	v := f.Value(name)
	t, ok := v.(T)
	if !ok {
		f.Refuse(Form, name, "%s, want %s", kindOf(v), kind)
	}
	return t
}

// Text returns a text of least to most bytes without control characters.
func (f *Fields) Text(name string, least, most int) string {
	s := want[string](f, name, "a text")
	if len(s) < least || len(s) > most {
		f.Refuse(Form, name, "%d bytes, want %d to %d", len(s), least, most)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			f.Refuse(Form, name, "a control character")
			return ""
		}
	}
	return s
}

// LongText returns a text of at most so many bytes, of whatever characters.
func (f *Fields) LongText(name string, most int) string {
	s := want[string](f, name, "a text")
	if len(s) > most {
		f.Refuse(Form, name, "%d bytes, want at most %d", len(s), most)
		return ""
	}
	return s
}

// Time returns a time in UTC and whole seconds: 2026-11-28T09:00:00Z.
func (f *Fields) Time(name string) time.Time {
	const layout = "2006-01-02T15:04:05Z"
	s := want[string](f, name, "a text")
	t, err := time.Parse(layout, s)
	if err != nil || t.Format(layout) != s {
		f.Refuse(Form, name, "%.40q, want a time such as %s", s, layout)
	}
	return t
}

// Choice returns a text that is one of some.
func (f *Fields) Choice(name string, from ...string) string {
	s := want[string](f, name, "a text")
	for _, x := range from {
		if s == x {
			return s
		}
	}
	f.Refuse(Form, name, "%.40q, want one of %q", s, from)
	return ""
}

// Int returns an integer of least to most.
func (f *Fields) Int(name string, least, most int64) int64 {
	n := want[Number](f, name, "a number")
	v, ok := n.Int()
	if !ok || v < least || v > most {
		f.Refuse(Form, name, "%.40s, want an integer from %d to %d", string(n), least, most)
		return 0
	}
	return v
}

// Int returns the integer that a number is written as.
func (n Number) Int() (int64, bool) {
	v, err := strconv.ParseInt(string(n), 10, 64)
	return v, err == nil && n != "-0"
}

// Digest returns the 64 digits of a SHA-256 sum.
func (f *Fields) Digest(name string) string {
	s := want[string](f, name, "a text")
	if !IsDigest(s) {
		f.Refuse(Form, name, "%.80q, want 64 hexadecimal digits", s)
		return ""
	}
	return s
}

// DigestOrNone is Digest of what may be "".
func (f *Fields) DigestOrNone(name string) string {
	if v, ok := f.object.Get(name); ok && v == "" {
		f.Value(name)
		return ""
	}
	return f.Digest(name)
}

// IsDigest says whether a text is a SHA-256 sum as it is written here.
func IsDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Object returns the members of an object.
func (f *Fields) Object(name string) *Fields {
	v := f.Value(name)
	return read(v, f.path+"."+name, f.err)
}

// List returns a list of at most so many values.
func (f *Fields) List(name string, most int) List {
	l := want[List](f, name, "a list")
	if len(l) > most {
		f.Refuse(Form, name, "%d values, want at most %d", len(l), most)
		return nil
	}
	return l
}

// Objects returns the objects of a list of at most so many.
func (f *Fields) Objects(name string, most int) []*Fields {
	var all []*Fields
	for i, v := range f.List(name, most) {
		if *f.err != nil {
			return nil
		}
		all = append(all, read(v, f.path+"."+name+"["+strconv.Itoa(i)+"]", f.err))
	}
	return all
}

// Base64 returns the bytes of a text in base64, in its one form.
func (f *Fields) Base64(name string) []byte {
	s := want[string](f, name, "a text")
	b, ok := DecodeBase64(s)
	if !ok {
		f.Refuse(Form, name, "not base64 in its one form")
	}
	return b
}

// End notes a member that nobody asked for.
func (f *Fields) End() {
	for i, used := range f.used {
		if !used {
			f.Refuse(Form, f.object[i].Name, "unknown")
		}
	}
}
