package jinja

import (
	"errors"
	"strings"
)

// filters are the filters by name. They are filled in by init, because the
// filter map finds other filters here.
var filters map[string]callee

func init() {
	filters = map[string]callee{
		"abs":         fixed("value, /", filterAbs),
		"attr":        fixed("value, name", filterAttr),
		"batch":       fixed("value, linecount, fill_with=", filterBatch),
		"capitalize":  textFilter(capitalize),
		"center":      fixed("value, width=", filterCenter),
		"count":       fixed("value, /", filterLength),
		"d":           fixed("value, default_value=, boolean=", filterDefault),
		"default":     fixed("value, default_value=, boolean=", filterDefault),
		"dictsort":    fixed("value, case_sensitive=, by=, reverse=", filterDictsort),
		"e":           fixed("value, /", filterEscape),
		"escape":      fixed("value, /", filterEscape),
		"first":       fixed("value", filterFirst),
		"float":       fixed("value, default=", filterFloat),
		"forceescape": fixed("value", filterForceEscape),
		"format":      filterFormat,
		"groupby":     fixed("value, attribute, default=, case_sensitive=", filterGroupby),
		"indent":      fixed("s, width=, first=, blank=", filterIndent),
		"int":         fixed("value, default=, base=", filterInt),
		"items":       fixed("value", filterItems),
		"join":        fixed("value, d=, attribute=", filterJoin),
		"last":        fixed("value", filterLast),
		"length":      fixed("value, /", filterLength),
		"list":        fixed("value", filterList),
		"lower":       textFilter(lower),
		"map":         filterMap,
		"max":         fixed("value, case_sensitive=, attribute=", filterMax),
		"min":         fixed("value, case_sensitive=, attribute=", filterMin),
		"reject":      filterReject,
		"rejectattr":  filterRejectattr,
		"replace":     fixed("s, old, new, count=", filterReplace),
		"reverse":     fixed("value", filterReverse),
		"round":       fixed("value, precision=, method=", filterRound),
		"safe":        fixed("value", filterSafe),
		"select":      filterSelect,
		"selectattr":  filterSelectattr,
		"slice":       fixed("value, slices, fill_with=", filterSlice),
		"sort":        fixed("value, reverse=, case_sensitive=, attribute=", filterSort),
		"string":      fixed("value, /", filterString),
		"sum":         fixed("value, attribute=, start=", filterSum),
		"title":       textFilter(titleWords),
		"tojson":      fixed("x, ensure_ascii=, indent=, separators=, sort_keys=", filterTojson),
		"trim":        fixed("value, chars=", filterTrim),
		"truncate":    fixed("s, length=, killwords=, end=, leeway=", filterTruncate),
		"unique":      fixed("value, case_sensitive=, attribute=", filterUnique),
		"upper":       textFilter(upper),
		"wordcount":   fixed("value", filterWordcount),
	}
	for _, name := range refusedFilters {
		filters[name] = refused("filter")
	}
}

// refusedFilters are filters of the reference that no published chat template
// uses: random is left to chance, and a prompt is not; the others are for web pages
// and for people.
var refusedFilters = []string{"filesizeformat", "pprint", "random", "striptags", "urlencode", "urlize", "wordwrap", "xmlattr"}

// refused is a filter or method that is known and not supported.
func refused(what string) callee {
	return func(_ *rendering, name string, _ arguments) (object, error) {
		return nil, faultf(faultRefused, "the %s %s is not supported", what, name)
	}
}

// findFilter returns the filter of that name, nil if there is none. Chat templates
// have one more than the reference.
func findFilter(name string, chat bool) callee {
	if name == "from_json" && chat {
		return filterFromJSON
	}
	return filters[name]
}

var filterFromJSON = fixed("value, /", func(r *rendering, a []object) (object, error) {
	s, ok := stringOf(a[0])
	if !ok {
		if u, ok := a[0].(*undefined); ok {
			return nil, u.fail()
		}
		return nil, faultf(faultType, "the JSON object must be str, not %s", typeName(a[0]))
	}
	if err := r.scan(2 * len(s)); err != nil {
		return nil, err
	}
	values := 1
	for i := range len(s) {
		if strings.IndexByte(",[{:", s[i]) >= 0 {
			values++
		}
	}
	if err := r.spend(len(s) + 2*headCost*values); err != nil {
		return nil, err
	}
	v, err := ParseJSON([]byte(s))
	if err != nil {
		if errors.Is(err, ErrLimit) {
			return nil, err
		}
		return nil, faultf(faultValue, "from_json(): %v", err)
	}
	return v.object(), nil
})

// filterNamed applies the filter of that name, for the filter map.
func (r *rendering) filterNamed(name string, a arguments) (object, error) {
	f := findFilter(name, r.tree.chat)
	if f == nil {
		return nil, faultf(faultRuntime, "no filter named %s", quote(name))
	}
	if err := r.count(callSteps); err != nil {
		return nil, err
	}
	return f(r, name, a)
}

func filterDefault(_ *rendering, a []object) (object, error) {
	_, missing := a[0].(*undefined)
	if !missing && !(a[2] != nil && truth(a[2]) && !truth(a[0])) {
		return a[0], nil
	}
	if a[1] == nil {
		return "", nil
	}
	return a[1], nil
}

func filterAttr(r *rendering, a []object) (object, error) {
	name, err := argText(a[1], "", "attr()")
	if err != nil {
		return nil, err
	}
	o, ok, err := r.member(a[0], name)
	if !ok && err == nil {
		o = missingMember(a[0], name)
	}
	return o, err
}

func filterItems(_ *rendering, a []object) (object, error) {
	g := &generator{name: "generator", source: a[0]}
	i := 0
	g.pull = func(*rendering) (object, bool, error) {
		switch d := a[0].(type) {
		case *undefined:
			return nil, false, nil
		case *Dict:
			if i >= d.Len() {
				return nil, false, nil
			}
			i++
			return pair(d.keys[i-1], d.values[i-1]), true, nil
		}
		return nil, false, faultf(faultType, "can only get item pairs from a mapping")
	}
	return g, nil
}

func filterLength(r *rendering, a []object) (object, error) {
	n, err := r.length(a[0])
	return int64(n), err
}

func filterList(r *rendering, a []object) (object, error) {
	items, err := r.collect(a[0])
	if err != nil {
		return nil, err
	}
	return &list{items}, r.spend(headCost)
}

func filterFirst(r *rendering, a []object) (object, error) {
	it, err := r.iterate(a[0])
	if err != nil {
		return nil, err
	}
	o, ok, err := it.next(r)
	if !ok && err == nil {
		return undefinedf("No first item, sequence was empty."), nil
	}
	return o, err
}

func filterLast(r *rendering, a []object) (object, error) {
	o, err := r.reversed(a[0])
	if err != nil {
		return nil, err
	}
	o, ok, err := o.(*generator).next(r)
	if !ok && err == nil {
		return undefinedf("No last item, sequence was empty."), nil
	}
	return o, err
}

func filterReverse(r *rendering, a []object) (object, error) {
	if s, ok := stringOf(a[0]); ok {
		return r.slice(like(a[0], s), nil, nil, int64(-1))
	}
	o, err := r.reversed(a[0])
	if !isFault(err, faultType) {
		return o, err
	}
	items, err := r.collect(a[0])
	if err != nil {
		return nil, err
	}
	if err := r.spend(headCost + itemCost*len(items)); err != nil {
		return nil, err
	}
	out := make([]object, len(items))
	for i, o := range items {
		out[len(items)-1-i] = o
	}
	return &list{out}, nil
}

// filterBatch cuts the items into lists of linecount.
func filterBatch(_ *rendering, a []object) (object, error) {
	b := &batcher{count: -1, fill: a[2]}
	if n, ok := clampInt(a[1]); ok {
		b.count = n
	}
	var it iterator
	return &generator{name: "generator", source: a[0], held: []object{a[2], &b.list}, pull: func(r *rendering) (object, bool, error) {
		if it == nil {
			var err error
			if it, err = r.iterate(a[0]); err != nil {
				return nil, false, err
			}
		}
		return b.next(r, it)
	}}, nil
}

type batcher struct {
	list  // that is being filled
	count int
	fill  object
	ended bool
}

func (b *batcher) next(r *rendering, it iterator) (object, bool, error) {
	for !b.ended {
		o, ok, err := it.next(r)
		if err == nil {
			err = r.spend(2 * itemCost)
		}
		if err != nil {
			return nil, false, err
		}
		if !ok {
			b.ended = true
			break
		}
		if len(b.items) == b.count {
			full := b.items
			b.items = []object{o}
			return &list{full}, true, nil
		}
		b.items = append(b.items, o)
	}
	last := b.items
	b.items = nil
	if n := b.count - len(last); len(last) > 0 && n > 0 && isGiven(b.fill) {
		fill, err := r.repeated([]object{b.fill}, n)
		if err != nil {
			return nil, false, err
		}
		last = append(last, fill...)
	}
	return &list{last}, len(last) > 0, nil
}

// filterSlice cuts the items into so many lists of about the same length.
func filterSlice(_ *rendering, a []object) (object, error) {
	var all list
	slice, offset := -1, 0
	pull := func(r *rendering) (object, bool, error) {
		slices, ok := clampInt(a[1])
		if !ok {
			return nil, false, operandError(opFloorDiv, int64(0), a[1])
		}
		if slice < 0 {
			var err error
			if all.items, err = r.collect(a[0]); err != nil {
				return nil, false, err
			}
			if slices == 0 {
				return nil, false, faultf(faultZeroDivision, "integer division or modulo by zero")
			}
		}
		if slice++; slice >= slices {
			return nil, false, nil
		}
		each, extra := len(all.items)/slices, len(all.items)%slices
		start := offset + slice*each
		if slice < extra {
			offset++
		}
		part := all.items[start : offset+(slice+1)*each]
		if isGiven(a[2]) && slice >= extra {
			filled, err := r.joined(part, a[2:3])
			return &list{filled}, true, err
		}
		filled, err := r.joined(part, nil) // a copy, which does not keep all
		return &list{filled}, true, err
	}
	return &generator{name: "generator", source: a[0], held: []object{a[2], &all}, pull: pull}, nil
}
