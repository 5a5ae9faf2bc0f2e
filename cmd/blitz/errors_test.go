package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/blitz-r1/blitz/jinja"
)

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
