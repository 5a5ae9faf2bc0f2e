package checkpoint

import (
	"bytes"

	"github.com/blitz-r1/blitz/internal/message"
)

// PlainJSON returns JSON as Python writes it in the form that everybody reads: NaN,
// Infinity and -Infinity outside of strings become strings of that name, which who
// wants a number refuses by name, and who looks for other keys passes over. A byte
// order mark is left out.
func PlainJSON(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	plain := make([]byte, 0, len(text)+64)
	for i := 0; i < len(text); {
		if text[i] == '"' {
			end := stringEnd(text, i)
			plain = append(plain, text[i:end]...)
			i = end
			continue
		}
		word := ""
		for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(text[i:], []byte(w)) {
				word = w
			}
		}
		if word == "" {
			plain = append(plain, text[i])
			i++
			continue
		}
		plain = append(plain, '"')
		plain = append(plain, word...)
		plain = append(plain, '"')
		i += len(word)
	}
	return plain
}

// stringEnd returns where the JSON string that begins at from ends.
func stringEnd(text []byte, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// maxPrintable bounds what is shown of a text in a file, in bytes.
const maxPrintable = 200

// printable returns text of a file as one line that can be shown.
func printable(s string) string { return message.Line(s, maxPrintable) }
