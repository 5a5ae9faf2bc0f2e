package jinja

import (
	"strings"
	"unicode/utf8"
)

// textFilter is a filter from string to string. Other values are printed
// first, and Markup stays Markup.
func textFilter(f func(string) string) callee {
	return fixed("s", func(r *rendering, a []object) (object, error) {
		s, err := r.text(a[0])
		if err != nil {
			return nil, err
		}
		return r.mapped(a[0], s, f)
	})
}

// mapped is f(s) with the type of o. No mapping of case makes text more than
// three times as long.
func (r *rendering) mapped(o object, s string, f func(string) string) (object, error) {
	if err := r.tables(s); err != nil {
		return nil, err
	}
	if err := r.spendText(3 * len(s)); err != nil {
		return nil, err
	}
	return like(o, f(s)), nil
}

// titleWords is the filter title: words begin after white space and brackets
// only, unlike those of str.title.
func titleWords(s string) string {
	rest := -1 // where the part of the word after its first letter begins
	return mapCase(s, func(b []byte, i int, c rune) []byte {
		switch {
		case isSpace(c) || strings.ContainsRune("-({[<", c):
			rest = -1
			return utf8.AppendRune(b, c)
		case rest < 0:
			rest = i + utf8.RuneLen(c)
			return appendUpper(b, c)
		}
		return appendLower(b, s[rest:], i-rest, c)
	})
}

func filterString(r *rendering, a []object) (object, error) {
	if _, ok := stringOf(a[0]); ok {
		return a[0], nil
	}
	return r.text(a[0])
}

func filterCenter(r *rendering, a []object) (object, error) {
	s, err := r.text(a[0])
	if err != nil {
		return nil, err
	}
	if a[1] == nil {
		a[1] = int64(80)
	}
	return methodCenter(r, []object{like(a[0], s), a[1], nil})
}

func filterTrim(r *rendering, a []object) (object, error) {
	s, err := r.text(a[0])
	if err != nil {
		return nil, err
	}
	return strip(r, []object{like(a[0], s), a[1]}, true, true)
}

func filterReplace(r *rendering, a []object) (object, error) {
	var texts [3]string
	for i := range texts {
		var err error
		if texts[i], err = r.text(a[i]); err != nil {
			return nil, err
		}
	}
	count := -1
	if isGiven(a[3]) {
		var err error
		if count, err = argInt(a[3], -1, "replace()"); err != nil {
			return nil, err
		}
	}
	return r.replace(texts[0], texts[1], texts[2], count)
}

func filterJoin(r *rendering, a []object) (object, error) {
	it, err := r.iterate(a[0])
	if err != nil {
		return nil, err
	}
	path, err := r.attributePath(a[2])
	if err != nil {
		return nil, err
	}
	separator := object("")
	if a[1] != nil {
		separator = a[1]
	}
	var parts []object
	for {
		o, ok, err := it.next(r)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if o, err = r.follow(o, path, nil); err != nil {
			return nil, err
		}
		if err := r.spend(3 * itemCost); err != nil {
			return nil, err
		}
		parts = append(parts, o)
	}
	return r.joinObjects(parts, separator)
}

// joinObjects prints the parts with the separator between them.
func (r *rendering) joinObjects(parts []object, separator object) (object, error) {
	s, err := r.text(separator)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(parts))
	n := 0
	for i, p := range parts {
		if texts[i], err = r.text(p); err != nil {
			return nil, err
		}
		n += len(texts[i])
	}
	return r.joinTexts(texts, s, n)
}

// filterIndent puts spaces, or a text, before each line.
func filterIndent(r *rendering, a []object) (object, error) {
	s, ok := stringOf(a[0])
	if !ok {
		return nil, operandError(opAdd, a[0], "")
	}
	indention, isText := stringOf(a[1])
	if !isText {
		n, err := argInt(a[1], 4, "indent()")
		if err != nil {
			return nil, err
		}
		if n > maxPadding {
			return nil, errOutput
		}
		indention = strings.Repeat(" ", max(0, n))
	}
	first, blank := a[2] != nil && truth(a[2]), a[3] != nil && truth(a[3])
	if err := r.spendText(len(s) + 1); err != nil {
		return nil, err
	}
	lines, err := r.lines(s+"\n", false)
	if err != nil {
		return nil, err
	}
	if err := r.spendText(len(s) + 1 + len(lines)*(len(indention)+1) + itemCost*len(lines)); err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && first || i > 0 && (line != "" || blank) {
			b.WriteString(indention)
		}
		b.WriteString(line)
	}
	return like(a[0], b.String()), nil
}

func filterTruncate(r *rendering, a []object) (object, error) {
	length, err := argInt(a[1], 255, "truncate()")
	if err != nil {
		return nil, err
	}
	end := object("...")
	if a[3] != nil {
		end = a[3]
	}
	endLength, err := r.length(end)
	if err != nil {
		return nil, err
	}
	leeway := 5
	if isGiven(a[4]) {
		if leeway, err = argInt(a[4], 5, "truncate()"); err != nil {
			return nil, err
		}
	}
	if length < endLength || leeway < 0 {
		return nil, faultf(faultRuntime, "truncate(): want length >= %d and leeway >= 0, got %d and %d", endLength, length, leeway)
	}
	have, err := r.length(a[0])
	if err != nil || have <= length+leeway {
		return a[0], err
	}
	cut, err := r.slice(a[0], nil, int64(length-endLength), nil)
	if err != nil {
		return nil, err
	}
	if a[2] == nil || !truth(a[2]) {
		s, ok := stringOf(cut)
		if !ok {
			return nil, faultf(faultRuntime, "'%s' object has no attribute 'rsplit'", typeName(cut))
		}
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			cut = like(cut, part(s, s[:i]))
		}
	}
	return r.arithmetic(opAdd, cut, end)
}

func filterWordcount(r *rendering, a []object) (object, error) {
	s, err := r.text(a[0])
	if err != nil {
		return nil, err
	}
	if err := r.tables(s); err != nil {
		return nil, err
	}
	n, inWord := 0, false
	for _, c := range s {
		w := isWord(c)
		if w && !inWord {
			n++
		}
		inWord = w
	}
	return int64(n), nil
}

func filterEscape(r *rendering, a []object) (object, error) { return r.escapeObject(a[0]) }

func filterForceEscape(r *rendering, a []object) (object, error) {
	s, err := r.text(a[0])
	if err != nil {
		return nil, err
	}
	return r.escapeObject(s)
}

func filterSafe(r *rendering, a []object) (object, error) {
	s, err := r.text(a[0])
	return markup(s), err
}
