package jinja

// binder gives every name of a template its variable and every frame the list
// of what happens when it is entered and left.
type binder struct {
	tree   *tree
	scoped int // variables that scoped blocks see
}

// tree is a template that is ready to run.
type tree struct {
	chat    bool // see NewChatTemplate
	body    []stmt
	routine *routine
	frame   frameBinding
	self    *variable             // where self goes, if it is used
	blocks  map[string]*blockCode // nil if there are none
}

// frameBinding is what entering and leaving a frame does to the slots of its
// routine.
type frameBinding struct {
	enter []enterStep
	leave []int
}

type enterStep struct {
	slot int
	kind loadKind
	from variable
	name string
}

// frame is the place in the template that is being bound.
type frame struct {
	symbols *symbols
	routine *routine
	top     bool // outside of everything but ifs
	soft    bool // in an if: unknown filters wait until they are used
	loop    bool // in the body of a loop of this routine
}

func (f *frame) inner() *frame {
	return &frame{symbols: newSymbols(f.symbols, f.routine), routine: f.routine, loop: f.loop}
}

// innerRoutine is a frame that begins a new routine.
func (f *frame) innerRoutine() *frame {
	r := newRoutine(f.routine)
	return &frame{symbols: newSymbols(f.symbols, r), routine: r}
}

func (f *frame) softened() *frame {
	s := *f
	s.soft = true
	return &s
}

func (f *frame) survey(nodes ...node) {
	v := surveyor{f.symbols}
	for _, n := range nodes {
		v.visit(n)
	}
}

func (f *frame) binding() frameBinding {
	var b frameBinding
	for _, p := range f.symbols.order {
		l := f.symbols.loads[p]
		b.leave = append(b.leave, p.slot)
		if l.kind == loadParam {
			continue
		}
		step := enterStep{slot: p.slot, kind: l.kind, name: l.name}
		if l.kind == loadAlias {
			step.from = l.from.from(f.routine)
		}
		b.enter = append(b.enter, step)
	}
	return b
}

// bind makes the statements of a template ready to run.
func bind(body []stmt, chat bool) (*tree, error) {
	t := &tree{body: body, chat: chat, routine: newRoutine(nil)}
	b := &binder{tree: t}
	for _, n := range body {
		var err error
		walk(n, func(n node) bool {
			if s, ok := n.(*blockStmt); ok && err == nil {
				err = b.declare(s)
			}
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	f := &frame{symbols: newSymbols(nil, t.routine), routine: t.routine, top: true}
	if undeclared(body, "self")["self"] {
		v := f.symbols.param("self").from(f.routine)
		t.self = &v
	}
	f.survey(nodesOf(body)...)
	if err := b.statements(f, body); err != nil {
		return nil, err
	}
	t.frame = f.binding()
	for _, n := range body {
		var err error
		walk(n, func(n node) bool {
			if s, ok := n.(*blockStmt); ok && err == nil {
				err = b.block(s.code)
			}
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func nodesOf[N node](in []N) []node {
	out := make([]node, len(in))
	for i, n := range in {
		out[i] = n
	}
	return out
}

// declare makes a block known.
func (b *binder) declare(s *blockStmt) error {
	if b.tree.blocks[s.name] != nil {
		return atLine(faultf(faultSyntax, "block '%s' defined twice", s.name), s.line)
	}
	if b.tree.blocks == nil {
		b.tree.blocks = map[string]*blockCode{}
	}
	s.code = &blockCode{name: s.name, body: s.body, routine: newRoutine(nil)}
	b.tree.blocks[s.name] = s.code
	return nil
}

func (b *binder) block(c *blockCode) error {
	f := &frame{symbols: newSymbols(nil, c.routine), routine: c.routine}
	special := undeclared(c.body, "self", "super")
	for name, v := range map[string]**variable{"self": &c.self, "super": &c.super} {
		if special[name] {
			where := f.symbols.param(name).from(f.routine)
			*v = &where
		}
	}
	f.survey(nodesOf(c.body)...)
	err := b.statements(f, c.body)
	c.frame = f.binding()
	return err
}

func (b *binder) statements(f *frame, body []stmt) error {
	for _, s := range body {
		if err := b.statement(f, s); err != nil {
			return atLine(err, s.at().line)
		}
	}
	return nil
}

func (b *binder) statement(f *frame, s stmt) error {
	switch s := s.(type) {
	case *outputStmt:
		return bindAll(b, f, s.parts)
	case *ifStmt:
		return b.ifs(f, s)
	case *forStmt:
		return b.loop(f, s)
	case *macroStmt:
		p, ok := f.symbols.find(s.name)
		if !ok {
			return unknownName(s.name)
		}
		s.where = p.from(f.routine)
		s.top = f.top && b.tree.blocks != nil
		return b.macro(f, s.code)
	case *callStmt:
		if err := b.macro(f, s.code); err != nil || s.call == nil {
			return err
		}
		return b.expr(f, s.call)
	case *filterStmt:
		return b.filterBlock(f, s)
	case *withStmt:
		return b.with(f, s)
	case *setStmt:
		s.top = f.top && b.tree.blocks != nil
		if err := b.expr(f, s.value); err != nil {
			return err
		}
		return b.expr(f, s.target)
	case *setBlockStmt:
		return b.setBlock(f, s)
	case *blockStmt:
		return b.blockPlace(f, s)
	case *breakStmt:
		if !f.loop {
			return faultf(faultSyntax, "'break' outside loop")
		}
	case *continueStmt:
		if !f.loop {
			return faultf(faultSyntax, "'continue' not properly in loop")
		}
	case *otherTemplate:
		if s.tag == "extends" && !f.top {
			return faultf(faultSyntax, "cannot use extends from a non top-level scope")
		}
		return b.expr(f, s.operand)
	}
	return nil
}

// filterBlock binds a filter and its body, a scope of its own.
func (b *binder) filterBlock(f *frame, s *filterStmt) error {
	in := f.inner()
	in.survey(nodesOf(s.body)...)
	in.survey(s.filter)
	if err := b.statements(in, s.body); err != nil {
		return err
	}
	s.frame = in.binding()
	return b.expr(in, s.filter)
}

// blockPlace binds the place of a block, which sees the variables that are stored where it stands.
func (b *binder) blockPlace(f *frame, s *blockStmt) error {
	if s.scoped {
		stored := f.symbols.stored()
		if b.scoped += len(stored); b.scoped > maxScoped {
			return faultf(faultLimit, "scoped blocks see more than %d variables", maxScoped)
		}
		for name, p := range stored {
			s.stores = append(s.stores, namedVariable{name, p.from(f.routine)})
		}
	}
	return nil
}

func unknownName(name string) error {
	return faultf(faultSyntax, "the name '%s' has no meaning here", name)
}

func (b *binder) ifs(f *frame, s *ifStmt) error {
	f = f.softened()
	for _, branch := range append([]*ifStmt{s}, s.elifs...) {
		if err := b.expr(f, branch.test); err != nil {
			return err
		}
		if err := b.statements(f, branch.body); err != nil {
			return err
		}
	}
	return b.statements(f, s.other)
}

func (b *binder) with(f *frame, s *withStmt) error {
	in := f.inner()
	in.survey(nodesOf(s.targets)...)
	in.survey(nodesOf(s.body)...)
	if err := bindAll(b, in, s.targets); err != nil {
		return err
	}
	if err := bindAll(b, f, s.values); err != nil {
		return err
	}
	err := b.statements(in, s.body)
	s.frame = in.binding()
	return err
}

func (b *binder) setBlock(f *frame, s *setBlockStmt) error {
	s.top = f.top && b.tree.blocks != nil
	in := f.inner()
	in.survey(nodesOf(s.body)...)
	if err := b.statements(in, s.body); err != nil {
		return err
	}
	s.frame = in.binding()
	if s.filter != nil {
		if err := b.expr(in, s.filter); err != nil {
			return err
		}
	}
	return b.expr(f, s.target)
}

func bindAll[E expr](b *binder, f *frame, exprs []E) error {
	for _, e := range exprs {
		if err := b.expr(f, e); err != nil {
			return err
		}
	}
	return nil
}

// expr binds the names of an expression.
func (b *binder) expr(f *frame, e expr) error {
	var err error
	name := func(name string) variable {
		p, ok := f.symbols.find(name)
		if !ok {
			err = unknownName(name)
			return variable{}
		}
		return p.from(f.routine)
	}
	switch e := e.(type) {
	case *nameExpr:
		e.where = name(e.name)
	case *attributeTarget:
		e.where = name(e.name)
	case *condExpr:
		f = f.softened()
	case *filterExpr:
		if e.filter == nil && !f.soft {
			return atLine(faultf(faultSyntax, "no filter named '%s'", e.name), e.line)
		}
	case *testExpr:
		if e.test == nil && !f.soft {
			return atLine(faultf(faultSyntax, "no test named '%s'", e.name), e.line)
		}
	}
	children(e, func(k node) {
		if err == nil {
			err = b.expr(f, k.(expr))
		}
	})
	return err
}
