package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// A program is a pattern as instructions. It is run by trying one way after the
// other, in the order of the pattern: what was not tried waits on a stack.
type program struct {
	code      []instruction
	captures  bool      // groups are referred to
	registers int       // groups have two, then, and loops one
	first     [256]bool // bytes that a match may begin with …
	filtered  bool      // … if that is known
}

type instruction struct {
	op       opcode
	set      *charSet
	x, y     int32 // places in the code, or registers
	min, max int32
	flag     bool
}

type opcode uint8

const (
	opMatch  opcode = iota
	opSet           // one character of set
	opRun           // min to max characters of set, as many as can be; with flag, none is given back
	opSplit         // x, else y
	opJump          // x
	opSave          // the place into register x
	opLoop          // to y if the place is still that of register x
	opLook          // what follows, up to its opMatch, is there, and on at y; with flag, it is not
	opBehind        // … and ends here, min to max characters behind its beginning
	opKeep          // what follows, up to its opMatch, in the first way that it can be, and on at y
	opRef           // what is between registers x and x+1; with flag, in any case
	opAt            // the place is of kind x; with flag, it is not
)

// maxProgram is the most instructions of a pattern: {n} copies what it repeats.
const maxProgram = 1 << 15

// compile makes the program of a pattern.
func compile(pattern string) (*program, error) {
	n, parsed, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	p := &program{}
	if p.captures = parsed.refs; p.captures {
		p.registers = 2 * (parsed.groups + 1)
	}
	p.first, p.filtered = n.begins()
	if err := p.emit(n); err != nil {
		return nil, fmt.Errorf("pattern %.60q: %w", pattern, err)
	}
	p.add(instruction{op: opMatch})
	for _, in := range p.code {
		if in.op == opRef && int(in.x)+1 >= 2*(parsed.groups+1) {
			return nil, fmt.Errorf("pattern %.60q: %w: a reference to group %d of %d", pattern, ErrDamaged, in.x/2, parsed.groups)
		}
	}
	return p, nil
}

func (p *program) add(in instruction) int32 {
	p.code = append(p.code, in)
	return int32(len(p.code) - 1)
}

// here is the place of the next instruction.
func (p *program) here() int32 { return int32(len(p.code)) }

// emit adds the instructions of a node.
func (p *program) emit(n *pnode) error {
	if len(p.code) > maxProgram {
		return fmt.Errorf("%w: repeats too much", ErrUnsupported)
	}
	switch n.kind {
	case pnodeSet:
		p.add(instruction{op: opSet, set: n.set})
	case pnodeCat:
		for _, sub := range n.subs {
			if err := p.emit(sub); err != nil {
				return err
			}
		}
	case pnodeAlt:
		return p.emitAlternatives(n.subs)
	case pnodeRepeat:
		return p.emitRepeat(n)
	case pnodeGroup:
		if !p.captures {
			return p.emit(n.subs[0])
		}
		p.add(instruction{op: opSave, x: int32(2 * n.min)})
		if err := p.emit(n.subs[0]); err != nil {
			return err
		}
		p.add(instruction{op: opSave, x: int32(2*n.min + 1)})
	case pnodeLook, pnodeKeep:
		in := instruction{op: opLook, flag: n.not}
		if n.kind == pnodeKeep {
			in.op = opKeep
		} else if n.behind {
			in.op, in.min, in.max = opBehind, int32(n.min), int32(n.max)
		}
		return p.emitApart(in, n.subs[0])
	case pnodeRef:
		p.add(instruction{op: opRef, x: int32(2 * n.min), flag: n.fold})
	default:
		p.add(instruction{op: opAt, x: int32(n.kind), flag: n.not})
	}
	return nil
}

// emitApart adds a node that is matched by itself.
func (p *program) emitApart(in instruction, n *pnode) error {
	at := p.add(in)
	if err := p.emit(n); err != nil {
		return err
	}
	p.add(instruction{op: opMatch})
	p.code[at].y = p.here()
	return nil
}

func (p *program) emitAlternatives(subs []*pnode) error {
	var jumps []int32
	for i, sub := range subs {
		split := int32(-1)
		if i < len(subs)-1 {
			split = p.add(instruction{op: opSplit, x: p.here() + 1})
		}
		if err := p.emit(sub); err != nil {
			return err
		}
		if split >= 0 {
			jumps = append(jumps, p.add(instruction{op: opJump}))
			p.code[split].y = p.here()
		}
	}
	for _, j := range jumps {
		p.code[j].x = p.here()
	}
	return nil
}

func (p *program) emitRepeat(n *pnode) error {
	if n.keep {
		greedy := *n
		greedy.keep = false
		if sub := n.single(); sub != nil {
			p.add(instruction{op: opRun, set: sub.set, min: int32(n.min), max: int32(n.max), flag: true})
			return nil
		}
		return p.emitApart(instruction{op: opKeep}, &greedy)
	}
	if sub := n.single(); sub != nil && !n.lazy {
		p.add(instruction{op: opRun, set: sub.set, min: int32(n.min), max: int32(n.max)})
		return nil
	}
	for range n.min {
		before := p.here()
		if err := p.emit(n.subs[0]); err != nil {
			return err
		}
		if p.here() == before {
			break // nothing, how often soever
		}
	}
	if n.max < 0 {
		return p.emitLoop(n)
	}
	var splits []int32
	for range n.max - n.min {
		splits = append(splits, p.add(instruction{op: opSplit, x: p.here() + 1}))
		if err := p.emit(n.subs[0]); err != nil {
			return err
		}
	}
	for _, s := range splits {
		p.code[s].y = p.here()
		if n.lazy {
			p.code[s].x, p.code[s].y = p.code[s].y, p.code[s].x
		}
	}
	return nil
}

// single returns the one character that is repeated; nil if it is anything else.
func (n *pnode) single() *pnode {
	sub := n.subs[0]
	for (sub.kind == pnodeCat) && len(sub.subs) == 1 {
		sub = sub.subs[0]
	}
	if sub.kind != pnodeSet {
		return nil
	}
	return sub
}

// emitLoop adds a repetition without limit. A turn that takes nothing is the last.
func (p *program) emitLoop(n *pnode) error {
	register := int32(p.registers)
	p.registers++
	split := p.add(instruction{op: opSplit, x: p.here() + 1})
	p.add(instruction{op: opSave, x: register})
	if err := p.emit(n.subs[0]); err != nil {
		return err
	}
	loop := p.add(instruction{op: opLoop, x: register})
	p.add(instruction{op: opJump, x: split})
	p.code[split].y, p.code[loop].y = p.here(), p.here()
	if n.lazy {
		p.code[split].x, p.code[split].y = p.code[split].y, p.code[split].x
	}
	return nil
}

// A machine runs a program on a text.
type machine struct {
	*program
	text  string
	regs  []int32
	stack []waiting
	steps int // that are left
}

// A waiting is a way that was not tried: to go on at code with the text at pos; or,
// of a run, with one character less, down to low; or a register to be set back.
type waiting struct{ code, pos, low int32 }

const (
	noRun    = int32(-1) // in low: a plain way
	maxStack = 1 << 22   // ways that may wait
)

// run matches from code on at pos, up to an opMatch, whose place it returns. What
// it leaves on the stack are the ways that were not tried.
func (m *machine) run(code, pos int32) (end int32, ok bool, err error) {
	base := len(m.stack)
	for {
		if m.steps--; m.steps < 0 || len(m.stack) > maxStack {
			return 0, false, ErrTimeLimit
		}
		in := &m.code[code]
		code++
		matched := true
		switch in.op {
		case opMatch:
			return pos, true, nil
		case opSet:
			n := in.set.at(m.text, int(pos))
			pos += int32(n)
			matched = n > 0
		case opRun:
			pos, matched = m.takeRun(in, code, pos)
		case opSplit:
			m.stack = append(m.stack, waiting{in.y, pos, noRun})
			code = in.x
		case opJump:
			code = in.x
		case opSave:
			m.stack = append(m.stack, waiting{^in.x, m.regs[in.x], noRun})
			m.regs[in.x] = pos
		case opLoop:
			if m.regs[in.x] == pos {
				code = in.y
			}
		case opLook, opBehind, opKeep:
			code, pos, matched, err = m.apart(in, code, pos)
			if err != nil {
				return 0, false, err
			}
		case opRef:
			pos, matched = m.reference(in, pos)
		case opAt:
			matched = m.is(pkind(in.x), int(pos)) != in.flag
		}
		if !matched {
			if code, pos, ok = m.back(base); !ok {
				return 0, false, nil
			}
		}
	}
}

// takeRun matches a run of characters.
func (m *machine) takeRun(in *instruction, next, pos int32) (int32, bool) {
	low, count := pos, int32(0)
	for in.max < 0 || count < in.max {
		n := in.set.at(m.text, int(pos))
		if n == 0 {
			break
		}
		pos += int32(n)
		if count++; count == in.min {
			low = pos
		}
	}
	m.steps -= int(count)
	if count < in.min {
		return pos, false
	}
	if pos > low && !in.flag {
		m.stack = append(m.stack, waiting{next, pos, low})
	}
	return pos, true
}

// back takes the next way from the stack, down to base.
func (m *machine) back(base int) (code, pos int32, ok bool) {
	for len(m.stack) > base {
		w := &m.stack[len(m.stack)-1]
		switch {
		case w.code < 0:
			m.regs[^w.code] = w.pos
		case w.low >= 0:
			w.pos--
			for w.pos > w.low && !utf8.RuneStart(m.text[w.pos]) {
				w.pos--
			}
			code, pos = w.code, w.pos
			if pos == w.low {
				m.stack = m.stack[:len(m.stack)-1]
			}
			return code, pos, true
		default:
			code, pos = w.code, w.pos
			m.stack = m.stack[:len(m.stack)-1]
			return code, pos, true
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

// apart matches what is looked for, or kept, by itself.
func (m *machine) apart(in *instruction, code, pos int32) (next, at int32, ok bool, err error) {
	base := len(m.stack)
	var end int32
	if in.op == opBehind {
		ok, err = m.lookBehind(in, code, pos)
	} else {
		end, ok, err = m.run(code, pos)
	}
	if err != nil {
		return 0, 0, false, err
	}
	if ok && in.flag { // it should not be there: as if nothing had been
		for len(m.stack) > base {
			if w := m.stack[len(m.stack)-1]; w.code < 0 {
				m.regs[^w.code] = w.pos
			}
			m.stack = m.stack[:len(m.stack)-1]
		}
	}
	// No other way is tried, but the registers are set back later.
	kept := m.stack[:base]
	for _, w := range m.stack[base:] {
		if w.code < 0 {
			kept = append(kept, w)
		}
	}
	m.stack = kept
	if ok && in.op == opKeep {
		pos = end
	}
	return in.y, pos, ok != in.flag, nil
}

// lookBehind tries every length that may end at pos.
func (m *machine) lookBehind(in *instruction, code, pos int32) (bool, error) {
	from, count := pos, int32(0)
	for ; ; count++ {
		if count >= in.min {
			base, next, at := len(m.stack), code, from
			for more := true; more; next, at, more = m.back(base) {
				end, ok, err := m.run(next, at)
				if err != nil || ok && end == pos {
					return err == nil, err
				}
			}
		}
		if from == 0 || count == in.max {
			return false, nil
		}
		_, n := utf8.DecodeLastRuneInString(m.text[:from])
		from -= int32(n)
	}
}

// reference matches what a group took.
func (m *machine) reference(in *instruction, pos int32) (int32, bool) {
	from, to := m.regs[in.x], m.regs[in.x+1]
	if from < 0 || to < from {
		return pos, false
	}
	for from < to {
		if int(pos) == len(m.text) {
			return pos, false
		}
		a, n := utf8.DecodeRuneInString(m.text[from:])
		b, k := utf8.DecodeRuneInString(m.text[pos:])
		if a != b && !(in.flag && equalFold(a, b)) {
			return pos, false
		}
		m.steps--
		from, pos = from+int32(n), pos+int32(k)
	}
	return pos, true
}

// is reports whether a place is of a kind.
func (m *machine) is(kind pkind, i int) bool {
	text := m.text
	switch kind {
	case pnodeBegin:
		return i == 0
	case pnodeEnd:
		return i == len(text)
	case pnodeLineBegin:
		return i == 0 || text[i-1] == '\n'
	case pnodeLineEnd:
		return i == len(text) || text[i] == '\n'
	case pnodeLastEnd:
		return i == len(text) || i == len(text)-1 && text[i] == '\n'
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	return (i > 0 && inWord(before)) != (i < len(text) && inWord(after))
}
