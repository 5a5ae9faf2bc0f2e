package account

import (
	"slices"
	"strings"
)

// Scope is something that a caller may do.
type Scope string

// The scopes.
const (
	Inference Scope = "inference" // have models answer
	Models    Scope = "models"    // change which models there are
	Admin     Scope = "admin"     // keys, limits, usage
)

// AllScopes are the scopes there are.
var AllScopes = []Scope{Inference, Models, Admin}

// Scopes are what a caller may do.
type Scopes []Scope

// Has says whether a scope is among them.
func (s Scopes) Has(x Scope) bool { return slices.Contains(s, x) }

// String returns the scopes with commas between.
func (s Scopes) String() string {
	var words []string
	for _, x := range s {
		words = append(words, string(x))
	}
	return strings.Join(words, ",")
}

// ParseScopes reads words, with commas between or not, in any order. No word at all is
// Inference. The error is a *ValueError.
func ParseScopes(words ...string) (Scopes, error) {
	var found Scopes
	for _, w := range strings.FieldsFunc(strings.Join(words, ","), func(r rune) bool { return r == ',' || r == ' ' }) {
		found = append(found, Scope(strings.ToLower(w)))
		if !slices.Contains(AllScopes, found[len(found)-1]) {
			return nil, &ValueError{"scopes", Scopes(AllScopes).String()}
		}
	}
	if found == nil {
		found = Scopes{Inference}
	}
	var sorted Scopes
	for _, x := range AllScopes {
		if found.Has(x) {
			sorted = append(sorted, x)
		}
	}
	return sorted, nil
}
