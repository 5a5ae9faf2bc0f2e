package jinja

import (
	"slices"
	"strings"
)

// pathWork is what a part of a path costs, as characters that are looked at.
const pathWork = 32

// attributePath reads the attribute argument of a filter: "address.city" is
// two items, and digits are an index. nil or None is no path at all.
func (r *rendering) attributePath(o object) ([]object, error) {
	if !isGiven(o) {
		return nil, nil
	}
	s, ok := stringOf(o)
	if !ok {
		return []object{o}, nil
	}
	parts := strings.Count(s, ".") + 1
	if parts > maxPath {
		return nil, faultf(faultLimit, "a path of %d attributes, want at most %d", parts, maxPath)
	}
	if err := r.scan(len(s) + pathWork*parts); err != nil {
		return nil, err
	}
	if err := r.spend(2 * itemCost * parts); err != nil {
		return nil, err
	}
	var path []object
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.TrimFunc(part, func(c rune) bool { return digitValue(c) >= 0 }) != "" {
			path = append(path, part)
			continue
		}
		i, err := parseInt(part, 10)
		if err != nil {
			return nil, err
		}
		path = append(path, i)
	}
	return path, nil
}

// follow looks up the items of a path, one in the other. With a missing value,
// that takes the place of each item that is not there.
func (r *rendering) follow(o object, path []object, missing object) (object, error) {
	for _, part := range path {
		var err error
		if o, err = r.item(o, part); err != nil {
			return nil, err
		}
		if _, ok := o.(*undefined); ok && isGiven(missing) {
			o = missing
		}
	}
	return o, nil
}

// orderKey says by what the items of a sequence are compared.
type orderKey struct {
	path    []object
	missing object // in place of an attribute that is not there
	fold    bool   // strings without regard to case
}

// sortKey reads the arguments case_sensitive and attribute.
func (r *rendering) sortKey(caseSensitive, attribute object) (*orderKey, error) {
	path, err := r.attributePath(attribute)
	return &orderKey{path: path, fold: caseSensitive == nil || !truth(caseSensitive)}, err
}

func (k *orderKey) of(r *rendering, o object) (object, error) {
	o, err := r.follow(o, k.path, k.missing)
	if err != nil {
		return nil, err
	}
	return r.folded(o, k.fold)
}

// folded is the lower case of a string.
func (r *rendering) folded(o object, fold bool) (object, error) {
	s, ok := stringOf(o)
	if !ok || !fold {
		return o, nil
	}
	return r.mapped(o, s, lower)
}

// keyed is an item with what it is compared by.
type keyed struct{ key, item object }

// sorted sorts items in place and stably, as Python's sorted.
func (r *rendering) sorted(items []keyed, reverse bool) error {
	var failed error
	slices.SortStableFunc(items, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		if reverse {
			a, b = b, a
		}
		if failed = r.step(); failed != nil {
			return 0
		}
		var less bool
		if less, failed = r.order(opLess, a.key, b.key); less {
			return -1
		}
		if failed == nil {
			less, failed = r.order(opLess, b.key, a.key)
		}
		if less {
			return 1
		}
		return 0
	})
	return failed
}

// keyedItems pairs every item of o with its key.
func (r *rendering) keyedItems(o object, key func(object) (object, error)) ([]keyed, error) {
	items, err := r.collect(o)
	if err != nil {
		return nil, err
	}
	if err := r.spend(2 * itemCost * len(items)); err != nil {
		return nil, err
	}
	out := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		out[i] = keyed{k, item}
	}
	return out, nil
}

// itemsOf is the list of the items without their keys.
func (r *rendering) itemsOf(in []keyed) (*list, error) {
	out := &list{make([]object, len(in))}
	for i, k := range in {
		out.items[i] = k.item
	}
	return out, r.spend(headCost + itemCost*len(in))
}

// filterSort sorts by one attribute, by several with commas between them, or by
// the items themselves.
func filterSort(r *rendering, a []object) (object, error) {
	attributes := []object{a[3]}
	if s, ok := stringOf(a[3]); ok {
		if err := r.scan(len(s)); err != nil {
			return nil, err
		}
		if n := strings.Count(s, ",") + 1; n > maxPath {
			return nil, faultf(faultLimit, "sorted by %d attributes, want at most %d", n, maxPath)
		}
		attributes = nil
		for part := range strings.SplitSeq(s, ",") {
			attributes = append(attributes, part)
		}
	}
	keys := make([]*orderKey, len(attributes))
	for i, attribute := range attributes {
		var err error
		if keys[i], err = r.sortKey(a[2], attribute); err != nil {
			return nil, err
		}
	}
	items, err := r.keyedItems(a[0], func(o object) (object, error) {
		if err := r.spend(headCost + itemCost*len(keys)); err != nil {
			return nil, err
		}
		l := &list{make([]object, len(keys))}
		for i, k := range keys {
			var err error
			if l.items[i], err = k.of(r, o); err != nil {
				return nil, err
			}
		}
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	if err := r.sorted(items, a[1] != nil && truth(a[1])); err != nil {
		return nil, err
	}
	return r.itemsOf(items)
}

func filterDictsort(r *rendering, a []object) (object, error) {
	by := "key"
	if a[2] != nil {
		by, _ = stringOf(a[2])
	}
	if by != "key" && by != "value" {
		return nil, faultf(faultRuntime, `you can only sort by either "key" or "value"`)
	}
	d, ok := a[0].(*Dict)
	if !ok {
		if u, ok := a[0].(*undefined); ok {
			return nil, u.fail()
		}
		return nil, faultf(faultRuntime, "'%s' object has no attribute 'items'", typeName(a[0]))
	}
	if err := r.spend(dictCost * d.Len()); err != nil {
		return nil, err
	}
	fold := a[1] == nil || !truth(a[1])
	items, err := r.keyedItems(&list{d.items()}, func(o object) (object, error) {
		kv := o.(*tuple).items
		if by == "key" {
			return r.folded(kv[0], fold)
		}
		return r.folded(kv[1], fold)
	})
	if err != nil {
		return nil, err
	}
	if err := r.sorted(items, a[3] != nil && truth(a[3])); err != nil {
		return nil, err
	}
	return r.itemsOf(items)
}

// filterGroupby sorts by an attribute and makes a list of each run of equals.
func filterGroupby(r *rendering, a []object) (object, error) {
	key, err := r.sortKey(a[3], a[1])
	if err != nil {
		return nil, err
	}
	key.missing = a[2]
	items, err := r.keyedItems(a[0], func(o object) (object, error) { return key.of(r, o) })
	if err != nil {
		return nil, err
	}
	if err := r.sorted(items, false); err != nil {
		return nil, err
	}
	out := &list{}
	for start := 0; start < len(items); {
		end := start + 1
		for ; end < len(items); end++ {
			eq, err := r.equal(items[start].key, items[end].key)
			if err != nil {
				return nil, err
			}
			if !eq {
				break
			}
		}
		members, err := r.itemsOf(items[start:end])
		if err != nil {
			return nil, err
		}
		grouper := items[start].key
		if key.fold { // the key as it is written in the first item
			if grouper, err = r.follow(members.items[0], key.path, key.missing); err != nil {
				return nil, err
			}
		}
		if err := r.spend(headCost + 4*itemCost); err != nil {
			return nil, err
		}
		out.items = append(out.items, &tuple{items: []object{grouper, members}, group: true})
		start = end
	}
	return out, nil
}

// filterUnique yields the items whose key did not come before.
func filterUnique(r *rendering, a []object) (object, error) {
	key, err := r.sortKey(a[1], a[2])
	if err != nil {
		return nil, err
	}
	seen := &Dict{}
	var it iterator
	return &generator{name: "generator", source: a[0], held: []object{&list{key.path}, seen}, pull: func(r *rendering) (object, bool, error) {
		if it == nil {
			var err error
			if it, err = r.iterate(a[0]); err != nil {
				return nil, false, err
			}
		}
		for {
			o, ok, err := it.next(r)
			if !ok || err != nil {
				return nil, false, err
			}
			k, err := key.of(r, o)
			if err != nil {
				return nil, false, err
			}
			_, found, err := seen.get(r, k)
			if err != nil {
				return nil, false, err
			}
			if found {
				continue
			}
			if err := r.spend(2 * dictCost); err != nil {
				return nil, false, err
			}
			return o, true, seen.set(r, k, none)
		}
	}}, nil
}
