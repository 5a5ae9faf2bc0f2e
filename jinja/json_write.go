package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// filterTojson is json.dumps(x, ensure_ascii=False) with its other arguments.
func filterTojson(r *rendering, a []object) (object, error) {
	j := jsonWriter{w: writer{r: r}, item: ", ", colon: ": "}
	j.ascii = a[1] != nil && truth(a[1])
	if isGiven(a[2]) {
		j.indented = true
		j.item = ","
		if s, ok := stringOf(a[2]); ok {
			j.indent = s
		} else {
			n, err := argInt(a[2], 0, "tojson()")
			if err != nil {
				return nil, err
			}
			if n > maxPadding {
				return nil, errOutput
			}
			j.indent = strings.Repeat(" ", max(0, n))
		}
	}
	if isGiven(a[3]) {
		if err := j.separators(a[3]); err != nil {
			return nil, err
		}
	}
	j.sorted = a[4] != nil && truth(a[4])
	if err := j.value(a[0], 0); err != nil {
		return nil, err
	}
	return string(j.w.text), nil
}

// MarshalJSON writes v as the filter tojson does.
func (v Value) MarshalJSON() ([]byte, error) {
	j := jsonWriter{w: writer{r: newWriting()}, item: ", ", colon: ": "}
	if err := j.value(v.object(), 0); err != nil {
		return nil, fmt.Errorf("jinja: %w", err)
	}
	return j.w.text, nil
}

// jsonWriter writes values as Python's json module does.
type jsonWriter struct {
	w           writer
	ascii       bool
	indented    bool
	indent      string
	item, colon string // separators
	sorted      bool
}

func (j *jsonWriter) separators(o object) error {
	items, err := j.w.r.collect(o)
	if err != nil {
		return err
	}
	if len(items) != 2 {
		return faultf(faultValue, "separators: want two, got %d", len(items))
	}
	for i, to := range []*string{&j.item, &j.colon} {
		if *to, err = argText(items[i], "", "separators"); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonWriter) value(o object, depth int) error {
	if depth > j.w.r.limits.Depth {
		return errDepth
	}
	switch o := o.(type) {
	case string:
		return j.string(o)
	case markup:
		return j.string(string(o))
	case *list:
		return j.list(o.items, depth)
	case *tuple:
		return j.list(o.items, depth)
	case *Dict:
		return j.dict(o, depth)
	}
	s, ok, err := j.w.r.jsonScalar(o)
	if err != nil {
		return err
	}
	if !ok {
		return faultf(faultType, "object of type %s is not JSON serializable", typeName(o))
	}
	return j.w.write(s)
}

// jsonScalar is the text of a number, a bool or None, as a value or a key.
func (r *rendering) jsonScalar(o object) (string, bool, error) {
	switch o := o.(type) {
	case noneType:
		return "null", true, nil
	case bool:
		return strconv.FormatBool(o), true, nil
	case int64:
		return strconv.FormatInt(o, 10), true, nil
	case *big.Int:
		s, err := r.intText(o)
		return s, true, err
	case float64:
		switch {
		case math.IsNaN(o):
			return "NaN", true, nil
		case math.IsInf(o, 1):
			return "Infinity", true, nil
		case math.IsInf(o, -1):
			return "-Infinity", true, nil
		}
		return floatText(o), true, nil
	}
	return "", false, nil
}

// line begins a new line at depth, where lines are wanted.
func (j *jsonWriter) line(depth int) error {
	if !j.indented {
		return nil
	}
	if len(j.indent)*depth > maxPadding {
		return errOutput
	}
	return j.w.write("\n" + strings.Repeat(j.indent, depth))
}

func (j *jsonWriter) list(items []object, depth int) error {
	if len(items) == 0 {
		return j.w.write("[]")
	}
	j.w.text = append(j.w.text, '[')
	for i, o := range items {
		if i > 0 {
			j.w.text = append(j.w.text, j.item...)
		}
		if err := j.line(depth + 1); err != nil {
			return err
		}
		if err := j.value(o, depth+1); err != nil {
			return err
		}
	}
	if err := j.line(depth); err != nil {
		return err
	}
	return j.w.write("]")
}

func (j *jsonWriter) dict(d *Dict, depth int) error {
	if d.Len() == 0 {
		return j.w.write("{}")
	}
	keys, values := d.keys, d.values
	if j.sorted {
		var err error
		if keys, values, err = j.order(d); err != nil {
			return err
		}
	}
	j.w.text = append(j.w.text, '{')
	for i, k := range keys {
		if i > 0 {
			j.w.text = append(j.w.text, j.item...)
		}
		if err := j.line(depth + 1); err != nil {
			return err
		}
		if err := j.key(k); err != nil {
			return err
		}
		j.w.text = append(j.w.text, j.colon...)
		if err := j.value(values[i], depth+1); err != nil {
			return err
		}
	}
	if err := j.line(depth); err != nil {
		return err
	}
	return j.w.write("}")
}

func (j *jsonWriter) order(d *Dict) (keys, values []object, err error) {
	r := j.w.r
	items, err := r.keyedItems(&list{d.items()}, func(o object) (object, error) { return o.(*tuple).items[0], nil })
	if err != nil {
		return nil, nil, err
	}
	if err := r.sorted(items, false); err != nil {
		return nil, nil, err
	}
	for _, k := range items {
		kv := k.item.(*tuple).items
		keys, values = append(keys, kv[0]), append(values, kv[1])
	}
	return keys, values, nil
}

func (j *jsonWriter) key(k object) error {
	if s, ok := stringOf(k); ok {
		return j.string(s)
	}
	s, ok, err := j.w.r.jsonScalar(k)
	if err != nil {
		return err
	}
	if !ok {
		return faultf(faultType, "keys must be str, int, float, bool or None, not %s", typeName(k))
	}
	return j.string(s)
}

func (j *jsonWriter) string(s string) error {
	j.w.text = append(j.w.text, '"')
	for piece := range pieces(s) {
		if err := j.w.r.scan(len(piece)); err != nil {
			return err
		}
		j.w.text = appendJSON(j.w.text, piece, j.ascii)
		if err := j.w.grown(); err != nil {
			return err
		}
	}
	return j.w.write(`"`)
}

// appendJSON appends what stands between the quotes of a JSON string.
func appendJSON(b []byte, s string, ascii bool) []byte {
	start := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' && (c < utf8.RuneSelf || !ascii) && (c != 0x7f || !ascii) {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + utf8.RuneLen(c)
		if k := strings.IndexByte("\"\\\n\r\t\f\b", byte(min(c, utf8.RuneSelf))); k >= 0 {
			b = append(b, '\\', `"\nrtfb`[k])
			continue
		}
		if c > 0xffff {
			hi, lo := utf16.EncodeRune(c)
			b = appendHex(append(b, '\\', 'u'), hi, 4)
			c = lo
		}
		b = appendHex(append(b, '\\', 'u'), c, 4)
	}
	return append(b, s[start:]...)
}
