package tokenizer

import "strings"

// The scanners of this file are hand-written forms of the patterns that
// published tokenizers split text with; scan_test.go holds each to its
// pattern. Where a pattern can backtrack, the comment says how that was
// resolved.

// contraction returns the end of 's 't 're 've 'm 'll 'd at text[i], or i.
// With fold, letters match in either case, and so does U+017F, which folds to
// s.
func contraction(text string, i int, fold bool) int {
	if i+1 >= len(text) || text[i] != '\'' {
		return i
	}
	lower := func(k int) byte {
		if k >= len(text) {
			return 0
		}
		if b := text[k]; fold && 'A' <= b && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return text[k]
	}
	switch lower(i + 1) {
	case 's', 't', 'm', 'd':
		return i + 2
	case 'r', 'v':
		if lower(i+2) == 'e' {
			return i + 3
		}
	case 'l':
		if lower(i+2) == 'l' {
			return i + 3
		}
	case 0xC5:
		if fold && i+2 < len(text) && text[i+2] == 0xBF {
			return i + 3
		}
	}
	return i
}

// blankEnd matches \s+(?!\S)|\s+ at text[i]: the whole run of blanks at the
// end of the text, else all but its last character, else that one. With
// newlines, \s*[\r\n]+ goes first: up to the last newline of the run.
func blankEnd(text string, i int, newlines bool) int {
	end, last, line := i, i, i
	for end < len(text) {
		c, n := classAt(text, end)
		if c&classSpace == 0 {
			break
		}
		last, end = end, end+n
		if c&classCRLF != 0 {
			line = end
		}
	}
	switch {
	case newlines && line > i:
		return line
	case end == len(text) || last == i:
		return end
	}
	return last
}

// scanGPT2 is the pattern of GPT-2:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func scanGPT2(text string, i int) int {
	if text[i] == '\'' {
		if j := contraction(text, i, false); j > i {
			return j
		}
	}
	c, n := classAt(text, i)
	from := i
	if text[i] == ' ' && i+1 < len(text) {
		from++
		c, n = classAt(text, from)
	}
	switch {
	case c&classL != 0:
		return runEnd(text, from+n, classL)
	case c&classN != 0:
		return runEnd(text, from+n, classN)
	case c&classSpace == 0:
		return runEndExcept(text, from+n, classSpace|classL|classN)
	}
	return blankEnd(text, i, false)
}

// A wordScan is the pattern of the cl100k vocabulary and of those that follow
// it, with W for word and K for digits:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?W+|\p{N}{1,K}| ?[^\sW\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
type wordScan struct {
	word   class // \p{L}, or [\p{L}\p{M}]
	digits int   // at most so many in a piece
	bare   bool  // symbols take no line ends with them
}

func (w wordScan) next(text string, i int) int {
	if text[i] == '\'' {
		if j := contraction(text, i, true); j > i {
			return j
		}
	}
	c, n := classAt(text, i)
	switch {
	case c&w.word != 0:
		// A mark may be taken as the character before a word or as the
		// word's first: the match is the same.
		return runEnd(text, i+n, w.word)
	case c&classN != 0:
		return digitsEnd(text, i+n, w.digits-1)
	case c&classCRLF == 0 && i+n < len(text):
		if next, k := classAt(text, i+n); next&w.word != 0 {
			return runEnd(text, i+n+k, w.word)
		}
	}
	if j := symbolsEnd(text, i, classSpace|w.word|classN); j > i {
		if w.bare {
			return j
		}
		return runEnd(text, j, classCRLF)
	}
	return blankEnd(text, i, true)
}

// digitsEnd returns the end of at most max numbers from text[i] on.
func digitsEnd(text string, i, max int) int {
	for ; max > 0 && i < len(text); max-- {
		c, n := classAt(text, i)
		if c&classN == 0 {
			break
		}
		i += n
	}
	return i
}

// symbolsEnd matches " ?[^C]+" at text[i], where the space is in C; it is i
// if there is no match.
func symbolsEnd(text string, i int, c class) int {
	from := i
	if text[i] == ' ' {
		from++
	}
	if j := runEndExcept(text, from, c); j > from {
		return j
	}
	return i
}

// scanDeepSeekV3 is the last of the three patterns of DeepSeek-V3. Numbers,
// controls and unassigned characters match only in front of a word.
//
//	[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func scanDeepSeekV3(text string, i int) int {
	const word = classL | classM
	c, n := classAt(text, i)
	switch {
	case c&word != 0:
		return runEnd(text, i+n, word)
	case c&(classP|classS) != 0:
		if n == 1 && i+1 < len(text) && isASCIILetter(text[i+1]) {
			j := i + 2
			for j < len(text) && isASCIILetter(text[j]) {
				j++
			}
			return j
		}
		return runEnd(text, runEnd(text, i+n, classP|classS), classCRLF)
	case c&classCRLF == 0 && i+n < len(text):
		next, k := classAt(text, i+n)
		if next&word != 0 {
			return runEnd(text, i+n+k, word)
		}
		if text[i] == ' ' && next&(classP|classS) != 0 {
			return runEnd(text, runEnd(text, i+1+k, classP|classS), classCRLF)
		}
	}
	if c&classSpace != 0 {
		return blankEnd(text, i, true)
	}
	return i
}

func isASCIILetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// oneOf matches each single character of classes c.
func oneOf(c class) scanner {
	return func(text string, i int) int {
		if k, n := classAt(text, i); k&c != 0 {
			return i + n
		}
		return i
	}
}

// scanPunctuation matches each single character of punctuation, of ASCII the
// symbols too.
func scanPunctuation(text string, i int) int {
	c, n := classAt(text, i)
	if c&classP != 0 || n == 1 && c&classS != 0 {
		return i + n
	}
	return i
}

// scanWords is \w+|[^\w\s]+.
func scanWords(text string, i int) int {
	if j := runEnd(text, i, classWord); j > i {
		return j
	}
	return runEndExcept(text, i, classWord|classSpace)
}

// scanLines is [^\n]+|[\n]+.
func scanLines(text string, i int) int {
	if text[i] != '\n' {
		if k := strings.IndexByte(text[i:], '\n'); k >= 0 {
			return i + k
		}
		return len(text)
	}
	for i < len(text) && text[i] == '\n' {
		i++
	}
	return i
}

// scanThreeDigits is [0-9][0-9][0-9].
func scanThreeDigits(text string, i int) int {
	if i+3 > len(text) {
		return i
	}
	for _, b := range []byte(text[i : i+3]) {
		if b < '0' || b > '9' {
			return i
		}
	}
	return i + 3
}
