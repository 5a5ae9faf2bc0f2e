package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// maxConfigBytes bounds a config.json.
const maxConfigBytes = 16 << 20

// object reads the values of a JSON object and keeps the first error.
type object struct {
	file   string
	values map[string]any
	err    error
}

// parseJSON reads a JSON object and nothing behind it; name is for messages. NaN,
// Infinity and -Infinity, which Python writes, become texts, so that only who reads
// such a key as a number refuses it.
func parseJSON(name string, r io.Reader) (map[string]any, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxConfigBytes+1))
	if err == nil && len(b) > maxConfigBytes {
		err = fmt.Errorf("is longer than %d bytes", maxConfigBytes)
	}
	var v map[string]any
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(checkpoint.PlainJSON(b)))
		d.UseNumber()
		err = d.Decode(&v)
		if err == nil {
			if _, more := d.Token(); more != io.EOF {
				err = errors.New("more than one JSON object")
			}
		}
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		err = fmt.Errorf("is a JSON %s, want an object", kind.Value)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w: %w", name, err, ErrConfig)
	}
	return v, nil
}

// fill gives absent keys the values of defaults, and keys that go by another name here
// their own one. A key that is null stays null.
func (o *object) fill(defaults map[string]any, aliases map[string]string) {
	for _, other := range slices.Sorted(maps.Keys(aliases)) {
		key := aliases[other]
		if v, ok := o.values[other]; ok {
			if _, there := o.values[key]; !there {
				o.values[key] = v
			}
		}
	}
	for key, v := range defaults {
		if _, there := o.values[key]; !there {
			o.values[key] = v
		}
	}
}

func (o *object) fail(key, got, want string) {
	if o.err == nil {
		o.err = fmt.Errorf("model: %s: %s is %s, want %s: %w", o.file, key, got, want, ErrConfig)
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

func (o *object) has(key string) bool { return o.values[key] != nil }

// number returns a number, def where the key is absent or null.
func (o *object) number(key string, def float64) float64 {
	v := o.values[key]
	if v == nil {
		return def
	}
	switch n := v.(type) {
	case json.Number:
		if x, err := n.Float64(); err == nil {
			return x
		}
	case int: // a default
		return float64(n)
	case float64:
		return n
	}
	o.fail(key, show(v), "a number")
	return def
}

// count returns an integer from min to max, def where the key is absent.
func (o *object) count(key string, def, min, max int) int {
	if !o.has(key) && def >= min {
		return def
	}
	if !o.has(key) {
		o.fail(key, "missing", fmt.Sprintf("an integer from %d to %d", min, max))
		return min
	}
	x := o.number(key, 0)
	if o.err == nil && (x != math.Trunc(x) || x < float64(min) || x > float64(max)) {
		o.fail(key, show(o.values[key]), fmt.Sprintf("an integer from %d to %d", min, max))
	}
	if o.err != nil {
		return min
	}
	return int(x)
}

func (o *object) bool(key string, def bool) bool {
	switch v := o.values[key].(type) {
	case nil:
		return def
	case bool:
		return v
	default:
		o.fail(key, show(v), "true or false")
		return def
	}
}

func (o *object) text(key, def string) string {
	switch v := o.values[key].(type) {
	case nil:
		return def
	case string:
		return v
	default:
		o.fail(key, show(v), "a string")
		return def
	}
}

// inner returns a nested object, nil where the key is absent.
func (o *object) inner(key string) *object {
	switch v := o.values[key].(type) {
	case nil:
		return nil
	case map[string]any:
		return &object{file: o.file, values: v, err: o.err}
	default:
		o.fail(key, show(v), "an object")
		return nil
	}
}

// list returns a list that has one value for each layer, nil where the key is absent.
func (o *object) list(key string, layers int) []any {
	v := o.values[key]
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		o.fail(key, show(v), "a list")
		return nil
	}
	if len(list) != layers {
		o.fail(key, fmt.Sprintf("a list of %d", len(list)), fmt.Sprintf("one of num_hidden_layers %d", layers))
		return nil
	}
	return list
}

// numbers returns a list of numbers.
func (o *object) numbers(key string) []float64 {
	list, ok := o.values[key].([]any)
	if !ok {
		o.fail(key, show(o.values[key]), "a list of numbers")
		return nil
	}
	out := make([]float64, len(list))
	for i, v := range list {
		x := object{file: o.file, values: map[string]any{key: v}}
		out[i] = x.number(key, math.NaN()) // null is none
		o.takeError(&x)
	}
	return out
}

// ids returns an integer or a list of them.
func (o *object) ids(key string) (ids []int32) {
	list, ok := o.values[key].([]any)
	if !ok {
		if !o.has(key) {
			return nil
		}
		list = []any{o.values[key]}
	}
	for _, v := range list {
		n, _ := v.(json.Number)
		if x, err := n.Int64(); err == nil && x >= 0 && x < maxVocab {
			ids = append(ids, int32(x))
		} else {
			o.fail(key, show(o.values[key]), "token ids")
		}
	}
	return ids
}

// takeError keeps the error of a nested object.
func (o *object) takeError(x *object) {
	if o.err == nil {
		o.err = x.err
	}
}
