package jinja

import (
	"iter"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// text is Python's str(o).
func (r *rendering) text(o object) (string, error) {
	switch o := o.(type) {
	case string:
		return o, nil
	case markup:
		return string(o), nil
	case *undefined:
		return "", nil
	}
	return r.repr(o)
}

// repr is Python's repr(o).
func (r *rendering) repr(o object) (string, error) {
	w := writer{r: r}
	if err := w.repr(o, 0); err != nil {
		return "", err
	}
	return string(w.text), nil
}

// writer builds a string piece by piece under the limits of a rendering.
type writer struct {
	r     *rendering
	text  []byte
	spent int
}

// grown counts what was appended since the last call.
func (w *writer) grown() error {
	n := len(w.text) - w.spent
	w.spent = len(w.text)
	if int64(len(w.text)) > w.r.limits.Output {
		return errOutput
	}
	return w.r.spend(n)
}

func (w *writer) write(s string) error {
	w.text = append(w.text, s...)
	return w.grown()
}

// repr appends the repr of o, which is inside depth other values.
func (w *writer) repr(o object, depth int) error {
	if depth > w.r.limits.Depth {
		return errDepth
	}
	switch o := o.(type) {
	case noneType, nil:
		return w.write("None")
	case bool:
		if o {
			return w.write("True")
		}
		return w.write("False")
	case int64:
		w.text = strconv.AppendInt(w.text, o, 10)
		return w.grown()
	case *big.Int:
		s, err := w.r.intText(o)
		if err != nil {
			return err
		}
		return w.write(s)
	case float64:
		return w.write(floatText(o))
	case string:
		return w.quoted(o)
	case markup:
		if err := w.write("Markup("); err != nil {
			return err
		}
		if err := w.quoted(string(o)); err != nil {
			return err
		}
		return w.write(")")
	case *list:
		return w.sequence("[", o.items, "]", depth)
	case *tuple:
		if len(o.items) == 1 {
			return w.sequence("(", o.items, ",)", depth)
		}
		return w.sequence("(", o.items, ")", depth)
	case *Dict:
		return w.dict(o, depth)
	case *view:
		return w.view(o, depth)
	case *namespace:
		return w.enclosed("<Namespace ", o.attrs, ">", depth)
	case *loop:
		n, err := o.length(w.r)
		if err != nil {
			return err
		}
		return w.write("<LoopContext " + itoa(o.index0+1) + "/" + itoa(n) + ">")
	}
	return w.write(nameless(o))
}

// quoted appends the repr of a str, piece by piece, since that may be several times
// as long.
func (w *writer) quoted(s string) error {
	if err := w.r.work(len(s)); err != nil {
		return err
	}
	q := quoteFor(s)
	w.text = append(w.text, q)
	for piece := range pieces(s) {
		if err := w.r.tables(piece); err != nil {
			return err
		}
		w.text = appendEscaped(w.text, piece, q, false)
		if err := w.grown(); err != nil {
			return err
		}
	}
	w.text = append(w.text, q)
	return w.grown()
}

// pieces cuts a text into pieces of some kilobytes, between characters.
func pieces(s string) iter.Seq[string] {
	const most = 8192
	return func(yield func(string) bool) {
		for len(s) > most {
			end := most
			for !utf8.RuneStart(s[end]) {
				end--
			}
			if !yield(s[:end]) {
				return
			}
			s = s[end:]
		}
		yield(s)
	}
}

func (w *writer) enclosed(open string, o object, end string, depth int) error {
	if err := w.write(open); err != nil {
		return err
	}
	if err := w.repr(o, depth+1); err != nil {
		return err
	}
	return w.write(end)
}

func (w *writer) sequence(open string, items []object, end string, depth int) error {
	w.text = append(w.text, open...)
	for i, item := range items {
		if i > 0 {
			w.text = append(w.text, ", "...)
		}
		if err := w.repr(item, depth+1); err != nil {
			return err
		}
	}
	return w.write(end)
}

func (w *writer) dict(d *Dict, depth int) error {
	w.text = append(w.text, '{')
	for i, k := range d.keys {
		if i > 0 {
			w.text = append(w.text, ", "...)
		}
		if err := w.repr(k, depth+1); err != nil {
			return err
		}
		w.text = append(w.text, ": "...)
		if err := w.repr(d.values[i], depth+1); err != nil {
			return err
		}
	}
	return w.write("}")
}

func (w *writer) view(v *view, depth int) error {
	items := v.dict.keys
	switch v.kind {
	case viewValues:
		items = v.dict.values
	case viewItems:
		if err := w.r.spend(2 * dictCost * v.dict.Len()); err != nil {
			return err
		}
		items = v.dict.items()
	}
	return w.sequence(typeName(v)+"([", items, "])", depth)
}

// nameless describes the values that Python prints with their address in memory;
// here the address is left out.
func nameless(o object) string {
	switch o := o.(type) {
	case *undefined:
		return "Undefined"
	case *span:
		return "range" + spanText(o)
	case *macro:
		if o.code.name == "" {
			return "<Macro anonymous>"
		}
		return "<Macro " + quote(o.code.name) + ">"
	case *function:
		return o.text()
	case *blocks:
		return "<TemplateReference None>"
	}
	return "<" + typeName(o) + " object>"
}

func spanText(s *span) string {
	t := "(" + strconv.FormatInt(s.start, 10) + ", " + strconv.FormatInt(s.stop, 10)
	if s.step != 1 {
		t += ", " + strconv.FormatInt(s.step, 10)
	}
	return t + ")"
}
