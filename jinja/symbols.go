package jinja

// Scoping. A template's variables live in routines (the template itself, a
// macro, a call block, the filter of a loop, a recursive loop, a block) and, in
// a routine, in frames (loops, with, and so on). What a name means in a frame
// follows from where it is first read or written there, in the order of the
// text and not of execution. These are the rules of the reference; a variable
// is found by its name and the depth of its frame, so frames that stand side
// by side share slots.

// routine is a piece of code that runs with slots of its own and sees those of
// the routines around it.
type routine struct {
	up    *routine
	depth int
	slots map[slotName]int
}

type slotName struct {
	level int
	name  string
}

func newRoutine(up *routine) *routine {
	r := &routine{up: up, slots: map[slotName]int{}}
	if up != nil {
		r.depth = up.depth + 1
	}
	return r
}

// place is a slot of a routine.
type place struct {
	routine *routine
	slot    int
}

func (r *routine) place(level int, name string) place {
	key := slotName{level, name}
	slot, ok := r.slots[key]
	if !ok {
		slot = len(r.slots)
		r.slots[key] = slot
	}
	return place{r, slot}
}

// from returns p as the routine r names it.
func (p place) from(r *routine) variable { return variable{r.depth - p.routine.depth, p.slot} }

// load says how a slot gets its value when its frame is entered.
type load struct {
	kind loadKind
	from place  // of loadAlias
	name string // of loadResolve
}

type loadKind uint8

const (
	loadParam     loadKind = iota // by the construct that opens the frame
	loadResolve                   // from the context
	loadAlias                     // from a frame further out
	loadUndefined                 // not at all
)

// symbols are the names of one frame. A branch of an if has its own on top of
// those of the frame.
type symbols struct {
	parent  *symbols // the frame around this one
	base    *symbols // of a branch: what it adds to
	level   int
	routine *routine

	refs   map[string]place
	loads  map[place]load
	order  []place // the keys of loads, as they came
	stores map[string]bool
}

func newSymbols(parent *symbols, r *routine) *symbols {
	s := &symbols{parent: parent, routine: r}
	if parent != nil {
		s.level = parent.level + 1
	}
	s.clear()
	return s
}

func (s *symbols) clear() {
	s.refs = map[string]place{}
	s.loads = map[place]load{}
	s.order = nil
	s.stores = map[string]bool{}
}

// branch returns symbols on top of s.
func (s *symbols) branch() *symbols {
	b := &symbols{parent: s.parent, base: s, level: s.level, routine: s.routine}
	b.clear()
	return b
}

// own looks name up in this frame alone.
func (s *symbols) own(name string) (place, bool) {
	for ; s != nil; s = s.base {
		if p, ok := s.refs[name]; ok {
			return p, true
		}
	}
	return place{}, false
}

// find looks name up in this frame and those around it.
func (s *symbols) find(name string) (place, bool) {
	for ; s != nil; s = s.parent {
		if p, ok := s.own(name); ok {
			return p, true
		}
	}
	return place{}, false
}

func (s *symbols) isStored(name string) bool {
	for ; s != nil; s = s.base {
		if s.stores[name] {
			return true
		}
	}
	return false
}

func (s *symbols) define(name string, l load) place {
	p := s.routine.place(s.level, name)
	s.refs[name] = p
	s.setLoad(p, l)
	return p
}

func (s *symbols) setLoad(p place, l load) {
	if _, ok := s.loads[p]; !ok {
		s.order = append(s.order, p)
	}
	s.loads[p] = l
}

// store is an assignment to name. If the name means something further out, it
// keeps that meaning up to the assignment.
func (s *symbols) store(name string) {
	s.stores[name] = true
	if _, ok := s.own(name); ok {
		return
	}
	if s.parent != nil {
		if outer, ok := s.parent.find(name); ok {
			s.define(name, load{kind: loadAlias, from: outer})
			return
		}
	}
	s.define(name, load{kind: loadUndefined})
}

// param is a name that the frame's construct sets.
func (s *symbols) param(name string) place {
	s.stores[name] = true
	return s.define(name, load{kind: loadParam})
}

// read is a use of name.
func (s *symbols) read(name string) {
	if _, ok := s.find(name); !ok {
		s.define(name, load{kind: loadResolve, name: name})
	}
}

// join takes over what the branches of an if did. A name that only some of
// them set has its outer meaning in the others.
func (s *symbols) join(branches ...*symbols) {
	var maybe []string
	for _, b := range branches {
		for name := range b.stores {
			if !s.isStored(name) {
				maybe = append(maybe, name)
			}
		}
	}
	for _, b := range branches {
		for name, p := range b.refs {
			s.refs[name] = p
		}
		for _, p := range b.order {
			s.setLoad(p, b.loads[p])
		}
		for name := range b.stores {
			s.stores[name] = true
		}
	}
	for _, name := range maybe {
		p, _ := s.find(name)
		if s.parent != nil {
			if outer, ok := s.parent.find(name); ok {
				s.setLoad(p, load{kind: loadAlias, from: outer})
				continue
			}
		}
		s.setLoad(p, load{kind: loadResolve, name: name})
	}
}

// stored returns all names that this frame and those around it assign to, the
// innermost meaning of each.
func (s *symbols) stored() map[string]place {
	out := map[string]place{}
	for frame := s; frame != nil; frame = frame.parent {
		for layer := frame; layer != nil; layer = layer.base {
			for name := range layer.stores {
				if _, ok := out[name]; !ok {
					out[name], _ = s.find(name)
				}
			}
		}
	}
	return out
}

// surveyor visits the nodes of one frame and notes their names. It does not
// look into the frames inside.
type surveyor struct{ symbols *symbols }

func (v *surveyor) visit(n node) {
	switch n := n.(type) {
	case *nameExpr:
		switch n.use {
		case useLoad:
			v.symbols.read(n.name)
		case useStore:
			v.symbols.store(n.name)
		case useParam:
			v.symbols.param(n.name)
		}
	case *attributeTarget:
		v.symbols.read(n.name)
	case *ifStmt:
		v.visitIf(n)
	case *macroStmt:
		v.symbols.store(n.name)
	case *otherTemplate:
		v.visit(n.operand)
		for _, name := range n.names {
			v.symbols.store(name)
		}
	case *setStmt:
		v.visit(n.value)
		v.visit(n.target)
	case *setBlockStmt:
		v.visit(n.target)
	case *forStmt:
		v.visit(n.iter)
	case *callStmt:
		if n.call != nil {
			v.visit(n.call)
		}
	case *filterStmt:
		v.visit(n.filter)
	case *withStmt:
		visitAll(v, n.values)
	case *blockStmt:
	default:
		children(n, v.visit)
	}
}

func visitAll[N node](v *surveyor, nodes []N) {
	for _, n := range nodes {
		v.visit(n)
	}
}

func (v *surveyor) visitIf(n *ifStmt) {
	v.visit(n.test)
	before := v.symbols
	body, elifs, other := before.branch(), before.branch(), before.branch()
	v.symbols = body
	visitAll(v, n.body)
	v.symbols = elifs
	visitAll(v, n.elifs)
	v.symbols = other
	visitAll(v, n.other)
	v.symbols = before
	before.join(body, elifs, other)
}
