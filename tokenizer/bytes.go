package tokenizer

import "fmt"

// AppendBytes appends the bytes that a token says within a text, control tokens shown:
// those of a part of a character, too, which no text can show by itself. A token that
// pads the vocabulary says nothing; an id outside of it is ErrID.
func (t *Tokenizer) AppendBytes(dst []byte, id int32) ([]byte, error) {
	if id < 0 || int(id) >= len(t.kinds) {
		return dst, fmt.Errorf("tokenizer: %w: got %d, want 0 to %d", ErrID, id, len(t.kinds)-1)
	}
	within := Stream{t: t, count: 1, runs: 1, begun: true}
	return t.decoder.token(dst, &within, id, false), nil
}
