package catalogue

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/hub"
)

// Facts are the names of what Confirmed may give an address for.
var facts = []string{"title", "architecture", "parameters", "active_parameters", "context", "license", "good_at"}

// check holds a model to the form of a catalogue.
func (m *Model) check() error {
	switch {
	case m.Name == (hub.Name{}):
		return errors.New("no name")
	case len(m.Sources) == 0 || len(m.Sources) > maxSources:
		return fmt.Errorf("%d sources, want 1 to %d", len(m.Sources), maxSources)
	case len(m.Also) > maxSources:
		return fmt.Errorf("%d further names, %d at most", len(m.Also), maxSources)
	}
	for name, text := range map[string]string{"title": m.Title, "architecture": m.Architecture, "license": m.License, "good_at": m.GoodAt} {
		if err := checkText(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, n := range map[string]int64{"parameters": m.Parameters, "active_parameters": m.Active, "context": m.Context} {
		if n < 0 || n > maxNumber {
			return fmt.Errorf("%s: %d, want 0 to %d", name, n, int64(maxNumber))
		}
	}
	for i, s := range m.Sources {
		if s.Source.Kind == "" {
			return fmt.Errorf("source %d is not named", i+1)
		}
		if s.Size < 0 || s.Size > maxNumber {
			return fmt.Errorf("source %d: size %d, want 0 to %d", i+1, s.Size, int64(maxNumber))
		}
		if s.Confirmed != "" && !isAddress(s.Confirmed) {
			return fmt.Errorf("source %d: confirmed: %.80q is no https address", i+1, s.Confirmed)
		}
	}
	return checkConfirmed(m.Confirmed)
}

// checkConfirmed wants addresses of facts.
func checkConfirmed(confirmed map[string]string) error {
	for fact, address := range confirmed {
		if !slices.Contains(facts, fact) {
			return fmt.Errorf("confirmed: there is no fact %.40q, want %s", fact, strings.Join(facts, ", "))
		}
		if !isAddress(address) {
			return fmt.Errorf("confirmed: %s: %.80q is no https address", fact, address)
		}
	}
	return nil
}

// isAddress reports whether a text is the address of a public page.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && checkText(text) == nil
}

// checkText wants one line that a terminal can show.
func checkText(text string) error {
	if len(text) > maxText {
		return fmt.Errorf("%d bytes, %d at most", len(text), maxText)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%.80q is not one line of printable text", text)
	}
	return nil
}
