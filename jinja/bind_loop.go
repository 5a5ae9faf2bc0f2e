package jinja

// forBinding is what a loop needs to know about its frames.
type forBinding struct {
	frame, other frameBinding
	loop         *variable // where loop goes, if it is used
	routine      *routine  // of a recursive loop

	filter       *routine // of the if after the loop's iterable
	filterFrame  frameBinding
	filterTarget expr
}

// loop binds a for loop.
func (b *binder) loop(f *frame, s *forStmt) error {
	body, other := f.inner(), f.inner()
	if s.recursive {
		body = f.innerRoutine()
		other = &frame{symbols: newSymbols(f.symbols, body.routine), routine: body.routine}
		s.bound.routine = body.routine
	}
	body.loop = true
	if s.recursive || undeclared(s.body, "loop")["loop"] || hasScopedBlock(s) {
		where := body.symbols.param("loop").from(body.routine)
		s.bound.loop = &where
	}
	if line := assignsLoop(s); line > 0 {
		return atLine(faultf(faultSyntax, "cannot assign to the special variable loop"), line)
	}
	target := cloneTarget(s.target)
	setUse(target, useParam)
	body.survey(target)
	body.survey(nodesOf(s.body)...)
	other.survey(nodesOf(s.other)...)
	if err := b.expr(f, s.iter); err != nil {
		return err
	}
	if err := b.expr(body, s.target); err != nil {
		return err
	}
	if s.test != nil {
		if err := b.loopTest(f, s, target); err != nil {
			return err
		}
	}
	if err := b.statements(body, s.body); err != nil {
		return err
	}
	err := b.statements(other, s.other)
	s.bound.frame, s.bound.other = body.binding(), other.binding()
	return err
}

// loopTest binds the if of a loop: a routine that yields the items to keep.
func (b *binder) loopTest(f *frame, s *forStmt, target expr) error {
	in := f.innerRoutine()
	s.bound.filter = in.routine
	s.bound.filterTarget = target
	in.survey(target)
	in.survey(s.test)
	if err := b.expr(in, target); err != nil {
		return err
	}
	err := b.expr(in, s.test)
	s.bound.filterFrame = in.binding()
	return err
}

func hasScopedBlock(s *forStmt) bool {
	found := false
	walk(s, func(n node) bool {
		b, ok := n.(*blockStmt)
		found = found || ok && b.scoped
		return !found
	})
	return found
}

// assignsLoop returns the line where something inside s assigns to loop.
func assignsLoop(s *forStmt) int {
	line := 0
	walk(s, func(n node) bool {
		if name, ok := n.(*nameExpr); ok && name.use == useStore && name.name == "loop" {
			line = name.line
		}
		return line == 0
	})
	return line
}

func cloneTarget(e expr) expr {
	switch e := e.(type) {
	case *nameExpr:
		c := *e
		return &c
	case *tupleExpr:
		c := *e
		c.items = make([]expr, len(e.items))
		for i, item := range e.items {
			c.items[i] = cloneTarget(item)
		}
		return &c
	}
	return e
}
