package jinja

import (
	"strings"
	"unicode/utf8"
)

// filterWordwrap breaks each line of a text into lines of a width, as Python's
// textwrap does.
func filterWordwrap(r *rendering, a []object) (object, error) {
	s, ok := stringOf(a[0])
	if !ok {
		return nil, faultf(faultRuntime, "'%s' object has no attribute 'splitlines'", typeName(a[0]))
	}
	width, err := argInt(a[1], 79, "wordwrap()")
	if err != nil {
		return nil, err
	}
	if width <= 0 {
		return nil, faultf(faultValue, "invalid width %d (must be > 0)", width)
	}
	newline := "\n"
	if isGiven(a[3]) {
		if newline, err = argText(a[3], "", "wordwrap()"); err != nil {
			return nil, err
		}
	}
	w := wrapper{width: width, breakWords: a[2] == nil || truth(a[2]), hyphens: a[4] == nil || truth(a[4])}
	if err := r.scan(4 * len(s)); err != nil {
		return nil, err
	}
	if err := r.spend(4 * itemCost * (len(s) + 1)); err != nil {
		return nil, err
	}
	paragraphs, err := r.lines(s, false)
	if err != nil {
		return nil, err
	}
	var lines []string
	n := 0
	for _, line := range paragraphs {
		wrapped := strings.Join(w.wrap(line), newline)
		lines = append(lines, wrapped)
		n += len(wrapped)
	}
	return r.joinTexts(lines, newline, n)
}

type wrapper struct {
	width      int
	breakWords bool
	hyphens    bool
}

// wrap returns the lines of one paragraph.
func (w *wrapper) wrap(s string) []string {
	chunks := w.chunks(s)
	var lines []string
	for len(chunks) > 0 {
		if isBlank(chunks[0]) && len(lines) > 0 {
			chunks = chunks[1:]
		}
		var line []string
		space := w.width
		for len(chunks) > 0 {
			n := runesUpTo(chunks[0], space+1)
			if n > space {
				break
			}
			line = append(line, chunks[0])
			chunks = chunks[1:]
			space -= n
		}
		if len(chunks) > 0 && runesUpTo(chunks[0], w.width+1) > w.width {
			switch {
			case w.breakWords:
				head, rest := w.breakWord(chunks[0], space)
				line = append(line, head)
				chunks[0] = rest
			case len(line) == 0:
				line = append(line, chunks[0])
				chunks = chunks[1:]
			}
		}
		if len(line) > 0 && isBlank(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}

// runesUpTo counts the code points of s, but not further than limit.
func runesUpTo(s string, limit int) int {
	n := 0
	for range s {
		if n++; n >= limit {
			break
		}
	}
	return n
}

func isBlank(s string) bool { return strings.TrimFunc(s, isSpace) == "" }

// breakWord cuts a word that is longer than a line, behind a hyphen if there
// is one within the space that is left.
func (w *wrapper) breakWord(word string, space int) (head, rest string) {
	end := byteOffset(word, space)
	if w.hyphens {
		if i := strings.LastIndexByte(word[:end], '-'); i > 0 && strings.Trim(word[:i], "-") != "" {
			end = i + 1
		}
	}
	return word[:end], word[end:]
}

// isWrapSpace is the white space that textwrap knows.
func isWrapSpace(c byte) bool { return strings.IndexByte("\t\n\v\f\r ", c) >= 0 }

// chunks cuts a paragraph into words, white space and, where hyphens are looked
// at, dashes and the parts of words with hyphens.
func (w *wrapper) chunks(s string) []string {
	var chunks []string
	word := 0 // where the word or white space at pos ends
	for pos := 0; pos < len(s); {
		for word <= pos || word < len(s) && isWrapSpace(s[word]) == isWrapSpace(s[pos]) {
			word++
		}
		end := word
		if w.hyphens && !isWrapSpace(s[pos]) {
			end = pos + hyphenated(s[:word], pos)
		}
		chunks = append(chunks, s[pos:end])
		pos = end
	}
	return chunks
}

// hyphenated returns the length of the chunk at s[pos:], where s ends with the
// word: a dash between words, or the word up to a dash or behind a hyphen.
func hyphenated(s string, pos int) int {
	if n := dash(s, pos); n > 0 {
		return n
	}
	_, first := utf8.DecodeRuneInString(s[pos:])
	for i := pos + first; i < len(s); i++ {
		if s[i] != '-' {
			continue
		}
		if isHyphen(s[:i], s[i+1:]) {
			return i + 1 - pos
		}
		if dash(s, i) > 0 {
			return i - pos
		}
	}
	return len(s) - pos
}

// dash returns the length of the dash at s[i:]: two hyphens or more between a
// word or its punctuation and a word.
func dash(s string, i int) int {
	// Only the first hyphen of several is behind a word, so that all are counted once.
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	if !isWordRune(before) && !strings.ContainsRune(`!"'&.,?`, before) {
		return 0
	}
	n := len(s[i:]) - len(strings.TrimLeft(s[i:], "-"))
	after, _ := utf8.DecodeRuneInString(s[i+n:])
	if n < 2 || !isWordRune(after) {
		return 0
	}
	return n
}

// isHyphen reports whether a hyphen between before and after joins parts of a
// word: behind two letters, or a letter and a hyphen and a letter, and before
// two letters that may have a hyphen between them.
func isHyphen(before, after string) bool {
	c, n := utf8.DecodeLastRuneInString(before)
	if !isWrapLetter(c) {
		return false
	}
	before = strings.TrimSuffix(before[:len(before)-n], "-")
	if c, _ = utf8.DecodeLastRuneInString(before); !isWrapLetter(c) {
		return false
	}
	c, n = utf8.DecodeRuneInString(after)
	if !isWrapLetter(c) {
		return false
	}
	c, _ = utf8.DecodeRuneInString(strings.TrimPrefix(after[n:], "-"))
	return isWrapLetter(c)
}

func isWordRune(c rune) bool { return c != utf8.RuneError && isWord(c) }

// isWrapLetter is a word character that is no digit.
func isWrapLetter(c rune) bool { return isWordRune(c) && digitValue(c) < 0 }
