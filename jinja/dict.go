package jinja

import (
	"fmt"
	"iter"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Dict is a dict: it keeps the order in which its keys came. The zero Dict is
// empty and ready for use. It must not be changed while a template that was
// given it renders.
type Dict struct {
	keys   []object
	values []object
	hashes []hashKey       // of the keys, once one is no text
	index  map[hashKey]int // once there are more than smallDict keys
}

// smallDict is the number of keys up to which looking at all is quicker than a map.
const smallDict = 8

// Set gives key the value v. A key that is there keeps its place.
func (d *Dict) Set(key string, v Value) {
	d.setText(strings.ToValidUTF8(key, "\ufffd"), v.object())
}

// Get returns the value of key, and whether there is one.
func (d *Dict) Get(key string) (Value, bool) {
	o, ok := d.text(key)
	return Value{o}, ok
}

// Merge sets the entries of other, which may be nil, whose keys are text: variables
// and fields have names.
func (d *Dict) Merge(other *Dict) {
	if other == nil {
		return
	}
	for i, k := range other.keys {
		if s, ok := stringOf(k); ok {
			d.setText(s, other.values[i])
		}
	}
}

// All goes over the entries in order. Keys that are no text, which only a
// template makes, are left out.
func (d *Dict) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, k := range d.keys {
			if s, ok := stringOf(k); ok && !yield(s, Value{d.values[i]}) {
				return
			}
		}
	}
}

// Len returns the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Value returns d as a Value.
func (d *Dict) Value() Value { return Value{d} }

// text looks up a str.
func (d *Dict) text(key string) (object, bool) {
	if d.index != nil {
		i, ok := d.index[hashKey{kind: hashText, text: key}]
		if !ok {
			return nil, false
		}
		return d.values[i], true
	}
	for i, k := range d.keys {
		if s, ok := stringOf(k); ok && s == key {
			return d.values[i], true
		}
	}
	return nil, false
}

func (d *Dict) setText(key string, v object) {
	d.put(hashKey{kind: hashText, text: key}, key, v)
}

// find returns the place of key, -1 if it is not there.
func (d *Dict) find(h hashKey) int {
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	if d.hashes != nil {
		return slices.Index(d.hashes, h)
	}
	if h.kind == hashText {
		for i, k := range d.keys {
			if s, _ := stringOf(k); s == h.text {
				return i
			}
		}
	}
	return -1
}

// hashOf returns the hashKey of key i.
func (d *Dict) hashOf(i int) hashKey {
	if d.hashes != nil {
		return d.hashes[i]
	}
	s, _ := stringOf(d.keys[i])
	return hashKey{kind: hashText, text: s}
}

func (d *Dict) put(h hashKey, key, v object) {
	if i := d.find(h); i >= 0 {
		d.values[i] = v
		return
	}
	if d.hashes == nil && h.kind != hashText {
		d.hashes = make([]hashKey, len(d.keys), len(d.keys)+1)
		for i, k := range d.keys {
			s, _ := stringOf(k)
			d.hashes[i] = hashKey{kind: hashText, text: s}
		}
	}
	if d.hashes != nil {
		d.hashes = append(d.hashes, h)
	}
	d.keys = append(d.keys, key)
	d.values = append(d.values, v)
	switch {
	case d.index != nil:
		d.index[h] = len(d.keys) - 1
	case len(d.keys) > smallDict:
		d.index = make(map[hashKey]int, 2*len(d.keys))
		for i := range d.keys {
			d.index[d.hashOf(i)] = i
		}
	}
}

// get looks up any key; one that cannot be hashed is a TypeError.
func (d *Dict) get(r *rendering, key object) (object, bool, error) {
	if s, ok := key.(string); ok {
		v, ok := d.text(s)
		return v, ok, r.work(smallDict * len(s))
	}
	h, err := r.hash(key)
	if err != nil {
		return nil, false, err
	}
	if err := r.work(smallDict * len(h.text)); err != nil {
		return nil, false, err
	}
	if i := d.find(h); i >= 0 {
		return d.values[i], true, nil
	}
	return nil, false, nil
}

// putSteps is what a new key costs in a dict that is large.
const putSteps = 4

func (d *Dict) set(r *rendering, key, v object) error {
	h, err := r.hash(key)
	if err != nil {
		return err
	}
	if err := r.work(smallDict * len(h.text)); err != nil {
		return err
	}
	d.put(h, key, v)
	if err := r.count(putSteps); err != nil {
		return err
	}
	return r.spend(2 * itemCost) // it has several arrays, which grow
}

// merge copies the entries of other into d.
func (d *Dict) merge(r *rendering, other *Dict) error {
	for i, k := range other.keys {
		if err := d.set(r, k, other.values[i]); err != nil {
			return err
		}
	}
	return r.spend(dictCost * other.Len())
}

func (d *Dict) items() []object {
	out := make([]object, d.Len())
	for i := range out {
		out[i] = pair(d.keys[i], d.values[i])
	}
	return out
}

// hashKey is what two keys have in common when Python finds them equal: 1,
// 1.0 and True are the same key.
type hashKey struct {
	kind   uint8
	number int64
	text   string
	ptr    any // what is compared by identity
}

const (
	hashText uint8 = iota
	hashInt
	hashFloat
	hashBig
	hashNone
	hashUndefined
	hashTuple
	hashPointer
)

// hash returns the hashKey of o.
func (r *rendering) hash(o object) (hashKey, error) {
	switch o := o.(type) {
	case string:
		return hashKey{kind: hashText, text: o}, nil
	case markup:
		return hashKey{kind: hashText, text: string(o)}, nil
	case noneType:
		return hashKey{kind: hashNone}, nil
	case bool:
		return hashKey{kind: hashInt, number: int64(boolInt(o))}, nil
	case int64:
		return hashKey{kind: hashInt, number: o}, nil
	case *big.Int:
		return hashBigInt(o), r.spend(intBytes(o))
	case float64:
		return hashFloat64(o), nil
	case *undefined:
		return hashKey{kind: hashUndefined}, nil
	case *span:
		return hashKey{kind: hashTuple, text: "range" + spanText(o)}, nil
	case *tuple:
		var b []byte
		b, err := r.hashItems(b, o, 0)
		return hashKey{kind: hashTuple, text: string(b)}, err
	case *view:
		if o.kind == viewValues {
			break
		}
		return hashKey{}, faultf(faultType, "unhashable type: '%s'", typeName(o))
	case *list, *Dict:
		return hashKey{}, faultf(faultType, "unhashable type: '%s'", typeName(o))
	}
	return hashKey{kind: hashPointer, ptr: o}, nil
}

func hashFloat64(f float64) hashKey {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		if f >= -(1<<63) && f < 1<<63 {
			return hashKey{kind: hashInt, number: int64(f)}
		}
		i, _ := big.NewFloat(f).Int(nil)
		return hashBigInt(i)
	}
	return hashKey{kind: hashFloat, number: int64(math.Float64bits(f))}
}

func hashBigInt(i *big.Int) hashKey {
	return hashKey{kind: hashBig, number: int64(i.Sign()), text: string(i.Bytes())}
}

// hashItems writes the items of a tuple so that equal tuples give equal text.
func (r *rendering) hashItems(b []byte, t *tuple, depth int) ([]byte, error) {
	if depth > r.limits.Depth {
		return nil, errDepth
	}
	if err := r.spend(4 * len(t.items)); err != nil {
		return nil, err
	}
	b = append(b, '(')
	for _, o := range t.items {
		if inner, ok := o.(*tuple); ok {
			var err error
			if b, err = r.hashItems(b, inner, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		h, err := r.hash(o)
		if err != nil {
			return nil, err
		}
		b = append(b, h.kind)
		b = strconv.AppendInt(b, h.number, 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(len(h.text)), 10)
		b = append(b, ':')
		b = append(b, h.text...)
		if h.ptr != nil {
			b = fmt.Appendf(b, "%p", h.ptr)
		}
		b = append(b, ',')
		if err := r.spend(2*len(h.text) + bytesAtStep); err != nil {
			return nil, err
		}
	}
	return append(b, ')'), nil
}
