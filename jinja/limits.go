package jinja

import (
	"context"
	"math"
	"math/big"
	"unsafe"
)

// Limits bound one rendering. A rendering that reaches one fails with ErrLimit.
type Limits struct {
	// Steps is the work allowed: one for every part of an expression that is
	// evaluated, and one for every 32 bytes that are moved or compared, every 4 that
	// are looked at one by one, and every byte or so of text beyond ASCII that is
	// looked up in the tables of Unicode.
	Steps int64

	// Memory is the size of all values alive at one time, in bytes, the
	// variables of the caller not counted.
	Memory int64

	// Output is the length of the text, and of any one string, in bytes.
	Output int64

	// Depth bounds how deep macros and recursive loops call each other, and how
	// deep values may be nested to be printed, compared or written as JSON.
	Depth int
}

// DefaultLimits are ample for conversations of a million tokens and stop a
// hostile template in about a second.
var DefaultLimits = Limits{
	Steps:  60_000_000,
	Memory: 128 << 20,
	Output: 16 << 20,
	Depth:  200,
}

// Bounds on the template itself. Published templates stay far below.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 100     // statements inside one another
	maxHeight  = 400     // levels of one expression
	maxRange   = 100_000 // numbers in a range, as in the reference
	maxIntBits = 1 << 14 // size of an int: 4932 digits
	maxDigits  = 4300    // decimal digits of an int that can be printed or read, as in Python
	maxPadding = 1 << 16 // width or precision of a format
	maxArgs    = 1000    // parameters of a macro, and names in a call
	maxPath    = 1000    // attributes of an attribute, as filters take them
	maxScoped  = 100_000 // variables of all scoped blocks together
)

// What work costs. A step takes some 35 ns; TestWork holds that what is counted as
// one does not take much longer anywhere.
const (
	bytesAtStep = 32     // how many bytes cost one step
	runesAtStep = 4      // how many bytes cost one step where characters count
	wordsAtStep = 8      // how many products of words of large ints cost one step
	callSteps   = 12     // a call, with its arguments and the value or error it makes
	faultSteps  = 24     // an error that is caught
	powerSteps  = 256    // a power of floats
	quietSteps  = 16_384 // the most between two looks at the context
)

// What values cost, in bytes.
const (
	itemCost = 16 // of a list or tuple
	headCost = 48 // any value with a head of its own
	dictCost = 64 // a key and its value
)

var (
	errSteps  = faultf(faultLimit, "the template does too much work")
	errMemory = faultf(faultLimit, "the template uses too much memory")
	errOutput = faultf(faultLimit, "the text grows too long")
	errDepth  = faultf(faultLimit, "calls or values are nested too deep")
	errBigInt = faultf(faultLimit, "an integer grows too large")
)

// intBytes is what an int takes, in bytes.
func intBytes(i *big.Int) int { return headCost + i.BitLen()/8 }

// step counts one evaluation.
func (r *rendering) step() error {
	if r.steps--; r.steps < r.next {
		return r.pause()
	}
	return nil
}

// count counts so many steps.
func (r *rendering) count(steps int) error {
	if r.steps -= int64(steps); r.steps < r.next {
		return r.pause()
	}
	return nil
}

// pause looks whether the rendering may go on. An error that it returned once it
// returns ever after.
func (r *rendering) pause() error {
	if r.steps < 0 {
		return errSteps
	}
	if r.ctx.Err() != nil {
		r.next = math.MaxInt64
		return context.Cause(r.ctx)
	}
	r.next = max(0, r.steps-quietSteps)
	return nil
}

// work counts looking at n bytes or items.
func (r *rendering) work(n int) error { return r.count(n/bytesAtStep + 1) }

// scan counts looking at the characters in n bytes one by one.
func (r *rendering) scan(n int) error { return r.count(n/runesAtStep + 1) }

// tables counts looking up the characters of s in the tables of Unicode.
func (r *rendering) tables(s string) error {
	if isASCII(s) {
		return r.scan(len(s))
	}
	return r.count(2*len(s) + 1)
}

// words is the size of an int.
func words(i *big.Int) int { return (i.BitLen() + 63) / 64 }

// products counts multiplying, dividing or printing ints of so many words.
func (r *rendering) products(x, y int) error { return r.count(x*y/wordsAtStep + x + y + 1) }

// spend counts a new value of n bytes. Nothing is allocated before its size
// was counted here, so memory stays below the limit.
func (r *rendering) spend(n int) error {
	if n < 0 || r.used+int64(n) > r.limits.Memory {
		return errMemory
	}
	r.used += int64(n)
	return r.work(n)
}

// spendText counts a new string of n bytes.
func (r *rendering) spendText(n int) error {
	if int64(n) > r.limits.Output {
		return errOutput
	}
	return r.spend(n + itemCost)
}

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
