package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// stringMethods are the methods of str. a[0] is the string. They are filled in
// by init, because format looks up methods itself.
var stringMethods map[string]callee

func init() {
	stringMethods = map[string]callee{
		"capitalize":   textMethod(capitalize),
		"center":       fixed("self, width, fillchar=, /", methodCenter),
		"count":        fixed("self, sub, start=, end=, /", methodCount),
		"endswith":     fixed("self, suffix, start=, end=, /", methodEndswith),
		"find":         fixed("self, sub, start=, end=, /", methodFind),
		"format":       methodFormat,
		"index":        fixed("self, sub, start=, end=, /", methodIndex),
		"isalnum":      charTest(func(c rune) bool { return unicode.IsLetter(c) || isNumeric(c) }),
		"isalpha":      charTest(unicode.IsLetter),
		"isascii":      plainTest(isASCII),
		"isdecimal":    charTest(func(c rune) bool { return unicode.Is(unicode.Nd, c) }),
		"isdigit":      charTest(func(c rune) bool { return unicode.In(c, unicode.Nd, digitTable) }),
		"isidentifier": plainTest(isIdentifier),
		"islower":      plainTest(isLowerText),
		"isnumeric":    charTest(isNumeric),
		"isprintable":  plainTest(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 }),
		"isspace":      charTest(isSpace),
		"istitle":      plainTest(isTitle),
		"isupper":      plainTest(isUpperText),
		"join":         fixed("self, iterable, /", methodJoin),
		"ljust":        fixed("self, width, fillchar=, /", methodLjust),
		"lower":        textMethod(lower),
		"lstrip":       fixed("self, chars=, /", methodLstrip),
		"partition":    fixed("self, sep, /", methodPartition),
		"removeprefix": fixed("self, prefix, /", methodRemoveprefix),
		"removesuffix": fixed("self, suffix, /", methodRemovesuffix),
		"replace":      fixed("self, old, new, count=, /", methodReplace),
		"rfind":        fixed("self, sub, start=, end=, /", methodRfind),
		"rindex":       fixed("self, sub, start=, end=, /", methodRindex),
		"rjust":        fixed("self, width, fillchar=, /", methodRjust),
		"rpartition":   fixed("self, sep, /", methodRpartition),
		"rsplit":       fixed("self, sep=, maxsplit=", methodRsplit),
		"rstrip":       fixed("self, chars=, /", methodRstrip),
		"split":        fixed("self, sep=, maxsplit=", methodSplit),
		"splitlines":   fixed("self, keepends=", methodSplitlines),
		"startswith":   fixed("self, prefix, start=, end=, /", methodStartswith),
		"strip":        fixed("self, chars=, /", methodStrip),
		"swapcase":     textMethod(swapCase),
		"title":        textMethod(title),
		"upper":        textMethod(upper),
		"zfill":        fixed("self, width, /", methodZfill),
	}
	for _, name := range refusedStringMethods {
		stringMethods[name] = refused("method")
	}
}

// refusedStringMethods are methods of the reference that no published chat template
// uses; encode makes bytes, which are no value here.
var refusedStringMethods = []string{"casefold", "encode", "expandtabs", "format_map", "maketrans", "translate"}

// self is the string that a method works on.
func self(a []object) string {
	s, _ := stringOf(a[0])
	return s
}

// textMethod is a method from string to string.
func textMethod(f func(string) string) callee {
	return fixed("self, /", func(r *rendering, a []object) (object, error) { return r.mapped(a[0], self(a), f) })
}

func plainTest(is func(s string) bool) callee {
	return fixed("self, /", func(r *rendering, a []object) (object, error) {
		if err := r.tables(self(a)); err != nil {
			return nil, err
		}
		return is(self(a)), nil
	})
}

// charTest is true for a string that is not empty and all of whose characters pass.
func charTest(is func(c rune) bool) callee {
	return plainTest(func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(c rune) bool { return !is(c) }) < 0
	})
}

func isNumeric(c rune) bool { return unicode.IsNumber(c) || unicode.Is(ideographNumbers, c) }

// isTitle is str.istitle: upper case begins words only, and there are words.
func isTitle(s string) bool {
	found, inWord := false, false
	for _, c := range s {
		switch {
		case isUpper(c) || unicode.Is(unicode.Lt, c):
			if inWord {
				return false
			}
			found, inWord = true, true
		case isLower(c):
			if !inWord {
				return false
			}
		default:
			inWord = false
		}
	}
	return found
}

// window returns the part of s between the code points start and end, the byte
// offset of that part, and whether start is within s at all.
func (r *rendering) window(s string, start, end object) (part string, offset int, ok bool, err error) {
	if err := r.work(2 * len(s)); err != nil { // it is looked through, and positions are counted
		return "", 0, false, err
	}
	if !isGiven(start) && !isGiven(end) {
		return s, 0, true, nil
	}
	if err := r.scan(len(s)); err != nil {
		return "", 0, false, err
	}
	n := utf8.RuneCountInString(s)
	bound := func(o object, missing int) (int, error) {
		if !isGiven(o) {
			return missing, nil
		}
		i, ok := clampInt(o)
		if !ok {
			return 0, faultf(faultType, "slice indices must be integers or None or have an __index__ method")
		}
		if i < 0 {
			i = max(0, i+n)
		}
		return i, nil
	}
	from, err := bound(start, 0)
	if err != nil {
		return "", 0, false, err
	}
	to, err := bound(end, n)
	if err != nil {
		return "", 0, false, err
	}
	if to = min(to, n); from > to {
		return "", 0, false, nil
	}
	offset = byteOffset(s, from)
	return s[offset : offset+byteOffset(s[offset:], to-from)], offset, true, nil
}

// affix reports whether the window of the string begins, or ends, with an
// argument that is a string or a tuple of strings.
func (r *rendering) affix(a []object, name string, has func(s, affix string) bool) (object, error) {
	part, _, ok, err := r.window(self(a), a[2], a[3])
	if err != nil {
		return nil, err
	}
	affixes := a[1:2]
	if t, isTuple := a[1].(*tuple); isTuple {
		affixes = t.items
	}
	for _, o := range affixes {
		s, isText := stringOf(o)
		if !isText {
			return nil, faultf(faultType, "%s first arg must be str or a tuple of str, not %s", name, typeName(o))
		}
		if err := r.work(min(len(part), len(s))); err != nil {
			return nil, err
		}
		if ok && has(part, s) {
			return true, nil
		}
	}
	return false, nil
}

func methodStartswith(r *rendering, a []object) (object, error) {
	return r.affix(a, "startswith", strings.HasPrefix)
}

func methodEndswith(r *rendering, a []object) (object, error) {
	return r.affix(a, "endswith", strings.HasSuffix)
}

// locate returns the code point at which the argument is found, or -1.
func (r *rendering) locate(a []object, name string, index func(s, sub string) int) (int64, error) {
	sub, err := argText(a[1], "", name+"()")
	if err != nil {
		return 0, err
	}
	part, offset, ok, err := r.window(self(a), a[2], a[3])
	if err != nil || !ok {
		return -1, err
	}
	i := index(part, sub)
	if i < 0 {
		return -1, nil
	}
	return int64(utf8.RuneCountInString(self(a)[:offset+i])), nil
}

func methodFind(r *rendering, a []object) (object, error) { return r.locate(a, "find", strings.Index) }

func methodRfind(r *rendering, a []object) (object, error) {
	return r.locate(a, "rfind", strings.LastIndex)
}

func methodIndex(r *rendering, a []object) (object, error) {
	return found(r.locate(a, "index", strings.Index))
}

func methodRindex(r *rendering, a []object) (object, error) {
	return found(r.locate(a, "rindex", strings.LastIndex))
}

func found(i int64, err error) (object, error) {
	if i < 0 && err == nil {
		err = faultf(faultValue, "substring not found")
	}
	return i, err
}

func methodCount(r *rendering, a []object) (object, error) {
	sub, err := argText(a[1], "", "count()")
	if err != nil {
		return nil, err
	}
	part, _, ok, err := r.window(self(a), a[2], a[3])
	if err != nil || !ok {
		return int64(0), err
	}
	if sub == "" {
		if err := r.scan(len(part)); err != nil {
			return nil, err
		}
	}
	return int64(strings.Count(part, sub)), nil
}

func methodReplace(r *rendering, a []object) (object, error) {
	old, err := argText(a[1], "", "replace()")
	if err != nil {
		return nil, err
	}
	repl, err := argText(a[2], "", "replace()")
	if err != nil {
		return nil, err
	}
	count, err := argInt(a[3], -1, "replace()")
	if err != nil {
		return nil, err
	}
	if _, m := a[0].(markup); m {
		if _, m := a[2].(markup); !m {
			if repl, err = r.escape(repl); err != nil {
				return nil, err
			}
		}
	}
	s, err := r.replace(self(a), old, repl, count)
	return like(a[0], s), err
}

// replace replaces the first count places, all if count is negative.
func (r *rendering) replace(s, old, repl string, count int) (string, error) {
	if err := r.work(2 * len(s)); err != nil {
		return "", err
	}
	if old == "" {
		if err := r.scan(2 * len(s)); err != nil {
			return "", err
		}
	}
	n := strings.Count(s, old)
	if count >= 0 {
		n = min(n, count)
	}
	if n == 0 {
		return s, nil
	}
	if err := r.count(n / 2); err != nil { // each is found again, and copied for itself
		return "", err
	}
	if len(repl) > int(r.limits.Output) {
		return "", errOutput
	}
	if err := r.spendText(len(s) + n*(len(repl)-len(old))); err != nil {
		return "", err
	}
	return strings.Replace(s, old, repl, n), nil
}

func methodJoin(r *rendering, a []object) (object, error) {
	if _, err := r.iterate(a[1]); err != nil {
		return nil, faultf(faultType, "can only join an iterable")
	}
	items, err := r.collect(a[1])
	if err != nil {
		return nil, err
	}
	_, escaped := a[0].(markup)
	if err := r.spend(itemCost * len(items)); err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	n := 0
	for i, o := range items {
		if err := r.step(); err != nil {
			return nil, err
		}
		var ok bool
		if escaped {
			m, err := r.escapeObject(o)
			if err != nil {
				return nil, err
			}
			texts[i] = string(m)
		} else if texts[i], ok = stringOf(o); !ok {
			return nil, faultf(faultType, "sequence item %d: expected str instance, %s found", i, typeName(o))
		}
		n += len(texts[i])
	}
	if len(items) == 1 && !escaped {
		return items[0], nil
	}
	s, err := r.joinTexts(texts, self(a), n)
	return like(a[0], s), err
}
