package tokenizer

import (
	"slices"
	"strings"
)

// A Shield keeps text from outside from becoming control tokens where a chat
// template writes one string of it and of its own text: Cover marks the text
// before, and Parts tells from the marks which parts of the string are plain.
// Text without control tokens is not changed, so that a template that looks into
// it sees what is there.
type Shield struct {
	control []string // the control tokens
	find    *matcher // finds them; nil if there are none
	mark    string
}

// NewShield returns a shield. Its mark occurs in none of the texts, which have to
// be all that the template is given.
func (t *Tokenizer) NewShield(texts ...string) *Shield {
	s := &Shield{mark: unusedMark(texts)}
	var tokens []*addedToken
	for _, a := range t.added {
		if a.control {
			tokens, s.control = append(tokens, a), append(s.control, a.content)
		}
	}
	s.find, _ = newMatcher(tokens, s.control) // they fitted into one before
	return s
}

// unusedMark returns a character that no text has: of those that Unicode keeps
// free for uses inside a program, if one is left.
func unusedMark(texts []string) string {
	used := func(r rune) bool {
		for _, text := range texts {
			if strings.ContainsRune(text, r) {
				return true
			}
		}
		return false
	}
	for r := rune(0xFDD0); r <= 0xFDEF; r++ {
		if !used(r) {
			return string(r)
		}
	}
	taken := map[rune]bool{}
	for _, text := range texts {
		for _, r := range text {
			taken[r] = true
		}
	}
	r := rune(0xF0000) // private use; no texts of less than 100 KiB have them all
	for taken[r] && r < 0x10FFFD {
		r++
	}
	return string(r)
}

// Cover returns text with a mark in front of every control token, and of what
// would be one together with text that a template writes around it.
func (s *Shield) Cover(text string) string {
	if s.find == nil {
		return text
	}
	text = validText(text)
	// Templates take the blanks from the ends.
	from, to := len(text)-len(trimBlanksLeft(text)), len(trimBlanksRight(text))
	var marks []int
	for i := range text {
		if i == from && s.continues(text[from:max(from, to)]) || s.find.begin[text[i]] && s.begins(text, i, to) {
			marks = append(marks, i)
		}
	}
	if len(marks) == 0 {
		return text
	}
	var b strings.Builder
	done := 0
	for _, i := range marks {
		b.WriteString(text[done:i])
		b.WriteString(s.mark)
		done = i
	}
	b.WriteString(text[done:])
	return b.String()
}

// continues reports whether text goes on as a control token does that began
// before it.
func (s *Shield) continues(text string) bool {
	return text != "" && slices.ContainsFunc(s.control, func(token string) bool {
		for k := 1; k < len(token); k++ {
			if strings.HasPrefix(text, token[k:]) || strings.HasPrefix(token[k:], text) {
				return true
			}
		}
		return false
	})
}

// begins reports whether a control token begins at text[i], or does so if the
// text goes on behind its end at to.
func (s *Shield) begins(text string, i, to int) bool {
	trie := s.find.trie
	for node, k := trie.root[text[i]], i+1; node != 0; k++ {
		if trie.nodes[node].value >= 0 || k == to {
			return true
		}
		if k == len(text) {
			break
		}
		node = trie.child(node, text[k])
	}
	return false
}

// Parts returns the parts of what was written of marked text, without the marks.
func (s *Shield) Parts(written string) []Part {
	var parts []Part
	for {
		before, after, found := strings.Cut(written, s.mark)
		if before != "" {
			parts = append(parts, Part{Text: before})
		}
		if !found {
			return parts
		}
		for strings.HasPrefix(after, s.mark) {
			after = after[len(s.mark):]
		}
		n := 0
		if after != "" {
			n = charLen(after, 0)
			parts = append(parts, Part{Text: after[:n], Plain: true})
		}
		written = after[n:]
	}
}
