package inference

import (
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// maxToolName bounds the name of a tool, in bytes.
const maxToolName = 128

// ReadFunction reads a function that may be called, and returns its name and it as
// templates want it. What is wrong is noted in f.
func ReadFunction(f *wire.Object) (string, jinja.Value) {
	if !f.Has("name") {
		f.Refuse("name", "%s is missing", f.Path("name"))
		return "", jinja.Value{}
	}
	name := f.Text("name")
	if !isToolName(name) {
		f.Refuse("name", "%s is %s, want 1 to %d letters, digits, _, - and .", f.Path("name"), wire.Quote(name), maxToolName)
	}
	x := &jinja.Dict{}
	x.Set("name", jinja.String(name))
	if text := f.Text("description"); text != "" {
		x.Set("description", jinja.String(text))
	}
	if v, ok := f.Get("parameters"); ok && f.Object("parameters") != nil {
		schema, err := jinja.ParseJSON(v.Raw())
		if err != nil {
			v.Refuse("%s is too large", v.Path())
		}
		x.Set("parameters", schema)
	}
	d := &jinja.Dict{}
	d.Set("type", jinja.String("function"))
	d.Set("function", x.Value())
	return name, d.Value()
}

func isToolName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxToolName
}
