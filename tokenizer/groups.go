package tokenizer

import "unicode/utf8"

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
