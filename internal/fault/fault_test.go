package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/settings"
)

// TestExplainLongMessage shows an error with a name of 200,000 letters by its ends.
func TestExplainLongMessage(t *testing.T) {
	message, _ := Explain(fmt.Errorf("model.gguf: tensor %s: type Q9, want F16", strings.Repeat("ä", 200_000)))
	if len(message) > 4*(messageHead+messageTail) || !utf8.ValidString(message) {
		t.Errorf("got %d bytes, valid %v", len(message), utf8.ValidString(message))
	}
	if !strings.HasPrefix(message, "model.gguf: tensor ää") || !strings.HasSuffix(message, "ää: type Q9, want F16") {
		t.Errorf("got %q … %q", message[:40], message[len(message)-40:])
	}
}

// TestExplainLogits blames the weights for logits that are no numbers.
func TestExplainLogits(t *testing.T) {
	err := fmt.Errorf("run: %w", sample.ErrLogits)
	if _, hint := Explain(err); Of(err) != Refused || !strings.Contains(hint, "weights") {
		t.Errorf("kind %d, hint %q", Of(err), hint)
	}
	if err := errors.New("other"); Of(err) != Failed {
		t.Errorf("kind %d, want %d", Of(err), Failed)
	}
}

// An error has the kind that it was made with, before that of what it wraps.
func TestKinds(t *testing.T) {
	missing := fmt.Errorf("x: %w", fs.ErrNotExist)
	for want, err := range map[Kind]error{
		Usage: fmt.Errorf("run: %w", Misuse(missing)), NotFound: missing, Refused: WithHint(Refusal(missing), "a hint"),
		Interrupted: fmt.Errorf("x: %w", context.Canceled), NoRoom: fmt.Errorf("x: %w", blitz.ErrNoRoom), Failed: errors.New("x"),
	} {
		if got := Of(err); got != want {
			t.Errorf("%v: kind %d, want %d", err, got, want)
		}
	}
	if got := Of(Missing(errors.New("x"))); got != NotFound {
		t.Errorf("kind %d, want %d", got, NotFound)
	}
	if got := Of(settings.BadValue("--temp", "hot", settings.Want("a number"))); got != Usage {
		t.Errorf("a setting: kind %d, want %d", got, Usage)
	}
	if _, hint := Explain(fmt.Errorf("run: %w", WithHint(missing, "look there"))); hint != "look there" {
		t.Errorf("hint %q", hint)
	}
	if message, hint := Explain(fmt.Errorf("x: %w", context.Canceled)); message != "interrupted" || hint != "" {
		t.Errorf("an interrupt: %q, %q", message, hint)
	}
	if WithHint(nil, "x") != nil {
		t.Error("a hint made an error of none")
	}
}
