package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/jinja"
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

// TestExitOfTemplateErrors refuses a template that stumbles, whatever on, and not a
// rendering that was cancelled.
func TestExitOfTemplateErrors(t *testing.T) {
	for _, source := range []string{"{{ range(10**9) }}", "{{ 1 // 0 }}", "{{ 1 + 'a' }}", "{{ 'a' * 10**30 }}", "{{ raise_exception('no') }}", "{{ x.y.z }}"} {
		template, err := jinja.NewChatTemplate(source)
		if err == nil {
			_, err = template.Render(t.Context(), nil)
		}
		if err == nil || exitCode(fmt.Errorf("render: %w", err)) != exitRefused {
			t.Errorf("%s: %v has exit code %d, want %d", source, err, exitCode(err), exitRefused)
		}
	}
	if err := (&jinja.Error{Line: 1, Err: context.Canceled}); exitCode(err) != exitInterrupted {
		t.Errorf("a cancelled rendering has exit code %d, want %d", exitCode(err), exitInterrupted)
	}
}
