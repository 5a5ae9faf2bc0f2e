package tokenizer

import "unicode/utf8"

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
