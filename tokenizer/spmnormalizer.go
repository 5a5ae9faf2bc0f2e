package tokenizer

import (
	"bytes"
	"strings"
)

// An spmNormalizer prepares text as SentencePiece does: the table of
// replacements, then the rules about spaces. User-defined pieces pass
// unchanged.
type spmNormalizer struct {
	chars       *charsMap // nil: no replacements
	user        *trie     // nil: no user-defined pieces
	dummyPrefix bool      // put a space in front of the text (behind it with suffix)
	suffix      bool
	removeExtra bool // no spaces at the ends, single ones between words
	escape      bool // write spaces as ▁
}

// normalizer returns it as the only step.
func (n *spmNormalizer) normalizer() normalizer {
	return normalizer{{"of SentencePiece", wholeStep(n.normalize)}}
}

// normalize is the step of the normalizer.
func (n *spmNormalizer) normalize(text string, size int) (string, error) {
	space := " "
	if n.escape {
		space = blank
	}
	if n.chars == nil && !n.removeExtra {
		return n.simple(text, space), nil
	}
	if n.removeExtra {
		for text != "" {
			with, k := n.prefix(text)
			if with != " " {
				break
			}
			text = text[k:]
		}
	}
	if text == "" {
		return "", nil
	}
	out := make([]byte, 0, min(len(text)*3/2+8, size))
	if n.dummyPrefix && !n.suffix {
		out = append(out, space...)
	}
	afterSpace := n.removeExtra
	for text != "" {
		if len(out) > size {
			return "", ErrTooLong
		}
		with, k := n.prefix(text)
		text = text[k:]
		if afterSpace {
			with = strings.TrimLeft(with, " ")
		}
		for i := range len(with) {
			if with[i] == ' ' {
				out = append(out, space...)
			} else {
				out = append(out, with[i])
			}
		}
		if len(with) > 0 {
			afterSpace = n.removeExtra && with[len(with)-1] == ' '
		}
	}
	if n.removeExtra {
		for bytes.HasSuffix(out, []byte(space)) {
			out = out[:len(out)-len(space)]
		}
	}
	if n.dummyPrefix && n.suffix {
		out = append(out, space...)
	}
	return string(out), nil
}

// simple is normalize where only spaces change, be they in a user-defined piece
// or not.
func (n *spmNormalizer) simple(text, space string) string {
	if text == "" {
		return ""
	}
	if n.dummyPrefix && !n.suffix {
		text = " " + text
	}
	if n.dummyPrefix && n.suffix {
		text += " "
	}
	if n.escape {
		text = strings.ReplaceAll(text, " ", space)
	}
	return text
}

// prefix returns what the beginning of the text becomes, and its length.
func (n *spmNormalizer) prefix(text string) (with string, k int) {
	if n.user != nil {
		if _, k := n.user.longest(text); k > 0 {
			return text[:k], k
		}
	}
	if n.chars != nil {
		if with, k := n.chars.match(text, true); k > 0 {
			return with, k
		}
	}
	k = charLen(text, 0)
	return text[:k], k
}
