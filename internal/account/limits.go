package account

import (
	"fmt"
	"strings"
)

// Limits bound what a key may use; 0 is no bound.
type Limits struct {
	RequestsPerMinute int64    `json:"rpm,omitempty"`
	TokensPerMinute   int64    `json:"tpm,omitempty"` // of prompts and answers together
	Concurrent        int64    `json:"concurrent,omitempty"`
	MonthlyTokens     int64    `json:"monthly_tokens,omitempty"` // of prompts and answers, in a month of UTC
	Models            []string `json:"models,omitempty"`         // patterns of names; none: all models
}

// Bounds of what a key may have.
const (
	maxLimit    = 1 << 50
	maxPatterns = 100
	maxPattern  = 512 // bytes
)

// check refuses limits that cannot be. The error is a *ValueError.
func (l *Limits) check() error {
	for _, x := range []struct {
		name  string
		value int64
	}{{"rpm", l.RequestsPerMinute}, {"tpm", l.TokensPerMinute}, {"concurrent", l.Concurrent}, {"monthly_tokens", l.MonthlyTokens}} {
		if x.value < 0 || x.value > maxLimit {
			return &ValueError{x.name, fmt.Sprintf("a whole number from 0 (no limit) to %d", int64(maxLimit))}
		}
	}
	if len(l.Models) > maxPatterns {
		return &ValueError{"models", fmt.Sprintf("at most %d names", maxPatterns)}
	}
	for _, p := range l.Models {
		if !isPattern(p) {
			return &ValueError{"models", "names of models, in which * stands for any text"}
		}
	}
	return nil
}

// isPattern says whether text is a pattern of names of models: of their letters, and *.
func isPattern(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:*", c) >= 0) {
			return false
		}
	}
	return text != "" && len(text) <= maxPattern
}

// Allow says whether a model may be used, by its name in the store. A pattern without a
// tag means the tag latest, as names do elsewhere; "*" matches any text, tags included.
// Case tells no names apart.
func (l *Limits) Allow(model string) bool {
	if len(l.Models) == 0 {
		return true
	}
	name := withTag(strings.ToLower(model))
	for _, p := range l.Models {
		p = strings.ToLower(p)
		if match(p, name) || match(withTag(p), name) {
			return true
		}
	}
	return false
}

// withTag adds the tag that a name without one has.
func withTag(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return name + ":latest"
}

// match says whether a pattern with * matches all of a text.
func match(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		if !ok {
			return false
		}
		_, text, ok = strings.Cut(text, p)
	}
	return ok && strings.HasSuffix(text, parts[len(parts)-1])
}
