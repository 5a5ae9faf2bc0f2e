package tokenizer

import (
	"fmt"
	"slices"
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

// maxTokenBytes is the longest text of an added token.
const maxTokenBytes = 1024

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

// addTokens enters the added tokens and builds what finds them in text.
func (t *Tokenizer) addTokens(added []addedEntry) error {
	t.setKinds(t.vocab.size())
	var raw, normal tokenList
	next := int32(t.vocab.size())
	b := newBounds(0) // of all of them
	for _, a := range added {
		if a.Content == "" {
			continue
		}
		if len(a.Content) > maxTokenBytes {
			return fmt.Errorf("added_tokens: a token of %d bytes: %w, want at most %d", len(a.Content), ErrUnsupported, maxTokenBytes)
		}
		id, err := t.idOfAdded(a, next)
		if err != nil {
			return err
		}
		if id < 0 {
			continue
		}
		next = max(next, id+1)
		token := &addedToken{
			id: id, content: a.Content, shown: a.Content, normalized: or(a.Normalized, !a.Special),
			lstrip: a.LStrip, rstrip: a.RStrip, singleWord: a.SingleWord, control: isControl(a.Content, a.Special),
		}
		t.enter(token)
		if !token.normalized {
			raw.add(token, token.content)
			continue
		}
		pattern, _, err := t.normalizer.apply(token.content, &b)
		if err != nil {
			return fmt.Errorf("added_tokens %.40q: %w", a.Content, err)
		}
		if len(pattern) > maxReplacement*maxTokenBytes {
			return fmt.Errorf("added_tokens %.40q: %w: %d bytes when it is normalized", a.Content, ErrUnsupported, len(pattern))
		}
		token.shown = pattern
		normal.add(token, pattern)
	}
	var err error
	if t.find, t.findPlain, err = raw.matchers(); err == nil {
		t.findNormal, t.normalPlain, err = normal.matchers()
	}
	if err != nil {
		return fmt.Errorf("added_tokens: %w", err)
	}
	return nil
}

// idOfAdded returns the id of an added token: that of its text in the vocabulary,
// else its own, else next. It is -1 for a token that only the vocabulary could
// have made one.
func (t *Tokenizer) idOfAdded(a addedEntry, next int32) (int32, error) {
	id := next
	e := t.findEntry(a.Content)
	switch {
	case e >= 0:
		return t.vocab.ids[e], nil
	case a.known:
		return -1, nil
	case a.ID == nil:
	case *a.ID < 0 || *a.ID >= maxVocab:
		return 0, fmt.Errorf("added_tokens %.40q: %w: id %d, want 0 to %d", a.Content, ErrDamaged, *a.ID, maxVocab-1)
	default:
		other, taken := t.Token(*a.ID)
		if !taken || other == a.Content {
			return *a.ID, nil
		}
		t.notes.add("added token %.40q: its id %d is that of %.40q: it becomes %d", a.Content, *a.ID, other, next)
	}
	if id >= maxVocab {
		return 0, fmt.Errorf("added_tokens: %w: more than %d ids", ErrUnsupported, maxVocab)
	}
	return id, nil
}

// enter makes an added token known by its id and its text.
func (t *Tokenizer) enter(a *addedToken) {
	t.setKinds(int(a.id) + 1)
	t.kinds[a.id] = kindUser
	if a.control {
		t.kinds[a.id] = kindControl
	}
	t.added[a.id] = a
	t.byText[a.content] = a.id
}

// setKinds makes room for ids below n; those that the vocabulary has are
// normal.
func (t *Tokenizer) setKinds(n int) {
	t.kinds = slices.Grow(t.kinds, max(0, n-len(t.kinds)))
	for id := len(t.kinds); id < n; id++ {
		k := kindGap
		if t.entryOf(int32(id)) >= 0 {
			k = kindNormal
		}
		t.kinds = append(t.kinds, k)
	}
}

// A tokenList collects tokens with the patterns to find them by.
type tokenList struct {
	tokens   []*addedToken
	patterns []string
}

func (l *tokenList) add(t *addedToken, pattern string) {
	l.tokens = append(l.tokens, t)
	l.patterns = append(l.patterns, pattern)
}

// matchers returns what finds all tokens, and what finds those that are no
// control tokens.
func (l *tokenList) matchers() (all, plain *matcher, err error) {
	var p tokenList
	for i, t := range l.tokens {
		if !t.control {
			p.add(t, l.patterns[i])
		}
	}
	if all, err = newMatcher(l.tokens, l.patterns); err != nil || len(p.tokens) == len(l.tokens) {
		return all, all, err
	}
	plain, err = newMatcher(p.tokens, p.patterns)
	return all, plain, err
}
