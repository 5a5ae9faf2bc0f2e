package jinja

// loop is the variable loop inside a for loop.
type loop struct {
	iterable object
	items    iterator
	count    int // once it is known
	counted  bool
	index0   int
	before   object // nil if there is none
	current  object
	after    object // fetched early, by last or nextitem
	changes  *tuple // arguments of the last call of changed
	depth0   int
	body     *forStmt // of a recursive loop, else nil
	scope    *scope   // around a recursive loop
}

func (n *forStmt) exec(r *rendering, s *scope) (flow, error) {
	iterable, err := r.value(n.iter, s)
	if err != nil {
		return flowNext, err
	}
	if !n.recursive {
		return n.loop(r, s, s, iterable, 0)
	}
	text, err := n.recurse(r, s, iterable, 0)
	if err != nil {
		return flowNext, err
	}
	return flowNext, r.write(text)
}

// recurse runs a recursive loop over iterable and returns its text; outer is
// the scope around the loop.
func (n *forStmt) recurse(r *rendering, outer *scope, iterable object, depth int) (string, error) {
	if r.calls++; r.calls > r.limits.Depth {
		return "", errDepth
	}
	defer func() { r.calls-- }()
	s := newScope(n.bound.routine, outer, outer.vars)
	r.scopes = append(r.scopes, s)
	buffered := r.out
	r.out = &buffer{}
	r.buffers = append(r.buffers, r.out)
	_, err := n.loop(r, s, outer, iterable, depth)
	text := string(r.out.text)
	r.buffers = r.buffers[:len(r.buffers)-1]
	r.out = buffered
	r.scopes = r.scopes[:len(r.scopes)-1]
	if err == nil {
		err = r.spendText(len(text))
	}
	return text, err
}

// loop runs the loop in scope s; outer is the scope in which the loop stands,
// the same unless the loop is recursive.
func (n *forStmt) loop(r *rendering, s, outer *scope, iterable object, depth int) (flow, error) {
	it, err := n.items(r, outer, iterable)
	if err != nil {
		return flowNext, err
	}
	r.held = append(r.held, iterable)
	l := &loop{iterable: iterable, items: it, index0: -1, depth0: depth}
	if n.test != nil {
		l.iterable = it
	}
	if n.recursive {
		l.body, l.scope = n, outer
	}
	ran, f, err := n.iterate(r, s, l)
	r.held = r.held[:len(r.held)-1]
	if err != nil || f != flowNext {
		return f, err
	}
	s.leave(&n.bound.frame)
	if ran || n.other == nil {
		return flowNext, nil
	}
	s.enter(&n.bound.other)
	if f, err = r.run(n.other, s); f != flowNext || err != nil {
		return f, err
	}
	s.leave(&n.bound.other)
	return flowNext, nil
}

// iterate runs the body for each item; ran says whether the body was run to
// its end at least once. A break in it ends the loop and is not passed on.
func (n *forStmt) iterate(r *rendering, s *scope, l *loop) (ran bool, f flow, err error) {
	if n.bound.loop != nil {
		s.set(*n.bound.loop, nil)
	}
	for {
		ok, err := l.advance(r)
		if err != nil || !ok {
			return ran, flowNext, err
		}
		if err := r.assign(n.target, l.current, s, false); err != nil {
			return ran, flowNext, err
		}
		if n.bound.loop != nil {
			s.set(*n.bound.loop, l)
		}
		s.enter(&n.bound.frame)
		f, err := r.run(n.body, s)
		if err != nil {
			return ran, flowNext, err
		}
		switch f {
		case flowBreak:
			return ran, flowNext, nil
		case flowNext:
			ran = true
		}
	}
}

// items returns what the loop goes over: the iterable, or those of its items
// that pass the loop's test.
func (n *forStmt) items(r *rendering, outer *scope, iterable object) (iterator, error) {
	it, err := r.iterate(iterable)
	if err != nil || n.test == nil {
		return it, err
	}
	s := newScope(n.bound.filter, outer, outer.vars)
	s.enter(&n.bound.filterFrame)
	return &generator{name: "generator", source: iterable, pull: func(r *rendering) (object, bool, error) {
		for {
			o, ok, err := it.next(r)
			if !ok || err != nil {
				return nil, false, err
			}
			if err := r.assign(n.bound.filterTarget, o, s, false); err != nil {
				return nil, false, err
			}
			v, err := r.value(n.test, s)
			if err != nil {
				return nil, false, err
			}
			if truth(v) {
				return n.rebuilt(s), true, nil
			}
		}
	}}, nil
}

// rebuilt is the item that the test of a loop passes on: not the item itself
// but its targets, so that a list of two becomes a tuple.
func (n *forStmt) rebuilt(s *scope) object { return rebuild(n.bound.filterTarget, s) }

func rebuild(target expr, s *scope) object {
	switch t := target.(type) {
	case *nameExpr:
		return s.get(t.where)
	case *tupleExpr:
		out := &tuple{}
		for _, item := range t.items {
			out.items = append(out.items, rebuild(item, s))
		}
		return out
	}
	return none
}

// advance goes to the next item.
func (l *loop) advance(r *rendering) (bool, error) {
	o := l.after
	l.after = nil
	if o == nil {
		next, ok, err := l.items.next(r)
		if !ok || err != nil {
			return false, err
		}
		o = next
	}
	l.index0++
	l.before, l.current = l.current, o
	return true, nil
}

// next makes a loop an iterator over itself, as it is in the reference.
func (l *loop) next(r *rendering) (object, bool, error) {
	ok, err := l.advance(r)
	if !ok || err != nil {
		return nil, false, err
	}
	return pair(l.current, l), true, r.spend(headCost + 2*itemCost)
}

// peek returns the next item without going to it, nil at the end.
func (l *loop) peek(r *rendering) (object, error) {
	if l.after == nil {
		o, ok, err := l.items.next(r)
		if err != nil {
			return nil, err
		}
		if ok {
			l.after = o
		}
	}
	return l.after, nil
}

// length is the number of items; a generator has to be read to its end for it.
func (l *loop) length(r *rendering) (int, error) {
	if l.counted {
		return l.count, nil
	}
	n, err := r.length(l.iterable)
	if isFault(err, faultType) {
		var rest []object
		if rest, err = r.collect(&generator{name: "generator", pull: func(r *rendering) (object, bool, error) {
			return l.items.next(r)
		}}); err != nil {
			return 0, err
		}
		l.items = &itemIterator{items: rest}
		n = len(rest) + l.index0 + 1
		if l.after != nil {
			n++
		}
	}
	if err != nil {
		return 0, err
	}
	l.count, l.counted = n, true
	return n, nil
}

func (l *loop) member(r *rendering, name string) (object, bool, error) {
	switch name {
	case "index":
		return int64(l.index0 + 1), true, nil
	case "index0":
		return int64(l.index0), true, nil
	case "first":
		return l.index0 == 0, true, nil
	case "depth":
		return int64(l.depth0 + 1), true, nil
	case "depth0":
		return int64(l.depth0), true, nil
	case "length", "revindex", "revindex0":
		n, err := l.length(r)
		switch name {
		case "revindex":
			n -= l.index0
		case "revindex0":
			n -= l.index0 + 1
		}
		return int64(n), true, err
	case "last":
		o, err := l.peek(r)
		return o == nil, true, err
	case "nextitem":
		o, err := l.peek(r)
		if o == nil {
			o = undefinedf("there is no next item")
		}
		return o, true, err
	case "previtem":
		if l.index0 == 0 || l.before == nil {
			return undefinedf("there is no previous item"), true, nil
		}
		return l.before, true, nil
	case "cycle":
		return &function{name: name, self: l, call: l.cycle}, true, nil
	case "changed":
		return &function{name: name, self: l, call: l.changed}, true, nil
	}
	return nil, false, nil
}

func (l *loop) cycle(_ *rendering, a arguments) (object, error) {
	if len(a.pos) == 0 || len(a.named) > 0 {
		return nil, faultf(faultType, "no items for cycling given")
	}
	return a.pos[l.index0%len(a.pos)], nil
}

// changed reports whether its arguments are not those of the call before.
func (l *loop) changed(r *rendering, a arguments) (object, error) {
	if len(a.named) > 0 {
		return nil, faultf(faultType, "changed() got an unexpected keyword argument %s", quote(a.named[0].name))
	}
	now := &tuple{items: a.pos}
	if l.changes != nil {
		if same, err := r.equal(l.changes, now); same || err != nil {
			return false, err
		}
	}
	l.changes = now
	return true, nil
}

// recurse is a call of loop: the body once more, over the items of its argument.
func (l *loop) recurse(r *rendering, a arguments) (object, error) {
	if len(a.pos) != 1 || len(a.named) > 0 {
		return nil, faultf(faultType, "loop() takes one argument (%d given)", len(a.pos)+len(a.named))
	}
	if l.body == nil {
		return nil, faultf(faultType, "the loop must have the 'recursive' marker to be called recursively")
	}
	text, err := l.body.recurse(r, l.scope, a.pos[0], l.depth0+1)
	return text, err
}
