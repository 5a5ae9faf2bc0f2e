package inference

import (
	"errors"
	"fmt"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// TestAnswerError: what a request cannot have of its model is the request's fault, what
// nobody foresaw the server's.
func TestAnswerError(t *testing.T) {
	for _, c := range []struct {
		err   error
		kind  wire.Kind
		param string
	}{
		{fmt.Errorf("blitz: the model takes token ids only: %w", tokenizer.ErrNoTokenizer), wire.Invalid, "model"},
		{fmt.Errorf("blitz: %w", blitz.ErrNoTemplate), wire.Invalid, "messages"},
		{fmt.Errorf("blitz: %w", blitz.ErrPrompt), wire.Invalid, "prompt"},
		{fmt.Errorf("blitz: %w", blitz.ErrClosed), wire.Unavailable, ""},
		{errors.New("something else"), wire.Internal, ""},
	} {
		var e *wire.Error
		if err := answerError(c.err); !errors.As(err, &e) || e.Kind != c.kind || e.Param != c.param || !errors.Is(err, c.err) {
			t.Errorf("%v: %+v", c.err, err)
		}
	}
}
