package jinja

// The filters map, select, reject, selectattr and rejectattr. They take the
// name of a filter or test and its arguments, and are lazy.

// lazily returns a generator over o whose items each come from one, which keeps
// held alive. one says with keep whether the item is passed on. As in the
// reference, nothing is even looked at if o is empty.
func lazily(o object, held []object, one func(r *rendering, item object) (out object, keep bool, err error)) *generator {
	var it iterator
	return &generator{name: "generator", source: o, held: held, pull: func(r *rendering) (object, bool, error) {
		if it == nil {
			if !truth(o) {
				return nil, false, nil
			}
			var err error
			if it, err = r.iterate(o); err != nil {
				return nil, false, err
			}
		}
		for {
			item, ok, err := it.next(r)
			if !ok || err != nil {
				return nil, false, err
			}
			out, keep, err := one(r, item)
			if err != nil {
				return nil, false, err
			}
			if keep {
				return out, true, nil
			}
		}
	}}
}

// failing is a generator that fails once it is asked for an item of o, unless
// o is empty. A limit fails at once.
func failing(o object, err error) (object, error) {
	if isFault(err, faultLimit) {
		return nil, err
	}
	return &generator{name: "generator", source: o, pull: func(*rendering) (object, bool, error) {
		if !truth(o) {
			return nil, false, nil
		}
		return nil, false, err
	}}, nil
}

// argument takes a named argument out of a.
func (a *arguments) argument(name string) object {
	for i, n := range a.named {
		if n.name == name {
			a.named = append(append([]namedArgument{}, a.named[:i]...), a.named[i+1:]...)
			return n.value
		}
	}
	return nil
}

// objects returns the values of all arguments.
func (a *arguments) objects() []object {
	all := append([]object{}, a.pos...)
	for _, n := range a.named {
		all = append(all, n.value)
	}
	return all
}

// filterMap applies a filter to every item, or looks up an attribute of it.
func filterMap(r *rendering, _ string, a arguments) (object, error) {
	o := a.pos[0]
	if attribute := a.argument("attribute"); len(a.pos) == 1 && attribute != nil {
		missing := a.argument("default")
		if len(a.named) > 0 {
			return failing(o, faultf(faultRuntime, "unexpected keyword argument %s", quote(a.named[0].name)))
		}
		path, err := r.attributePath(attribute)
		if err != nil {
			return failing(o, err)
		}
		return lazily(o, []object{&list{path}, missing}, func(r *rendering, item object) (object, bool, error) {
			out, err := r.follow(item, path, missing)
			return out, true, err
		}), nil
	} else if attribute != nil {
		a.named = append(a.named, namedArgument{"attribute", attribute})
	}
	if len(a.pos) == 1 {
		return failing(o, faultf(faultRuntime, "map requires a filter argument"))
	}
	name, ok := stringOf(a.pos[1])
	if !ok {
		return failing(o, faultf(faultRuntime, "map requires the name of a filter, got '%s'", typeName(a.pos[1])))
	}
	rest := a.pos[2:]
	return lazily(o, a.objects(), func(r *rendering, item object) (object, bool, error) {
		if err := r.spend(itemCost * (1 + len(rest))); err != nil {
			return nil, false, err
		}
		out, err := r.filterNamed(name, arguments{append([]object{item}, rest...), a.named})
		return out, true, err
	}), nil
}

func filterSelect(r *rendering, _ string, a arguments) (object, error) {
	return r.picking(a, true, false)
}

func filterReject(r *rendering, _ string, a arguments) (object, error) {
	return r.picking(a, false, false)
}

func filterSelectattr(r *rendering, _ string, a arguments) (object, error) {
	return r.picking(a, true, true)
}

func filterRejectattr(r *rendering, _ string, a arguments) (object, error) {
	return r.picking(a, false, true)
}

// picking yields the items for which a test, or without a test their truth, is
// want. With attribute, an attribute of the item is tested.
func (r *rendering) picking(a arguments, want, attribute bool) (object, error) {
	o, rest := a.pos[0], a.pos[1:]
	var path []object
	if attribute {
		if len(rest) == 0 {
			return failing(o, faultf(faultRuntime, "missing parameter for attribute name"))
		}
		var err error
		if path, err = r.attributePath(rest[0]); err != nil {
			return failing(o, err)
		}
		rest = rest[1:]
	}
	return lazily(o, append(a.objects(), &list{path}), func(r *rendering, item object) (object, bool, error) {
		v, err := r.follow(item, path, nil)
		if err == nil && len(rest) > 0 {
			if err := r.spend(itemCost * len(rest)); err != nil {
				return nil, false, err
			}
			v, err = r.testNamed(rest[0], arguments{append([]object{v}, rest[1:]...), a.named})
		}
		return item, truth(v) == want, err
	}), nil
}
