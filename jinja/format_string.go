package jinja

import (
	"strconv"
	"strings"
)

// methodFormat is str.format.
func methodFormat(r *rendering, _ string, a arguments) (object, error) {
	f := formatter{r: r, args: a.pos[1:], named: a.dict()}
	return f.run(a.pos[0])
}

// formatter fills in the fields of a str.format text. Fields look into values
// by the rules of the sandbox.
type formatter struct {
	r      *rendering
	args   []object
	named  *Dict
	markup bool // what is filled in is escaped

	next   int  // argument of the next {}
	manual bool // arguments are numbered by hand
}

func (f *formatter) run(text object) (object, error) {
	s, _ := stringOf(text)
	_, f.markup = text.(markup)
	out, err := f.format(s, 2)
	return like(text, out), err
}

// format fills in s; a spec may have fields too, but not theirs.
func (f *formatter) format(s string, depth int) (string, error) {
	if depth < 0 {
		return "", faultf(faultValue, "max string recursion exceeded")
	}
	w := writer{r: f.r}
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			err := w.write(s)
			return string(w.text), err
		}
		if err := w.write(s[:i]); err != nil {
			return "", err
		}
		if i+1 < len(s) && s[i+1] == s[i] {
			if err := w.write(s[i : i+1]); err != nil {
				return "", err
			}
			s = s[i+2:]
			continue
		}
		if s[i] == '}' {
			return "", faultf(faultValue, "single '}' encountered in format string")
		}
		field, rest, err := cutField(s[i+1:])
		if err != nil {
			return "", err
		}
		text, err := f.field(field, depth)
		if err != nil {
			return "", err
		}
		if err := w.write(text); err != nil {
			return "", err
		}
		s = rest
	}
	return string(w.text), nil
}

// cutField returns what is before the } that ends a field, and what is behind.
func cutField(s string) (field, rest string, err error) {
	depth := 1
	brackets := false
	for i := range len(s) {
		switch s[i] {
		case '[':
			brackets = true
		case ']':
			brackets = false
		case '{':
			if !brackets {
				depth++
			}
		case '}':
			if brackets {
				continue
			}
			if depth--; depth == 0 {
				return s[:i], s[i+1:], nil
			}
		}
	}
	return "", "", faultf(faultValue, "expected '}' before end of string")
}

// field formats name!conversion:spec.
func (f *formatter) field(field string, depth int) (string, error) {
	name, spec, conversion := field, "", ""
	end := strings.IndexAny(field, ":!")
	if i := strings.IndexByte(field, '['); i >= 0 && i < end {
		if j := strings.IndexByte(field[i:], ']'); j >= 0 {
			if end = strings.IndexAny(field[i+j:], ":!"); end >= 0 {
				end += i + j
			}
		}
	}
	if end >= 0 {
		name = field[:end]
		rest := field[end:]
		if rest[0] == '!' {
			if len(rest) < 2 || len(rest) > 2 && rest[2] != ':' {
				return "", faultf(faultValue, "expected ':' after conversion specifier")
			}
			conversion, rest = rest[1:2], rest[2:]
		}
		spec = strings.TrimPrefix(rest, ":")
	}
	o, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	if o, err = f.convert(o, conversion); err != nil {
		return "", err
	}
	if strings.ContainsAny(spec, "{}") {
		if spec, err = f.format(spec, depth-1); err != nil {
			return "", err
		}
	}
	return f.fill(o, spec)
}

func (f *formatter) fill(o object, spec string) (string, error) {
	if !f.markup {
		return f.r.formatObject(o, spec)
	}
	if m, ok := o.(markup); ok {
		if spec != "" {
			return "", faultf(faultValue, "unsupported format specification for Markup")
		}
		return string(m), nil
	}
	s, err := f.r.formatObject(o, spec)
	if err != nil {
		return "", err
	}
	return f.r.escape(s)
}

func (f *formatter) convert(o object, conversion string) (object, error) {
	switch conversion {
	case "":
		return o, nil
	case "s":
		return f.r.text(o)
	case "r":
		return f.r.repr(o)
	case "a":
		s, err := f.r.repr(o)
		return asciiRepr(s), err
	}
	return nil, faultf(faultValue, "unknown conversion specifier %s", quote(conversion))
}

// lookup finds the value of a name such as 0.key[item].
func (f *formatter) lookup(name string) (object, error) {
	i := strings.IndexAny(name, ".[")
	first, path := name, ""
	if i >= 0 {
		first, path = name[:i], name[i:]
	}
	o, err := f.argument(first, path == "")
	for path != "" && err == nil {
		if path[0] == '.' {
			part := path[1:]
			if i := strings.IndexAny(part, ".["); i >= 0 {
				part = part[:i]
			}
			if part == "" {
				return nil, faultf(faultValue, "empty attribute in format string")
			}
			o, err = f.r.attribute(o, part)
			path = path[1+len(part):]
			continue
		}
		end := strings.IndexByte(path, ']')
		if end < 0 {
			return nil, faultf(faultValue, "missing ']' in format string")
		}
		if end == 1 {
			return nil, faultf(faultValue, "empty attribute in format string")
		}
		o, err = f.r.item(o, fieldKey(path[1:end]))
		path = path[end+1:]
		if path != "" && path[0] != '.' && path[0] != '[' {
			return nil, faultf(faultValue, "only '.' or '[' may follow ']' in format field specifier")
		}
	}
	return o, err
}

// fieldKey is a key in a field: digits are a number.
func fieldKey(s string) object {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return s
		}
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return s
	}
	return i
}

// argument finds the argument of a field: the next one, one by number, or one
// by name. Only a field that is alone, without a path, takes part in the rule
// that all are numbered or none.
func (f *formatter) argument(name string, alone bool) (object, error) {
	key := fieldKey(name)
	_, numbered := key.(int64)
	switch {
	case name == "" && alone && f.manual:
		return nil, faultf(faultValue, "cannot switch from manual field specification to automatic field numbering")
	case name == "" && alone:
		key = int64(f.next)
		f.next++
	case numbered && alone && f.next > 0:
		return nil, faultf(faultValue, "cannot switch from automatic field numbering to manual field specification")
	case numbered && alone:
		f.manual = true
	}
	if i, ok := key.(int64); ok {
		if i >= int64(len(f.args)) {
			return nil, faultf(faultLookup, "replacement index %d out of range for positional args tuple", i)
		}
		return f.args[i], nil
	}
	o, ok, err := f.r.itemOf(f.named, name)
	if err == nil && !ok {
		err = faultf(faultLookup, "%s", quote(name))
	}
	return o, err
}

// filterFormat is the filter format: printf with the arguments of the filter.
func filterFormat(r *rendering, _ string, a arguments) (object, error) {
	if len(a.pos) > 1 && len(a.named) > 0 {
		return nil, faultf(faultRuntime, "can't handle positional and keyword arguments at the same time")
	}
	text := a.pos[0]
	if !isText(text) {
		s, err := r.text(text)
		if err != nil {
			return nil, err
		}
		text = s
	}
	if len(a.named) > 0 {
		return r.printf(text, a.dict())
	}
	return r.printf(text, &tuple{items: a.pos[1:]})
}
