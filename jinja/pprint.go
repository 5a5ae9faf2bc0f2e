package jinja

import (
	"strings"
	"unicode/utf8"
)

// pprintWidth is the width that Python's pprint keeps lines to.
const pprintWidth = 80

// filterPprint is pprint.pformat: repr, on several lines where it is wider than
// a line, and with dicts sorted by their keys.
func filterPprint(r *rendering, a []object) (object, error) {
	p := prettyPrinter{w: writer{r: r}}
	if err := p.format(a[0], 0, 0, 1); err != nil {
		return nil, err
	}
	return string(p.w.text), nil
}

type prettyPrinter struct{ w writer }

// plain is the repr of o with sorted dicts.
func (p *prettyPrinter) plain(o object, depth int) (string, error) {
	sorted, err := p.sorted(o, depth)
	if err != nil {
		return "", err
	}
	return p.w.r.repr(sorted)
}

// sorted is o with all dicts inside in order.
func (p *prettyPrinter) sorted(o object, depth int) (object, error) {
	r := p.w.r
	if depth > r.limits.Depth {
		return nil, errDepth
	}
	all := func(items []object) ([]object, error) {
		if err := r.spend(headCost + itemCost*len(items)); err != nil {
			return nil, err
		}
		out := make([]object, len(items))
		for i, item := range items {
			var err error
			if out[i], err = p.sorted(item, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch o := o.(type) {
	case *list:
		items, err := all(o.items)
		return &list{items}, err
	case *tuple:
		items, err := all(o.items)
		return &tuple{items: items}, err
	case *Dict:
		entries, err := p.entries(o)
		if err != nil {
			return nil, err
		}
		out := &Dict{}
		for _, e := range entries {
			kv := e.item.(*tuple).items
			v, err := p.sorted(kv[1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := out.set(r, kv[0], v); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return o, nil
}

// entries returns the pairs of a dict, sorted by their keys. Keys that cannot
// be compared are sorted by the names of their types.
func (p *prettyPrinter) entries(d *Dict) ([]keyed, error) {
	r := p.w.r
	if err := r.spend(dictCost * d.Len()); err != nil {
		return nil, err
	}
	key := func(o object) (object, error) { return o.(*tuple).items[0], nil }
	items, err := r.keyedItems(&list{d.items()}, key)
	if err != nil {
		return nil, err
	}
	err = r.sorted(items, false)
	if isFault(err, faultType) {
		for i := range items {
			items[i].key = typeName(items[i].key)
		}
		err = r.sorted(items, false)
	}
	return items, err
}

// format writes o, which begins indent columns into its line; behind it
// allowance columns are needed for closing brackets.
func (p *prettyPrinter) format(o object, indent, allowance, depth int) error {
	if depth > p.w.r.limits.Depth {
		return errDepth
	}
	plain, err := p.plain(o, 0)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(plain) <= pprintWidth-indent-allowance {
		return p.w.write(plain)
	}
	switch o := o.(type) {
	case *list:
		return p.items("[", o.items, "]", indent, allowance, depth)
	case *tuple:
		if len(o.items) == 1 {
			return p.items("(", o.items, ",)", indent, allowance, depth)
		}
		return p.items("(", o.items, ")", indent, allowance, depth)
	case *Dict:
		return p.dict(o, indent, allowance, depth)
	case string:
		return p.text(o, indent, allowance, depth)
	}
	return p.w.write(plain)
}

func (p *prettyPrinter) items(open string, items []object, end string, indent, allowance, depth int) error {
	p.w.text = append(p.w.text, open...)
	for i, item := range items {
		room := 1
		if i > 0 {
			p.newline(",", indent+1)
		}
		if i == len(items)-1 {
			room = allowance + len(end)
		}
		if err := p.format(item, indent+1, room, depth+1); err != nil {
			return err
		}
	}
	return p.w.write(end)
}

func (p *prettyPrinter) newline(before string, indent int) {
	p.w.text = append(p.w.text, before...)
	p.w.text = append(p.w.text, '\n')
	p.w.text = append(p.w.text, strings.Repeat(" ", indent)...)
}

func (p *prettyPrinter) dict(d *Dict, indent, allowance, depth int) error {
	entries, err := p.entries(d)
	if err != nil {
		return err
	}
	p.w.text = append(p.w.text, '{')
	for i, e := range entries {
		kv := e.item.(*tuple).items
		if i > 0 {
			p.newline(",", indent+1)
		}
		key, err := p.plain(kv[0], 0)
		if err != nil {
			return err
		}
		if err := p.w.write(key + ": "); err != nil {
			return err
		}
		room := 1
		if i == len(entries)-1 {
			room = allowance + 1
		}
		if err := p.format(kv[1], indent+utf8.RuneCountInString(key)+3, room, depth+1); err != nil {
			return err
		}
	}
	return p.w.write("}")
}

// text writes a long string as several, cut behind white space.
func (p *prettyPrinter) text(s string, indent, allowance, depth int) error {
	if err := p.w.r.scan(8 * len(s)); err != nil {
		return err
	}
	if depth == 1 {
		indent++
		allowance++
	}
	chunks := p.pieces(s, indent, allowance)
	if len(chunks) == 1 {
		return p.w.write(chunks[0])
	}
	if depth == 1 {
		p.w.text = append(p.w.text, '(')
	}
	for i, chunk := range chunks {
		if i > 0 {
			p.newline("", indent)
		}
		if err := p.w.write(chunk); err != nil {
			return err
		}
	}
	if depth == 1 {
		return p.w.write(")")
	}
	return nil
}

// pieces are the reprs of the parts of a long string: its lines, and of lines
// that are too long as many words as fit.
func (p *prettyPrinter) pieces(s string, indent, allowance int) []string {
	var chunks []string
	lines := splitLines(s, true)
	for i, line := range lines {
		width := pprintWidth - indent
		if i == len(lines)-1 {
			width -= allowance
		}
		if whole := quote(line); utf8.RuneCountInString(whole) <= width {
			chunks = append(chunks, whole)
			continue
		}
		words := spacedWords(line)
		current := ""
		for j, word := range words {
			limit := pprintWidth - indent
			if i == len(lines)-1 && j == len(words)-1 {
				limit -= allowance
			}
			candidate := current + word
			if utf8.RuneCountInString(quote(candidate)) > limit {
				if current != "" {
					chunks = append(chunks, quote(current))
				}
				current = word
			} else {
				current = candidate
			}
		}
		if current != "" {
			chunks = append(chunks, quote(current))
		}
	}
	return chunks
}

// spacedWords cuts a line into words, each with the white space behind it.
func spacedWords(s string) []string {
	var words []string
	for s != "" {
		n := strings.IndexFunc(s, isSpace)
		if n < 0 {
			return append(words, s)
		}
		n += len(s[n:]) - len(strings.TrimLeftFunc(s[n:], isSpace))
		words = append(words, s[:n])
		s = s[n:]
	}
	return words
}
