package tokenizer

// A caseScan is the pattern of the o200k vocabulary and of those that follow
// it: words end where a capital follows a small letter. With
//
//	U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]   V = [\p{Ll}\p{Lm}\p{Lo}\p{M}]   P = [^\r\n\p{L}\p{N}]
//
// it is
//
//	P?U*V+C?|P?U+V*C?|\p{N}{1,K}| ?[^\s\p{L}\p{N}]+T*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// where C is a contraction in any case. Kimi's form has [\p{Han}]+ in front
// and takes Han out of U and V.
type caseScan struct {
	contractions bool
	digits       int  // K
	slash        bool // T is [\r\n/], else [\r\n]
	han          bool // Han apart
}

const (
	classUpper = classLu | classLt | classLm | classLo | classM
	classLower = classLl | classLm | classLo | classM
)

func (s caseScan) next(text string, i int) int {
	c, n := classAt(text, i)
	if s.han && c&classHan != 0 {
		return runEnd(text, i+n, classHan)
	}
	if j := s.wordEnd(text, i, c, n); j > i {
		if s.contractions {
			return contraction(text, j, true)
		}
		return j
	}
	if c&classN != 0 {
		return digitsEnd(text, i+n, s.digits-1)
	}
	if j := symbolsEnd(text, i, classSpace|classL|classN); j > i {
		for j < len(text) && (text[j] == '\r' || text[j] == '\n' || s.slash && text[j] == '/') {
			j++
		}
		return j
	}
	return blankEnd(text, i, true)
}

// wordEnd matches P?U*V+|P?U+V* at text[i], whose classes are c and whose
// length is n. The order of trial is the pattern's: the first alternative with
// a character before the word, then without it, then the second so.
func (s caseScan) wordEnd(text string, i int, c class, n int) int {
	lead := c&(classCRLF|classL|classN) == 0
	if lead {
		if j := s.mixedEnd(text, i+n); j > i+n {
			return j
		}
	}
	if j := s.mixedEnd(text, i); j > i {
		return j
	}
	if lead {
		if j := s.run(text, i+n, classUpper); j > i+n {
			return s.run(text, j, classLower)
		}
	}
	if j := s.run(text, i, classUpper); j > i {
		return s.run(text, j, classLower)
	}
	return i
}

// mixedEnd matches U*V+ at text[i]; it is i if there is no match. U* takes all
// it can; if no V follows, it gives back characters until the one given back
// is a V too, and the match ends behind that one.
func (s caseScan) mixedEnd(text string, i int) int {
	j, both := i, i
	for j < len(text) {
		c, n := classAt(text, j)
		if c&classUpper == 0 || s.han && c&classHan != 0 {
			break
		}
		j += n
		if c&classLower != 0 {
			both = j
		}
	}
	if end := s.run(text, j, classLower); end > j {
		return end
	}
	return both
}

// run is runEnd that stops at Han where Han is apart.
func (s caseScan) run(text string, i int, c class) int {
	for i < len(text) {
		k, n := classAt(text, i)
		if k&c == 0 || s.han && k&classHan != 0 {
			break
		}
		i += n
	}
	return i
}
