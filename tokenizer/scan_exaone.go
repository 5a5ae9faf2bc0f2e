package tokenizer

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
