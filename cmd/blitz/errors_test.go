package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/sample"
)

// TestExplainLongMessage shows an error with a name of 200,000 letters by its ends.
func TestExplainLongMessage(t *testing.T) {
	message, _ := explain(fmt.Errorf("model.gguf: tensor %s: type Q9, want F16", strings.Repeat("ä", 200_000)))
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
	if _, hint := explain(err); exitCode(err) != exitRefused || !strings.Contains(hint, "weights") {
		t.Errorf("exit code %d, hint %q", exitCode(err), hint)
	}
	if err := errors.New("other"); exitCode(err) != exitFailed {
		t.Errorf("exit code %d, want %d", exitCode(err), exitFailed)
	}
}
