package jinja

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// concatenate is a + b for strings and sequences, nil if a and b are no such pair.
func (r *rendering) concatenate(a, b object) (object, error) {
	if s, ok := stringOf(a); ok {
		t, ok := stringOf(b)
		if !ok {
			return nil, nil
		}
		_, ma := a.(markup)
		_, mb := b.(markup)
		if ma != mb { // text next to markup is escaped
			var err error
			if ma {
				t, err = r.escape(t)
			} else {
				s, err = r.escape(s)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := r.spendText(len(s) + len(t)); err != nil {
			return nil, err
		}
		if ma || mb {
			return markup(s + t), nil
		}
		return s + t, nil
	}
	switch x := a.(type) {
	case *list:
		if y, ok := b.(*list); ok {
			items, err := r.joined(x.items, y.items)
			return &list{items}, err
		}
	case *tuple:
		if y, ok := b.(*tuple); ok {
			items, err := r.joined(x.items, y.items)
			return &tuple{items: items}, err
		}
	}
	return nil, nil
}

func (r *rendering) joined(a, b []object) ([]object, error) {
	n := len(a) + len(b)
	if err := r.spend(headCost + itemCost*n); err != nil {
		return nil, err
	}
	return append(append(make([]object, 0, n), a...), b...), nil
}

// repeat is a * b for a string or sequence and an int, nil if a and b are no
// such pair.
func (r *rendering) repeat(a, b object) (object, error) {
	seq, count := a, b
	if isInt(a) {
		seq, count = b, a
	}
	switch seq.(type) {
	case string, markup, *list, *tuple:
	default:
		return nil, nil
	}
	if _, huge := count.(*big.Int); huge {
		return nil, faultf(faultOverflow, "cannot fit 'int' into an index-sized integer")
	}
	n, ok := clampInt(count)
	if !ok {
		if err := eitherUndefined(a, b); err != nil {
			return nil, err
		}
		return nil, faultf(faultType, "can't multiply sequence by non-int of type '%s'", typeName(count))
	}
	n = max(n, 0)
	if s, ok := stringOf(seq); ok {
		if s != "" && n > int(r.limits.Output)/len(s) {
			return nil, errOutput
		}
		if s == "" {
			n = 0
		}
		if err := r.spendText(n * len(s)); err != nil {
			return nil, err
		}
		return like(seq, strings.Repeat(s, n)), nil
	}
	if l, ok := seq.(*list); ok {
		items, err := r.repeated(l.items, n)
		return &list{items}, err
	}
	items, err := r.repeated(seq.(*tuple).items, n)
	return &tuple{items: items}, err
}

func (r *rendering) repeated(items []object, n int) ([]object, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if n > int(r.limits.Memory)/itemCost/len(items) {
		return nil, errMemory
	}
	if err := r.spend(headCost + itemCost*n*len(items)); err != nil {
		return nil, err
	}
	out := make([]object, 0, n*len(items))
	for range n {
		out = append(out, items...)
	}
	return out, nil
}

// length is Python's len(o).
func (r *rendering) length(o object) (int, error) {
	switch o := o.(type) {
	case string:
		return utf8.RuneCountInString(o), r.work(2 * len(o))
	case markup:
		return utf8.RuneCountInString(string(o)), r.work(2 * len(o))
	case *list:
		return len(o.items), nil
	case *tuple:
		return len(o.items), nil
	case *Dict:
		return o.Len(), nil
	case *view:
		return o.dict.Len(), nil
	case *span:
		return int(o.length), nil
	case *undefined:
		return 0, nil
	case *loop:
		return o.length(r)
	}
	return 0, faultf(faultType, "object of type '%s' has no len()", typeName(o))
}

// index is o[i] for a string, list, tuple or range; found is false where Python
// raises an IndexError or a TypeError.
func (r *rendering) index(o object, i int) (v object, found bool, err error) {
	switch o := o.(type) {
	case string, markup:
		s, _ := stringOf(o)
		c, ok := runeAt(s, i)
		return like(o, c), ok, r.spend(itemCost + 2*len(s))
	case *list:
		if i < 0 {
			i += len(o.items)
		}
		if i < 0 || i >= len(o.items) {
			return nil, false, nil
		}
		return o.items[i], true, nil
	case *tuple:
		return r.index(&list{o.items}, i)
	case *span:
		if i < 0 {
			i += int(o.length)
		}
		if i < 0 || i >= int(o.length) {
			return nil, false, nil
		}
		return o.at(int64(i)), true, nil
	}
	return nil, false, nil
}

// runeAt returns the code point i of s, counted from the end if negative.
func runeAt(s string, i int) (string, bool) {
	if i < 0 {
		end := len(s)
		for ; end > 0; i++ {
			_, n := utf8.DecodeLastRuneInString(s[:end])
			if i == -1 {
				return character(s[end-n : end]), true
			}
			end -= n
		}
		return "", false
	}
	for start, c := range s {
		if i == 0 {
			return character(s[start : start+utf8.RuneLen(c)]), true
		}
		i--
	}
	return "", false
}

// slice is o[start:stop:step]; nil bounds were left out.
func (r *rendering) slice(o, start, stop, step object) (object, error) {
	if u, ok := o.(*undefined); ok {
		return nil, u.fail()
	}
	var length int
	switch o := o.(type) {
	case string, markup, *list, *tuple, *span:
		var err error
		if length, err = r.length(o); err != nil {
			return nil, err
		}
	case *Dict:
		return nil, faultf(faultType, "unhashable type: 'slice'")
	default:
		return nil, faultf(faultType, "'%s' object is not subscriptable", typeName(o))
	}
	first, end, by, err := sliceBounds(length, start, stop, step)
	if err != nil {
		return nil, err
	}
	n := sliceLength(first, end, by)
	switch o := o.(type) {
	case *list:
		items, err := r.sliceItems(o.items, first, by, n)
		return &list{items}, err
	case *tuple:
		items, err := r.sliceItems(o.items, first, by, n)
		return &tuple{items: items}, err
	case *span:
		return &span{
			start: o.start + int64(first)*o.step, stop: o.start + int64(end)*o.step, step: o.step * int64(by), length: int64(n),
		}, nil
	}
	s, _ := stringOf(o)
	s, err = r.sliceText(s, length, first, by, n)
	return like(o, s), err
}

// sliceBounds returns the bounds and the step of a slice of something of the
// given length, the bounds within it.
func sliceBounds(length int, start, stop, step object) (begin, end, by int, err error) {
	by = 1
	if isGiven(step) {
		if by, err = sliceIndex(step); err != nil {
			return 0, 0, 0, err
		}
	}
	if by == 0 {
		return 0, 0, 0, faultf(faultValue, "slice step cannot be zero")
	}
	low, high := 0, length
	begin, end = low, high
	if by < 0 {
		low, high = -1, length-1
		begin, end = high, low
	}
	for bound, to := range map[*int]object{&begin: start, &end: stop} {
		if !isGiven(to) {
			continue
		}
		i, err := sliceIndex(to)
		if err != nil {
			return 0, 0, 0, err
		}
		if i < 0 {
			i += length
		}
		*bound = max(low, min(high, i))
	}
	return begin, end, by, nil
}

func sliceIndex(o object) (int, error) {
	i, ok := clampInt(o)
	if !ok {
		return 0, faultf(faultType, "slice indices must be integers or None or have an __index__ method")
	}
	return i, nil
}

// sliceLength is the number of elements from begin up to end.
func sliceLength(begin, end, by int) int {
	switch {
	case by > 0 && begin < end:
		return (end-begin-1)/by + 1
	case by < 0 && begin > end:
		return (begin-end-1)/-by + 1
	}
	return 0
}

func (r *rendering) sliceItems(items []object, first, by, n int) ([]object, error) {
	if err := r.spend(headCost + itemCost*n); err != nil {
		return nil, err
	}
	out := make([]object, n)
	if by == 1 {
		copy(out, items[first:])
		return out, nil
	}
	for i := range out {
		out[i] = items[first+i*by]
	}
	return out, nil
}

func (r *rendering) sliceText(s string, length, first, by, n int) (string, error) {
	if n == 0 {
		return "", nil
	}
	if err := r.spendText(len(s)); err != nil {
		return "", err
	}
	if by == 1 {
		if length == len(s) { // one byte a code point
			return part(s, s[first:first+n]), nil
		}
		if err := r.scan(len(s)); err != nil {
			return "", err
		}
		i := byteOffset(s, first)
		return part(s, s[i:i+byteOffset(s[i:], n)]), nil
	}
	if err := r.scan(len(s)); err != nil {
		return "", err
	}
	if err := r.spend(4 * length); err != nil {
		return "", err
	}
	points := []rune(s)
	out := make([]rune, n)
	for i := range out {
		out[i] = points[first+i*by]
	}
	return string(out), nil
}

// part is a part of whole as a string of its own: it must not keep the whole alive.
func part(whole, s string) string {
	if len(s) == len(whole) {
		return whole
	}
	return strings.Clone(s)
}

// character is one character as a string of its own.
func character(s string) string {
	if len(s) == 1 {
		return asciiCharacters[s[0]&0x7f : s[0]&0x7f+1]
	}
	return strings.Clone(s)
}

// asciiCharacters is what the strings of one ASCII character are parts of.
var asciiCharacters = func() string {
	var b [utf8.RuneSelf]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()

// byteOffset returns where code point n of s begins, len(s) for its end.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
