package jinja

import (
	"math/big"
	"unsafe"
)

// settle is called between statements. Everything counted so far may be
// garbage by now; when much was counted, what is alive is measured. That is
// right only while no expression is half evaluated, because its operands are
// in places that cannot be seen: inside a macro called from an expression
// everything counts until the outer expression is done.
func (r *rendering) settle() error {
	if r.pending > 0 || r.used < max(r.settled, r.limits.Memory/2) {
		return nil
	}
	m := meter{seen: map[any]bool{}}
	m.add(r.input)
	m.drain()
	m.size = 0
	for _, o := range r.held {
		m.add(o)
	}
	for _, s := range r.scopes {
		m.scope(s)
	}
	for _, b := range r.buffers {
		m.size += int64(cap(b.text))
	}
	m.drain()
	r.used = m.size
	// Where much is alive, it is not measured again before more has come.
	r.settled = m.size + (r.limits.Memory-m.size)/2
	return r.count(meterSteps * m.visits)
}

// meterSteps is what measuring one value costs.
const meterSteps = 12

// meter adds up the size of values, each one once.
type meter struct {
	size   int64
	visits int
	seen   map[any]bool
	todo   []object
}

func (m *meter) add(objects ...object) { m.todo = append(m.todo, objects...) }

func (m *meter) dict(d *Dict) {
	m.size += int64(dictCost*d.Len() + headCost)
	for _, h := range d.hashes { // those of tuples and large ints have texts of their own
		if h.kind != hashText {
			m.size += int64(len(h.text) + headCost)
		}
	}
	m.add(d.keys...)
	m.add(d.values...)
}

func (m *meter) scope(s *scope) {
	if s == nil || m.seen[s] {
		return
	}
	m.seen[s] = true
	m.size += int64(itemCost*len(s.slots) + headCost)
	m.add(s.slots...)
	m.variables(s.vars)
	m.scope(s.up)
}

func (m *meter) variables(v *variables) {
	for ; v != nil && !m.seen[v]; v = v.up {
		m.seen[v] = true
		for _, o := range v.set {
			m.add(o)
		}
	}
}

func (m *meter) drain() {
	for len(m.todo) > 0 {
		o := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		m.count(o)
	}
}

// text counts the bytes of a string, once. A part of a string is a copy: it must not
// keep the whole.
func (m *meter) text(s string) {
	if len(s) > headCost {
		place := unsafe.StringData(s)
		if m.seen[place] {
			return
		}
		m.seen[place] = true
	}
	m.size += int64(len(s))
}

func (m *meter) count(o object) {
	m.visits++
	switch o := o.(type) {
	case string:
		m.text(o)
		return
	case markup:
		m.text(string(o))
		return
	case nil, noneType, bool, int64, float64:
		return
	}
	if m.seen[o] {
		return
	}
	m.seen[o] = true
	m.size += headCost
	switch o := o.(type) {
	case *big.Int:
		m.size += int64(intBytes(o) - headCost) // the head is counted
	case *list:
		m.size += int64(itemCost * len(o.items))
		m.add(o.items...)
	case *tuple:
		m.size += int64(itemCost * len(o.items))
		m.add(o.items...)
	case *Dict:
		m.dict(o)
	case *view:
		m.add(o.dict)
	case *undefined:
		m.text(o.name)
	case *namespace:
		m.add(o.attrs)
	case *generator:
		m.add(o.source)
		m.add(o.held...)
	case *cycler:
		m.add(o.items...)
	case *function:
		m.add(o.self)
	case *macro:
		m.scope(o.scope)
	case *joiner:
		m.add(o.separator)
	case *block:
		m.variables(o.vars)
	case *blocks:
		m.variables(o.vars)
	case *loop:
		m.add(o.iterable, o.before, o.current, o.after)
		if o.changes != nil {
			m.add(o.changes)
		}
		if it, ok := o.items.(*itemIterator); ok {
			m.size += int64(itemCost * len(it.items))
			m.add(it.items...)
		}
		m.scope(o.scope)
	}
}
