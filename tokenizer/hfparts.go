package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// addTokens enters the added tokens and builds what finds them in text.
func (t *Tokenizer) addTokens(added []hfAdded) error {
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
func (t *Tokenizer) idOfAdded(a hfAdded, next int32) (int32, error) {
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

// addCut adds the cut between characters to the stages of a model that would
// otherwise get long texts as one piece.
func (t *Tokenizer) addCut(b *bpe) {
	if t.raw || b.wordEnd != "" || b.merges.uses(append(b.fallback[:], b.unknown)) {
		return
	}
	if b.whole == wholeAlways {
		return // a part might be a token that the whole does not lead to
	}
	c := newPieceCut(t.vocab)
	if !b.complete() {
		// What is dropped brings its neighbours together, and neighbouring
		// unknown characters may be one token: no cut between them.
		if b.unknown < 0 && !b.keepGaps || t.vocab.find(blank) < 0 {
			return
		}
		c.blanks = true
	}
	t.stages = append(t.stages, c)
}

// setDecoder builds the decoder of a tokenizer.json.
func (t *Tokenizer) setDecoder(c *component) error {
	list, err := flatten(c, func(c *component) []component { return c.Decoders }, 0)
	if err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	bytes := slices.ContainsFunc(list, func(c *component) bool { return c.Type == "ByteLevel" })
	if t.raw && bytes {
		for _, c := range list {
			if c.Type != "ByteLevel" && c.Type != "Fuse" {
				return fmt.Errorf("decoder %s: %w with a ByteLevel pre-tokenizer", c.Type, ErrUnsupported)
			}
		}
		t.decoder = rawDecoder{}
		return nil
	}
	d := &chainDecoder{growth: 1}
	if len(list) == 0 {
		d.join = " "
	}
	fused := false
	for _, c := range list {
		if c.Type == "Fuse" {
			fused = true
			continue
		}
		if err := d.add(c, fused); err != nil {
			return fmt.Errorf("decoder %s: %w", c.Type, err)
		}
	}
	t.decoder = d
	return nil
}

// add adds one decoder; fused says that it works on the joined text.
func (d *chainDecoder) add(c *component, fused bool) error {
	then := &d.steps
	if d.bytes {
		then = &d.after
	}
	switch c.Type {
	case "ByteFallback":
		if fused || d.bytes {
			return fmt.Errorf("%w behind a Fuse or a ByteFallback", ErrUnsupported)
		}
		d.bytes = true
		return nil
	case "Replace":
		f, err := c.Pattern.finder()
		if err != nil {
			return err
		}
		lit, ok := f.(literalFinder)
		if !ok || lit == "" || fused && charLen(string(lit), 0) != len(lit) {
			return fmt.Errorf("%w with this pattern", ErrUnsupported)
		}
		if d.stripN > 0 {
			return fmt.Errorf("%w behind a Strip of the joined text", ErrUnsupported)
		}
		if d.growth *= max(1, float64(len(c.Content))/float64(len(lit))); d.growth > maxReplacement {
			return fmt.Errorf("%w: the decoders make %.0f times as much of a text, want at most %d", ErrUnsupported, d.growth, maxReplacement)
		}
		*then = append(*then, func(token string, _ bool) string {
			return strings.ReplaceAll(token, string(lit), c.Content)
		})
		return nil
	case "Strip":
		if len(c.Content) == 0 || charLen(c.Content, 0) != len(c.Content) || c.Start < 0 || c.Stop < 0 {
			return fmt.Errorf("%w: content: got %.20q, want one character", ErrDamaged, c.Content)
		}
		if !fused {
			*then = append(*then, stripTokenStep(c.Content, c.Start, c.Stop))
			return nil
		}
		if c.Stop > 0 || d.stripN > 0 {
			return fmt.Errorf("%w at the end of a text", ErrUnsupported)
		}
		d.stripText, d.stripN = c.Content, c.Start
		return nil
	case "Metaspace":
		scheme, err := c.metaspaceScheme()
		if err != nil || fused {
			return errOr(err, ErrUnsupported)
		}
		*then = append(*then, metaspaceStep(c.Replacement, scheme != prependNever))
		return nil
	}
	return ErrUnsupported
}

// errOr returns err, or otherwise if it is nil.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// maxAround is the most ids that are put around each text; real files have a few.
const maxAround = 1024

// setTemplate reads what a post-processor puts around a text.
func (t *Tokenizer) setTemplate(c *component) error {
	list, err := flatten(c, func(c *component) []component { return c.Processors }, 0)
	if err != nil {
		return fmt.Errorf("post_processor: %w", err)
	}
	for _, c := range list {
		switch c.Type {
		case "ByteLevel": // only trims offsets
		case "TemplateProcessing":
			err = t.readTemplate(c)
		case "BertProcessing", "RobertaProcessing":
			if c.Cls == nil || c.Sep == nil {
				return fmt.Errorf("post_processor %s: %w: want cls and sep", c.Type, ErrDamaged)
			}
			t.surround([]int32{c.Cls.id}, []int32{c.Sep.id})
		default:
			err = ErrUnsupported
		}
		if err != nil {
			return fmt.Errorf("post_processor %s: %w", c.Type, err)
		}
	}
	if n := len(t.prefix) + len(t.suffix); n > maxAround {
		return fmt.Errorf("post_processor: %w: %d ids around each text, want at most %d", ErrUnsupported, n, maxAround)
	}
	for _, id := range append(t.prefix[:len(t.prefix):len(t.prefix)], t.suffix...) {
		if id < 0 || int(id) >= len(t.kinds) {
			return fmt.Errorf("post_processor: %w: %w: %d, want 0 to %d", ErrDamaged, ErrID, id, len(t.kinds)-1)
		}
	}
	return nil
}

// readTemplate reads the template for a single text.
func (t *Tokenizer) readTemplate(c *component) error {
	var prefix, suffix []int32
	text := false
	for _, item := range c.Single {
		switch {
		case item.Sequence != nil && !text:
			text = true
		case item.SpecialToken == nil:
			return fmt.Errorf("single: %w", ErrUnsupported)
		default:
			token, ok := c.SpecialTokens[item.SpecialToken.ID]
			if !ok {
				return fmt.Errorf("%w: single names %.40q, which special_tokens lacks", ErrDamaged, item.SpecialToken.ID)
			}
			if n := len(prefix) + len(suffix) + len(token.IDs); n > maxAround {
				return fmt.Errorf("single: %w: %d ids and more around each text, want at most %d", ErrUnsupported, n, maxAround)
			}
			if text {
				suffix = append(suffix, token.IDs...)
			} else {
				prefix = append(prefix, token.IDs...)
			}
		}
	}
	if !text {
		return fmt.Errorf("%w: single has no sequence", ErrDamaged)
	}
	t.surround(prefix, suffix)
	return nil
}

// surround puts ids around what stands around a text already.
func (t *Tokenizer) surround(prefix, suffix []int32) {
	t.prefix = append(prefix, t.prefix...)
	t.suffix = append(t.suffix, suffix...)
}
