package jinja

import (
	"math"
	"strings"
	"unicode/utf8"
)

// The methods of str that cut, trim and pad.

// texts returns parts as strings of the type of o.
func (r *rendering) texts(o object, parts []string) ([]object, error) {
	n := headCost + 2*itemCost*len(parts)
	for _, p := range parts {
		n += len(p)
	}
	if err := r.spend(n); err != nil {
		return nil, err
	}
	whole, _ := stringOf(o)
	items := make([]object, len(parts))
	for i, p := range parts {
		items[i] = like(o, part(whole, p))
	}
	return items, nil
}

// splitArgs returns the separator, "" for white space, and the number of cuts.
func splitArgs(a []object, name string) (string, int, error) {
	limit, err := argInt(a[2], -1, name)
	if err != nil {
		return "", 0, err
	}
	if limit < 0 {
		limit = math.MaxInt
	}
	if !isGiven(a[1]) {
		return "", limit, nil
	}
	sep, err := argText(a[1], "", name)
	if err == nil && sep == "" {
		err = faultf(faultValue, "empty separator")
	}
	return sep, limit, err
}

func methodSplit(r *rendering, a []object) (object, error) {
	sep, limit, err := splitArgs(a, "split()")
	if err != nil {
		return nil, err
	}
	s := self(a)
	if err := r.countParts(s, sep, limit); err != nil {
		return nil, err
	}
	var parts []string
	switch {
	case sep == "":
		parts = splitSpace(s, limit)
	case limit == math.MaxInt:
		parts = strings.Split(s, sep)
	default:
		parts = strings.SplitN(s, sep, limit+1)
	}
	items, err := r.texts(a[0], parts)
	return &list{items}, err
}

// countParts counts what splitting s will take.
func (r *rendering) countParts(s, sep string, limit int) error {
	n := len(s)/2 + 1
	if sep != "" {
		n = strings.Count(s, sep) + 1
	}
	if err := r.scan(len(s)); err != nil {
		return err
	}
	return r.spend(2 * itemCost * min(n, limit))
}

func splitSpace(s string, limit int) []string {
	var parts []string
	s = strings.TrimLeftFunc(s, isSpace)
	for s != "" {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 || len(parts) == limit {
			break
		}
		parts = append(parts, s[:i])
		s = strings.TrimLeftFunc(s[i:], isSpace)
	}
	if s == "" {
		return parts
	}
	return append(parts, s)
}

func methodRsplit(r *rendering, a []object) (object, error) {
	sep, limit, err := splitArgs(a, "rsplit()")
	if err != nil {
		return nil, err
	}
	s := self(a)
	if err := r.countParts(s, sep, limit); err != nil {
		return nil, err
	}
	var parts []string // from the last to the first
	if sep == "" {
		s = strings.TrimRightFunc(s, isSpace)
	}
	for len(parts) < limit {
		i, n := strings.LastIndex(s, sep), len(sep)
		if sep == "" {
			if i = strings.LastIndexFunc(s, isSpace); i >= 0 {
				_, n = utf8.DecodeRuneInString(s[i:])
			}
		}
		if i < 0 {
			break
		}
		parts = append(parts, s[i+n:])
		s = s[:i]
		if sep == "" {
			s = strings.TrimRightFunc(s, isSpace)
		}
	}
	if s != "" || sep != "" {
		parts = append(parts, s)
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	items, err := r.texts(a[0], parts)
	return &list{items}, err
}

// splitLines is str.splitlines.
func splitLines(s string, keep bool) []string {
	var lines []string
	for s != "" {
		i := strings.IndexFunc(s, isLineEnd)
		if i < 0 {
			return append(lines, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keep {
			lines = append(lines, s[:i+n])
		} else {
			lines = append(lines, s[:i])
		}
		s = s[i+n:]
	}
	return lines
}

// lines is splitLines under the limits.
func (r *rendering) lines(s string, keep bool) ([]string, error) {
	if err := r.scan(len(s)); err != nil {
		return nil, err
	}
	n := 1
	for _, c := range s {
		if isLineEnd(c) {
			n++
		}
	}
	if err := r.spend(2 * itemCost * n); err != nil {
		return nil, err
	}
	return splitLines(s, keep), nil
}

func methodSplitlines(r *rendering, a []object) (object, error) {
	lines, err := r.lines(self(a), a[1] != nil && truth(a[1]))
	if err != nil {
		return nil, err
	}
	items, err := r.texts(a[0], lines)
	return &list{items}, err
}

func methodPartition(r *rendering, a []object) (object, error) {
	return r.partition(a, "partition()", strings.Index)
}

func methodRpartition(r *rendering, a []object) (object, error) {
	return r.partition(a, "rpartition()", strings.LastIndex)
}

func (r *rendering) partition(a []object, name string, index func(s, sep string) int) (object, error) {
	sep, err := argText(a[1], "", name)
	if err != nil {
		return nil, err
	}
	if sep == "" {
		return nil, faultf(faultValue, "empty separator")
	}
	s := self(a)
	if err := r.work(len(s)); err != nil {
		return nil, err
	}
	parts := []string{s, "", ""}
	switch i := index(s, sep); {
	case i >= 0:
		parts = []string{s[:i], sep, s[i+len(sep):]}
	case name == "rpartition()":
		parts = []string{"", "", s}
	}
	items, err := r.texts(a[0], parts)
	return &tuple{items: items}, err
}

func methodStrip(r *rendering, a []object) (object, error)  { return strip(r, a, true, true) }
func methodLstrip(r *rendering, a []object) (object, error) { return strip(r, a, true, false) }
func methodRstrip(r *rendering, a []object) (object, error) { return strip(r, a, false, true) }

// strip trims white space, or the characters of a[1], from the sides.
func strip(r *rendering, a []object, left, right bool) (object, error) {
	s := self(a)
	cut := isSpace
	if isGiven(a[1]) {
		chars, ok := stringOf(a[1])
		if !ok {
			return nil, faultf(faultType, "strip arg must be None or str")
		}
		var err error
		if cut, err = r.oneOf(chars); err != nil {
			return nil, err
		}
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	if err := r.tables(self(a)[:len(self(a))-len(s)]); err != nil {
		return nil, err
	}
	return like(a[0], part(self(a), s)), r.spend(len(s))
}

// fewChars is how many bytes are looked through for each character; of more a set
// is made.
const fewChars = 16

// oneOf returns what tells the characters of chars.
func (r *rendering) oneOf(chars string) (func(rune) bool, error) {
	if err := r.scan(len(chars)); err != nil {
		return nil, err
	}
	if len(chars) <= fewChars {
		return func(c rune) bool { return strings.ContainsRune(chars, c) }, nil
	}
	if err := r.spend(dictCost * min(len(chars), utf8.MaxRune)); err != nil {
		return nil, err
	}
	set := make(map[rune]bool)
	for _, c := range chars {
		set[c] = true
	}
	return func(c rune) bool { return set[c] }, nil
}

func methodRemoveprefix(r *rendering, a []object) (object, error) {
	p, err := argText(a[1], "", "removeprefix()")
	if err != nil {
		return nil, err
	}
	s := self(a)
	return like(a[0], part(s, strings.TrimPrefix(s, p))), r.spend(len(s))
}

func methodRemovesuffix(r *rendering, a []object) (object, error) {
	p, err := argText(a[1], "", "removesuffix()")
	if err != nil {
		return nil, err
	}
	s := self(a)
	return like(a[0], part(s, strings.TrimSuffix(s, p))), r.spend(len(s))
}

// padded puts so many fill characters on the sides of the string.
func (r *rendering) padded(a []object, name string, sides func(length, n int) (left, right int)) (object, error) {
	width, err := argInt(a[1], 0, name)
	if err != nil {
		return nil, err
	}
	fill, err := argText(a[2], " ", name)
	if err != nil {
		return nil, err
	}
	if _, m := a[0].(markup); m {
		if _, m := a[2].(markup); !m {
			if fill, err = r.escape(fill); err != nil {
				return nil, err
			}
		}
	}
	if len(fill) > utf8.UTFMax || utf8.RuneCountInString(fill) != 1 {
		return nil, faultf(faultType, "the fill character must be exactly one character long")
	}
	s := self(a)
	if err := r.work(2 * len(s)); err != nil {
		return nil, err
	}
	length := utf8.RuneCountInString(s)
	n := width - length
	if n <= 0 {
		return a[0], nil
	}
	if n > int(r.limits.Output) {
		return nil, errOutput
	}
	if err := r.spendText(len(s) + n*len(fill)); err != nil {
		return nil, err
	}
	left, right := sides(length, n)
	return like(a[0], strings.Repeat(fill, left)+s+strings.Repeat(fill, right)), nil
}

func methodCenter(r *rendering, a []object) (object, error) {
	return r.padded(a, "center()", func(length, n int) (int, int) {
		left := n/2 + n&(length+n)&1 // the odd one is on the left if the width is odd
		return left, n - left
	})
}

func methodLjust(r *rendering, a []object) (object, error) {
	return r.padded(a, "ljust()", func(_, n int) (int, int) { return 0, n })
}

func methodRjust(r *rendering, a []object) (object, error) {
	return r.padded(a, "rjust()", func(_, n int) (int, int) { return n, 0 })
}

func methodZfill(r *rendering, a []object) (object, error) {
	s := self(a)
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign, s = s[:1], s[1:]
	}
	width, err := argInt(a[1], 0, "zfill()")
	if err != nil {
		return nil, err
	}
	o, err := methodRjust(r, []object{s, int64(width - len(sign)), "0"})
	if err != nil {
		return nil, err
	}
	padded := o.(string)
	if err := r.spendText(len(padded) + 1); err != nil {
		return nil, err
	}
	return like(a[0], sign+padded), nil
}
