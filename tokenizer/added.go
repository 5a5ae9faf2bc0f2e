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
