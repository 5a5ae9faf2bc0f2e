package tokenizer

import "unicode/utf8"

// scanExaoneMoE is the pattern of K-EXAONE, whose words are pieces with the single
// spaces between them:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+
func scanExaoneMoE(text string, i int) int {
	if j := contraction(text, i, true); j > i {
		return j
	}
	c, n := classAt(text, i)
	switch {
	case c&classL != 0:
		return lettersEnd(text, i)
	case c&classN != 0:
		return i + n
	case c&classCRLF == 0:
		if j := lettersEnd(text, i+n); j > i+n {
			return j
		}
	}
	if j := symbolsEnd(text, i, classSpace|classL|classN); j > i {
		if j < len(text) && (text[j] == '\r' || text[j] == '\n') { // a slash is a symbol
			j++
		}
		return j
	}
	return blankEnd(text, i, true)
}

// lettersEnd matches (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+ at text[i]; it is i if there
// is no match.
func lettersEnd(text string, i int) int {
	from := i
	for at := i; at < len(text); {
		c, n := classAt(text, at)
		if text[at] == ' ' && at > from && at+1 < len(text) {
			at++
			c, n = classAt(text, at)
		}
		if c&classL == 0 {
			break
		}
		at = runEnd(text, at+n, classM)
		i = at
	}
	return i
}

// jais2Finder finds the pattern of Llama 3 with other blanks: behind its last line
// end, a run of them goes in pieces of 512, 256 … 4 and at last 2 or 1 while a
// blank or the end of the text follows.
type jais2Finder struct{}

func (jais2Finder) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	part := s.of(text)
	words := wordScan{word: classL, digits: 3}
	add := func(from, to int) int {
		dst = append(dst, span{s.start + int32(from), s.start + int32(to)})
		return to
	}
	for i := 0; i < len(part); {
		line, end, count := blankRun(part, i)
		if line > i {
			i = add(i, line)
			continue
		}
		if end < len(part) {
			count-- // the last one has no blank behind it
		}
		for size := 512; size > 0 && count > 0; {
			if size > count {
				size /= 2
				continue
			}
			from := i
			for range size {
				i += charLen(part, i)
			}
			add(from, i)
			count -= size
		}
		if i < len(part) {
			i = add(i, words.next(part, i))
		}
	}
	return dst, nil
}

// blankRun returns the end of the last line end in the run of blanks at text[i],
// the end of the run, and how many are behind the former.
func blankRun(text string, i int) (line, end, count int) {
	line, end = i, i
	for end < len(text) {
		c, n := classAt(text, end)
		if c&classSpace == 0 {
			break
		}
		end += n
		count++
		if c&classCRLF != 0 {
			line, count = end, 0
		}
	}
	return line, end, count
}

// A groupFinder finds groups of three in runs of digits, counted from the right.
type groupFinder struct {
	class   class // of a digit
	bound   bool  // a run counts only where a word ends with it
	between bool  // in place of the groups, finds the places in front of full ones
}

func (f groupFinder) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	part := s.of(text)
	for i := 0; i < len(part); {
		end := runEnd(part, i, f.class)
		if end == i {
			i += charLen(part, i)
			continue
		}
		if !f.bound || !wordGoesOn(part[end:]) {
			dst = f.groups(dst, part[i:end], s.start+int32(i))
		}
		i = end
	}
	return dst, nil
}

// wordGoesOn reports whether text begins with a \w of patterns.
func wordGoesOn(text string) bool {
	r, n := utf8.DecodeRuneInString(text)
	return n > 0 && inWord(r)
}

// groups appends the groups of a run that begins at from.
func (f groupFinder) groups(dst []span, run string, from int32) []span {
	left := utf8.RuneCountInString(run)
	for i := 0; i < len(run); {
		start := i
		for n := (left-1)%3 + 1; n > 0; n-- {
			i += charLen(run, i)
			left--
		}
		at := span{from + int32(start), from + int32(i)}
		switch {
		case !f.between:
			dst = append(dst, at)
		case utf8.RuneCountInString(run[start:i]) == 3:
			dst = append(dst, span{at.start, at.start})
		}
	}
	return dst
}
