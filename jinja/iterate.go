package jinja

import "unicode/utf8"

// iterator yields objects one after another; ok is false at the end.
type iterator interface {
	next(r *rendering) (o object, ok bool, err error)
}

// generator is an iterator that templates can hold: it is consumed once, has
// no length, and does its work, with any error, when it is asked for an item.
type generator struct {
	name   string   // Python's name of the type
	source object   // what it reads
	held   []object // what else pull keeps alive, for the meter
	pull   func(r *rendering) (object, bool, error)
	done   bool
}

func (g *generator) next(r *rendering) (object, bool, error) {
	if g.done {
		return nil, false, nil
	}
	if err := r.step(); err != nil {
		return nil, false, err
	}
	// A generator that reads itself would never end.
	if r.pulls++; r.pulls > r.limits.Depth {
		return nil, false, errDepth
	}
	o, ok, err := g.pull(r)
	r.pulls--
	g.done = !ok
	return o, ok, err
}

// itemIterator goes over the items of a list or tuple.
type itemIterator struct {
	items []object
	i     int
}

func (it *itemIterator) next(r *rendering) (object, bool, error) {
	if it.i >= len(it.items) {
		return nil, false, nil
	}
	it.i++
	return it.items[it.i-1], true, r.step()
}

// runeIterator goes over the code points of a string. Those of Markup are plain.
type runeIterator struct{ rest string }

func (it *runeIterator) next(r *rendering) (object, bool, error) {
	if it.rest == "" {
		return nil, false, nil
	}
	_, n := utf8.DecodeRuneInString(it.rest)
	s := character(it.rest[:n])
	it.rest = it.rest[n:]
	return s, true, r.spend(itemCost)
}

type spanIterator struct {
	span *span
	i    int64
}

func (it *spanIterator) next(r *rendering) (object, bool, error) {
	if it.i >= it.span.length {
		return nil, false, nil
	}
	it.i++
	return it.span.at(it.i - 1), true, r.step()
}

type viewIterator struct {
	view *view
	i    int
}

func (it *viewIterator) next(r *rendering) (object, bool, error) {
	if it.i >= it.view.dict.Len() {
		return nil, false, nil
	}
	it.i++
	return it.view.at(it.i - 1), true, r.step()
}

// iterate is Python's iter(o).
func (r *rendering) iterate(o object) (iterator, error) {
	switch o := o.(type) {
	case *list:
		return &itemIterator{items: o.items}, nil
	case *tuple:
		return &itemIterator{items: o.items}, nil
	case string:
		return &runeIterator{o}, nil
	case markup:
		return &runeIterator{string(o)}, nil
	case *Dict:
		return &itemIterator{items: o.keys}, nil
	case *view:
		return &viewIterator{view: o}, nil
	case *span:
		return &spanIterator{span: o}, nil
	case *undefined:
		return &itemIterator{}, nil
	case *generator:
		return o, nil
	case *loop:
		return o, nil
	}
	return nil, faultf(faultType, "'%s' object is not iterable", typeName(o))
}

// reversed is Python's reversed(o); a value without an order of its own is a
// TypeError.
func (r *rendering) reversed(o object) (object, error) {
	switch o := o.(type) {
	case *list:
		return reversedItems("list_reverseiterator", o, o.items), nil
	case *tuple:
		return reversedItems("reversed", o, o.items), nil
	case *Dict:
		return reversedItems("dict_reversekeyiterator", o, o.keys), nil
	case *view:
		i := o.dict.Len()
		return &generator{name: "dict_reverseiterator", source: o, pull: func(*rendering) (object, bool, error) {
			if i--; i < 0 {
				return nil, false, nil
			}
			return o.at(i), true, nil
		}}, nil
	case *span:
		i := o.length
		return &generator{name: "range_iterator", source: o, pull: func(*rendering) (object, bool, error) {
			if i--; i < 0 {
				return nil, false, nil
			}
			return o.at(i), true, nil
		}}, nil
	case string, markup:
		s, _ := stringOf(o)
		return &generator{name: "reversed", source: o, pull: func(*rendering) (object, bool, error) {
			if s == "" {
				return nil, false, nil
			}
			_, n := utf8.DecodeLastRuneInString(s)
			c := character(s[len(s)-n:])
			s = s[:len(s)-n]
			return like(o, c), true, nil
		}}, nil
	case *undefined:
		return reversedItems("reversed", o, nil), nil
	}
	return nil, faultf(faultType, "'%s' object is not reversible", typeName(o))
}

func reversedItems(name string, source object, items []object) *generator {
	i := len(items)
	return &generator{name: name, source: source, pull: func(*rendering) (object, bool, error) {
		if i--; i < 0 {
			return nil, false, nil
		}
		return items[i], true, nil
	}}
}

// collect is Python's list(o). The slice is shared and must not be changed.
func (r *rendering) collect(o object) ([]object, error) {
	switch o := o.(type) {
	case *list:
		return o.items, nil
	case *tuple:
		return o.items, nil
	}
	it, err := r.iterate(o)
	if err != nil {
		return nil, err
	}
	var items []object
	for {
		o, ok, err := it.next(r)
		if !ok || err != nil {
			return items, err
		}
		// Growing doubles the slice, so twice the item is counted.
		if err := r.spend(2 * itemCost); err != nil {
			return nil, err
		}
		items = append(items, o)
	}
}
