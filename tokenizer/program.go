package tokenizer

import "fmt"

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
			break // nothing, however often
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
