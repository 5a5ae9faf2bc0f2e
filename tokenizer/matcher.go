package tokenizer

import (
	"fmt"
	"strings"
)

// A matcher finds added tokens: the leftmost, and of those the longest. It looks
// at each byte of a text once, however nearly the text is a token (Aho and
// Corasick 1975).
type matcher struct {
	trie   *trie
	tokens []*addedToken
	begin  [256]bool // bytes that a token begins with
	single byte      // the only such byte, if lone is set
	lone   bool

	// Of each node of the trie: its depth, the node of the longest proper suffix of
	// its text that a token begins with, and of the longest that is a token; 0: none.
	depth, suffix, ends []int32
}

// A part of a text is a token, or text to encode (id = textPart).
type part struct {
	span
	id int32
}

const textPart = int32(-1)

// maxAddedText is the most text of all added tokens, in bytes: each takes some forty
// bytes of memory, twice where some tokens are not looked for in plain text. Published
// files have less than a tenth of it.
const maxAddedText = 4 << 20

// newMatcher returns a matcher of tokens by the given patterns; nil if there
// are none.
func newMatcher(tokens []*addedToken, patterns []string) (*matcher, error) {
	m := &matcher{}
	var keys []trieKey
	begins, size := 0, 0
	for i, t := range tokens {
		p := patterns[i]
		if p == "" {
			continue
		}
		if size += len(p); size > maxAddedText {
			return nil, fmt.Errorf("%w: added tokens of more than %d bytes together", ErrUnsupported, maxAddedText)
		}
		if !m.begin[p[0]] {
			m.begin[p[0]], m.single = true, p[0]
			begins++
		}
		keys = append(keys, trieKey{p, int32(len(m.tokens))})
		m.tokens = append(m.tokens, t)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	m.lone = begins == 1
	var err error
	if m.trie, err = newTrie(keys); err == nil {
		m.link()
	}
	return m, err
}

// link fills in what is known of each node. Nodes come in the order of their
// depth, so that those of suffixes are known before.
func (m *matcher) link() {
	n := len(m.trie.nodes)
	m.depth, m.suffix, m.ends = make([]int32, n), make([]int32, n), make([]int32, n)
	for parent := range m.trie.nodes {
		p := &m.trie.nodes[parent]
		if !p.inner {
			continue
		}
		for child := p.first; child <= p.first+int32(p.count); child++ {
			m.depth[child] = m.depth[parent] + 1
			if parent == 0 {
				continue
			}
			s := m.step(m.suffix[parent], m.trie.nodes[child].label)
			m.suffix[child] = s
			if m.ends[child] = s; s != 0 && m.trie.nodes[s].value < 0 {
				m.ends[child] = m.ends[s]
			}
		}
	}
}

// step returns the node of the longest suffix of node's text and b that a token
// begins with.
func (m *matcher) step(node int32, b byte) int32 {
	for ; node != 0; node = m.suffix[node] {
		if next := m.trie.child(node, b); next != 0 {
			return next
		}
	}
	return m.trie.root[b]
}

// next returns the first token at or behind from; nil if there is none.
func (m *matcher) next(text string, from int) (t *addedToken, start, end int) {
	if m == nil {
		return nil, 0, 0
	}
	found := int32(-1) // the best token so far
	node := int32(0)   // of the text that ends at i and may become a token
	for i := from; i < len(text); {
		if node == 0 {
			if found >= 0 {
				break
			}
			if i = m.skip(text, i); i == len(text) {
				break
			}
			node = m.trie.root[text[i]]
			i++
		} else if next := m.trie.child(node, text[i]); next != 0 {
			node = next
			i++
		} else {
			node = m.suffix[node]
			if found >= 0 && i-int(m.depth[node]) > start {
				break // nothing that began so early goes on
			}
			continue
		}
		// The token that ends here and begins first: the node's own, or its suffix.
		at := node
		if m.trie.nodes[at].value < 0 {
			at = m.ends[node]
		}
		if at == 0 {
			continue
		}
		if k := i - int(m.depth[at]); found < 0 || k <= start {
			found, start, end = m.trie.nodes[at].value, k, i
		}
	}
	if found < 0 {
		return nil, 0, 0
	}
	return m.tokens[found], start, end
}

// skip returns the next place at or behind i where a token may begin.
func (m *matcher) skip(text string, i int) int {
	if m.lone {
		if k := strings.IndexByte(text[i:], m.single); k >= 0 {
			return i + k
		}
		return len(text)
	}
	for i < len(text) && !m.begin[text[i]] {
		i++
	}
	return i
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
	text   string
	parts  []part
	done   int  // what is before is in parts
	blanks span // a run of blanks that was looked at: a token may be a blank itself
}

// add adds a token that was found, and the text before it.
func (s *splitter) add(t *addedToken, start, end int) {
	if t.singleWord && (wordBefore(s.text[:start]) || wordAfter(s.text[end:])) {
		return
	}
	if t.lstrip {
		start = s.blanksBefore(start)
	}
	if t.rstrip {
		end = s.blanksBehind(end)
	}
	if start > s.done {
		s.parts = append(s.parts, part{span{int32(s.done), int32(start)}, textPart})
	}
	if start < end { // else the token before took it for its blanks
		s.parts = append(s.parts, part{span{int32(start), int32(end)}, t.id})
	}
	s.done = end // perhaps further back than it was: what is left there is text
}

// blanksBefore returns where the blanks before text[start] begin that are in no part.
func (s *splitter) blanksBefore(start int) int {
	if start <= s.done {
		return s.done
	}
	return s.done + len(trimBlanksRight(s.text[s.done:start]))
}

// blanksBehind returns where the blanks at text[end] end.
func (s *splitter) blanksBehind(end int) int {
	if end < int(s.blanks.start) || end >= int(s.blanks.end) {
		s.blanks = span{int32(end), int32(len(s.text) - len(trimBlanksLeft(s.text[end:])))}
	}
	return int(s.blanks.end)
}

// finish returns the parts, with the text behind the last token.
func (s *splitter) finish() []part {
	if s.done < len(s.text) {
		return append(s.parts, part{span{int32(s.done), int32(len(s.text))}, textPart})
	}
	return s.parts
}
