package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// An addedToken is found in the text as it stands, before the text is split.
type addedToken struct {
	id         int32
	content    string
	shown      string // what decoding gives
	normalized bool   // is looked for in the normalized text
	lstrip     bool   // takes the blanks before it
	rstrip     bool   // takes the blanks behind it
	singleWord bool   // only where it is no part of a word
	control    bool   // not looked for in plain text
}

// isControl is the rule by which the published GGUF files tell control tokens
// from the other added ones: what is marked special, and what looks like it.
func isControl(content string, special bool) bool {
	switch content {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	between := func(head, tail string) bool {
		return strings.HasPrefix(content, head) && strings.HasSuffix(content, tail)
	}
	return special || between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">")
}

// A matcher finds added tokens: the leftmost, and of those the longest.
type matcher struct {
	trie   *trie
	tokens []*addedToken
	begin  [256]bool // bytes that a token begins with
	single byte      // the only such byte, if lone is set
	lone   bool
}

// A part of a text is a token, or text to encode (id = textPart).
type part struct {
	span
	id int32
}

const textPart = int32(-1)

// newMatcher returns a matcher of tokens by the given patterns; nil if there
// are none.
func newMatcher(tokens []*addedToken, patterns []string) *matcher {
	m := &matcher{}
	var keys []trieKey
	begins := 0
	for i, t := range tokens {
		p := patterns[i]
		if p == "" {
			continue
		}
		if !m.begin[p[0]] {
			m.begin[p[0]], m.single = true, p[0]
			begins++
		}
		keys = append(keys, trieKey{p, int32(len(m.tokens))})
		m.tokens = append(m.tokens, t)
	}
	if len(keys) == 0 {
		return nil
	}
	m.lone = begins == 1
	m.trie = newTrie(keys)
	return m
}

// next returns the first token at or behind from; nil if there is none.
func (m *matcher) next(text string, from int) (t *addedToken, start, end int) {
	if m == nil {
		return nil, 0, 0
	}
	for i := from; i < len(text); i++ {
		if m.lone {
			k := strings.IndexByte(text[i:], m.single)
			if k < 0 {
				break
			}
			i += k
		} else if !m.begin[text[i]] {
			continue
		}
		if v, n := m.trie.longest(text[i:]); n > 0 {
			return m.tokens[v], i, i + n
		}
	}
	return nil, 0, 0
}

// split appends the parts of text to dst.
func (m *matcher) split(dst []part, text string) []part {
	if m == nil {
		return append(dst, part{span{0, int32(len(text))}, textPart})
	}
	s := splitter{text: text, parts: dst}
	for from := 0; ; {
		t, start, end := m.next(text, from)
		if t == nil {
			return s.finish()
		}
		s.add(t, start, end)
		from = end
	}
}

// A splitter cuts a text into parts as its tokens are found.
type splitter struct {
	text  string
	parts []part
	done  int // what is before is in parts
}

// add adds a token that was found, and the text before it.
func (s *splitter) add(t *addedToken, start, end int) {
	if t.singleWord && (wordBefore(s.text[:start]) || wordAfter(s.text[end:])) {
		return
	}
	if t.lstrip {
		start = max(s.done, len(trimBlanksRight(s.text[:start])))
	}
	if t.rstrip {
		end = len(s.text) - len(trimBlanksLeft(s.text[end:]))
	}
	if start > s.done {
		s.parts = append(s.parts, part{span{int32(s.done), int32(start)}, textPart})
	}
	if start < end { // else the token before took it for its blanks
		s.parts = append(s.parts, part{span{int32(start), int32(end)}, t.id})
	}
	s.done = end // perhaps further back than it was: what is left there is text
}

// finish returns the parts, with the text behind the last token.
func (s *splitter) finish() []part {
	if s.done < len(s.text) {
		return append(s.parts, part{span{int32(s.done), int32(len(s.text))}, textPart})
	}
	return s.parts
}

func wordBefore(text string) bool {
	r, n := utf8.DecodeLastRuneInString(text)
	return n > 0 && classOf(r)&classWord != 0
}

func wordAfter(text string) bool {
	r, n := utf8.DecodeRuneInString(text)
	return n > 0 && classOf(r)&classWord != 0
}

func isBlank(r rune) bool { return classOf(r)&classSpace != 0 }

func trimBlanksLeft(text string) string  { return strings.TrimLeftFunc(text, isBlank) }
func trimBlanksRight(text string) string { return strings.TrimRightFunc(text, isBlank) }
