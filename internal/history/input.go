package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrFile is wrapped by errors about a file that cannot be taken in.
var ErrFile = errors.New("the file cannot be taken in")

// FileError says what is wrong with a file that is to be taken in.
type FileError struct {
	Offset int64 // about where, in bytes; 0 for nowhere
	Reason string
}

func (e *FileError) Error() string {
	if e.Offset == 0 {
		return fmt.Sprintf("%v: %s", ErrFile, e.Reason)
	}
	return fmt.Sprintf("%v: at byte %d: %s", ErrFile, e.Offset, e.Reason)
}

// Unwrap returns ErrFile.
func (e *FileError) Unwrap() error { return ErrFile }

// Bounds of what is in memory of a file at once.
const (
	maxValue  = 64 << 20 // bytes of a message, twice those of a request that brings one
	maxSmall  = 4 << 20  // bytes of all else
	maxPieces = 100_000  // of a value: what stands between its commas, which takes more memory than its bytes
)

// input reads JSON piece by piece. A value is in memory as a whole, and not larger than
// it may be: whatever a file holds, its import takes less than a gigabyte, and an honest
// one a fraction of that.
type input struct {
	*json.Decoder
	from *bounded
}

// bounded is a reader that gives no more than is left.
type bounded struct {
	r          io.Reader
	most, left int64
	err        error // of r, but io.EOF
}

// allow has the reader give so many bytes from now on.
func (b *bounded) allow(most int64) { b.most, b.left = most, most }

// errLarge is what a value gets that is larger than it may be.
var errLarge = errors.New("history: larger than it may be")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// newInput looks at the beginning of a file.
func newInput(r io.Reader) (*input, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	head, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := buffered.Discard(3); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, &FileError{Reason: "it is UTF-16, want UTF-8"}
	case bytes.HasPrefix(head, []byte("PK")):
		return nil, &FileError{Reason: "it is an archive: unpack it, and take in the file conversations.json of it"}
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return nil, &FileError{Reason: "it is compressed: unpack it first"}
	}
	b := &bounded{r: buffered}
	return &input{json.NewDecoder(b), b}, nil
}

// wrong returns an error about the place where the input is.
func (in *input) wrong(format string, args ...any) error {
	return &FileError{in.InputOffset(), fmt.Sprintf(format, args...)}
}

// told says what an error of the decoder means.
func (in *input) told(err error) error {
	switch {
	case err == nil:
		return nil
	case in.from.err != nil:
		return in.from.err
	case errors.Is(err, errLarge):
		return in.wrong("a value is larger than %d MiB", in.from.most>>20)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return in.wrong("the file is cut off")
	}
	return in.wrong("%v", err)
}

// token reads the next piece: a delimiter, or a value that is neither object nor array.
func (in *input) token() (json.Token, error) {
	in.from.allow(maxSmall)
	t, err := in.Token()
	return t, in.told(err)
}

// value reads the next value.
func (in *input) value(v any, most int64) error {
	raw, err := in.raw(most)
	if err != nil {
		return err
	}
	if pieces(raw) > maxPieces {
		return in.wrong("a value has more than %d pieces", maxPieces)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return in.wrong("%v", err)
	}
	return nil
}

// raw reads the next value as it stands.
func (in *input) raw(most int64) (raw json.RawMessage, err error) {
	in.from.allow(most)
	err = in.told(in.Decode(&raw))
	return raw, err
}

// pieces counts what stands between the commas of a value, outside of its texts.
func pieces(raw []byte) (n int) {
	if bytes.Count(raw, []byte(",")) < maxPieces { // as with all but a few
		return 0
	}
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case ',':
			n++
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		}
	}
	return n + 1
}

// skip passes over the next value.
func (in *input) skip() error {
	_, err := in.raw(maxValue)
	return err
}

// open reads the beginning of an object or an array; isNull says that null is there in
// its place.
func (in *input) open(want json.Delim) (isNull bool, err error) {
	t, err := in.token()
	switch {
	case err != nil:
		return false, err
	case t == nil:
		return true, nil
	case t != want:
		return false, in.wrong("want %v", want)
	}
	return false, nil
}

// object calls each with the keys of an object; it has to read the value.
func (in *input) object(each func(key string) error) error {
	isNull, err := in.open('{')
	if err != nil || isNull {
		return err
	}
	return in.members(each)
}

// members is object for an object whose beginning was read.
func (in *input) members(each func(key string) error) error {
	for in.More() {
		t, err := in.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return in.wrong("want a name")
		}
		if err := each(key); err != nil {
			return err
		}
	}
	_, err := in.token()
	return err
}

// array calls each for each element of an array; it has to read it.
func (in *input) array(each func() error) error {
	isNull, err := in.open('[')
	if err != nil || isNull {
		return err
	}
	return in.elements(each)
}

// elements is array for an array whose beginning was read.
func (in *input) elements(each func() error) error {
	for in.More() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := in.token()
	return err
}

// atEnd says whether nothing follows but spaces.
func (in *input) atEnd() (bool, error) {
	in.from.allow(maxSmall)
	if in.More() {
		return false, nil
	}
	_, err := in.Token()
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err == nil {
		return false, in.wrong("something stands behind the end")
	}
	return false, in.told(err)
}

// word is a string, or a number as a string: strangers have either for ids. What is
// neither is "".
type word string

// UnmarshalJSON reads a word.
func (w *word) UnmarshalJSON(text []byte) error {
	switch {
	case len(text) > 0 && text[0] == '"':
		var s string
		err := json.Unmarshal(text, &s)
		*w = word(s)
		return err
	case len(text) > 0 && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'):
		*w = word(text)
	default:
		*w = ""
	}
	return nil
}

// moment is a time as strangers write it: a number of seconds or of parts of them, or
// RFC 3339; 0 for all else.
type moment Time

// UnmarshalJSON reads a moment.
func (m *moment) UnmarshalJSON(text []byte) error {
	*m = 0
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case float64:
		ms := v * 1000
		for ms > 1e14 { // milliseconds, microseconds, nanoseconds
			ms /= 1000
		}
		if ms > 0 && ms <= float64(lastTime) {
			*m = moment(ms)
		}
	case string:
		if at, err := ParseTime(v); err == nil {
			*m = moment(at)
		}
	}
	return nil
}

// loose is a value that may be of another kind than is wanted: it is left empty then.
type loose[T any] struct{ V T }

// UnmarshalJSON reads a value if it is of the kind.
func (l *loose[T]) UnmarshalJSON(text []byte) error {
	var v T
	if json.Unmarshal(text, &v) == nil {
		l.V = v
	}
	return nil
}
