package reward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/task"
)

// maxJSON bounds the JSON that is checked, in bytes, and maxDepth its nesting.
const (
	maxJSON  = 4 << 20
	maxDepth = 512
)

// schema is 1 for a part that is JSON as a schema wants it.
func schema(r *Reward, part string) (Func, error) {
	text := []byte(r.Schema)
	if r.File != "" {
		var err error
		if text, err = readFile(r.File); err != nil {
			return nil, err
		}
	}
	var fixed *jsonschema.Resolved
	if len(text) > 0 {
		var err error
		if fixed, err = resolve(text); err != nil {
			return nil, err
		}
	}
	return func(_ context.Context, s *Sample) (Score, error) {
		resolved := fixed
		if resolved == nil {
			fields, err := s.fields()
			if err != nil {
				return Score{}, err
			}
			if resolved, err = resolve(fields["schema"]); err != nil {
				return Score{}, err
			}
		}
		text, ok := s.part(part)
		if !ok {
			return Score{}, nil
		}
		if err := matches(resolved, text); err != nil {
			return Score{Note: message.Line(err.Error(), 300)}, nil
		}
		return Score{Value: 1}, nil
	}, nil
}

// resolve reads a schema, which may not ask for others.
func resolve(text []byte) (resolved *jsonschema.Resolved, err error) {
	defer recovered(&err)
	var s jsonschema.Schema
	if len(text) == 0 {
		return nil, fmt.Errorf("there is no schema: %w", ErrConfig)
	}
	if len(text) > maxJSON || nesting(text) > maxDepth {
		return nil, fmt.Errorf("schema has %d bytes and %d levels, want at most %d and %d: %w", len(text), nesting(text), maxJSON, maxDepth, ErrConfig)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("schema: %w: %w", err, ErrConfig)
	}
	if resolved, err = s.Resolve(nil); err != nil {
		return nil, fmt.Errorf("schema: %w: %w", err, ErrConfig)
	}
	return resolved, nil
}

// matches says why a text is not what a schema wants.
func matches(s *jsonschema.Resolved, text string) (err error) {
	defer recovered(&err)
	text = strings.Trim(text, task.Blanks)
	if len(text) > maxJSON || nesting([]byte(text)) > maxDepth {
		return errors.New("it is too large")
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return err
	}
	return s.Validate(value)
}

// recovered makes an error of a panic of the library's, which has some for schemas that
// nobody thought of.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the schema cannot be checked: %v", p)
	}
}

// nesting returns how deep brackets are in one another.
func nesting(text []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// readFile reads a file of a reward.
func readFile(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxFile {
		return nil, fmt.Errorf("%s is no file of at most %d bytes: %w", message.Clean(name), maxFile, ErrConfig)
	}
	return os.ReadFile(name)
}
