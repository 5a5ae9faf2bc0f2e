package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxConfigBytes bounds a config.json.
const maxConfigBytes = 16 << 20

// fields reads the values of a JSON object and keeps the first error.
type fields struct {
	file   string
	values map[string]any
	err    error
}

// parseJSON reads a JSON object and nothing behind it; name is for messages.
func parseJSON(name string, r io.Reader) (map[string]any, error) {
	limited := &io.LimitedReader{R: r, N: maxConfigBytes + 1}
	d := json.NewDecoder(limited)
	d.UseNumber()
	var v map[string]any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one JSON object")
		}
	}
	var kind *json.UnmarshalTypeError
	switch {
	case limited.N == 0:
		err = fmt.Errorf("is longer than %d bytes", maxConfigBytes)
	case errors.As(err, &kind):
		err = fmt.Errorf("is a JSON %s, want an object", kind.Value)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w: %w", name, err, ErrConfig)
	}
	return v, nil
}

func (f *fields) fail(key, got, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("model: %s: %s is %s, want %s: %w", f.file, key, got, want, ErrConfig)
	}
}

// show returns a value as a message shows it, cut short.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if s := string(b); len(s) <= 60 {
		return s
	}
	return string(b[:57]) + "..."
}

func (f *fields) has(key string) bool { return f.values[key] != nil }

// number returns a number, def where the key is absent or null.
func (f *fields) number(key string, def float64) float64 {
	v := f.values[key]
	if v == nil {
		return def
	}
	if n, ok := v.(json.Number); ok {
		if x, err := n.Float64(); err == nil {
			return x
		}
	}
	f.fail(key, show(v), "a number")
	return def
}

// count returns an integer from min to max, def where the key is absent.
func (f *fields) count(key string, def, min, max int) int {
	if !f.has(key) && def >= min {
		return def
	}
	if !f.has(key) {
		f.fail(key, "missing", fmt.Sprintf("an integer from %d to %d", min, max))
		return min
	}
	x := f.number(key, 0)
	if f.err == nil && (x != math.Trunc(x) || x < float64(min) || x > float64(max)) {
		f.fail(key, show(f.values[key]), fmt.Sprintf("an integer from %d to %d", min, max))
	}
	if f.err != nil {
		return min
	}
	return int(x)
}

func (f *fields) bool(key string, def bool) bool {
	switch v := f.values[key].(type) {
	case nil:
		return def
	case bool:
		return v
	default:
		f.fail(key, show(v), "true or false")
		return def
	}
}

func (f *fields) text(key, def string) string {
	switch v := f.values[key].(type) {
	case nil:
		return def
	case string:
		return v
	default:
		f.fail(key, show(v), "a string")
		return def
	}
}

// object returns a nested object, nil where the key is absent.
func (f *fields) object(key string) *fields {
	switch v := f.values[key].(type) {
	case nil:
		return nil
	case map[string]any:
		return &fields{file: f.file, values: v, err: f.err}
	default:
		f.fail(key, show(v), "an object")
		return nil
	}
}

// list returns a list that has one value for each layer, nil where the key is absent.
func (f *fields) list(key string, layers int) []any {
	v := f.values[key]
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		f.fail(key, show(v), "a list")
		return nil
	}
	if len(list) != layers {
		f.fail(key, fmt.Sprintf("a list of %d", len(list)), fmt.Sprintf("one of num_hidden_layers %d", layers))
		return nil
	}
	return list
}

// ids returns an integer or a list of them.
func (f *fields) ids(key string) (ids []int32) {
	list, ok := f.values[key].([]any)
	if !ok {
		if !f.has(key) {
			return nil
		}
		list = []any{f.values[key]}
	}
	for _, v := range list {
		n, _ := v.(json.Number)
		if x, err := n.Int64(); err == nil && x >= 0 && x < maxVocab {
			ids = append(ids, int32(x))
		} else {
			f.fail(key, show(f.values[key]), "token ids")
		}
	}
	return ids
}

// takeError keeps the error of a nested object.
func (f *fields) takeError(inner *fields) {
	if f.err == nil {
		f.err = inner.err
	}
}
