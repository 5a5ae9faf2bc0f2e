package account

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Key is what is known of a key; its text is not.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Hint    string    `json:"hint"` // how it begins
	Scopes  Scopes    `json:"scopes"`
	Limits  Limits    `json:"limits"`
	Created time.Time `json:"created_at"`
	Expires time.Time `json:"expires_at,omitzero"` // zero: never
	Revoked time.Time `json:"revoked_at,omitzero"` // zero: it was not
}

// State says in a word whether a key counts: "live", "expired" or "revoked".
func (k *Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	}
	return "live"
}

// caller returns who a request with this key is by.
func (k *Key) caller() Caller {
	return Caller{ID: k.ID, Name: k.Name, Scopes: k.Scopes, Limits: k.Limits}
}

// NewKey is what a key is made of.
type NewKey struct {
	Name    string
	Scopes  Scopes // none: Inference
	Limits  Limits
	Expires time.Time // zero: never
}

// maxName bounds a name, in characters.
const maxName = 64

// check refuses what cannot be, and fills in what is left open. The error is a
// *ValueError.
func (n *NewKey) check(now time.Time) error {
	if n.Name == "" || n.Name == ownerName || n.Name == anyoneName || strings.HasPrefix(n.Name, idPrefix) || !utf8.ValidString(n.Name) ||
		utf8.RuneCountInString(n.Name) > maxName || n.Name != strings.TrimSpace(n.Name) || strings.ContainsFunc(n.Name, isUnseen) {
		return &ValueError{"name", fmt.Sprintf("1 to %d characters that can be seen, other than %q, %q and %s…", maxName, ownerName, anyoneName, idPrefix)}
	}
	var words []string
	for _, s := range n.Scopes {
		words = append(words, string(s))
	}
	scopes, err := ParseScopes(words...)
	if err != nil {
		return err
	}
	n.Scopes = scopes
	if !n.Expires.IsZero() && (!n.Expires.After(now) || n.Expires.Year() > 9999) {
		return &ValueError{"expires", "a time to come"}
	}
	return n.Limits.check()
}

// isUnseen says of a character that it is not seen, or reorders those around it.
func isUnseen(r rune) bool {
	return r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r)
}

// ParseExpiry reads when a key expires: a duration from now such as 90d, 12h or 1h30m, a
// day (at whose end it expires, UTC), or a time of RFC 3339. "" and "never" are the zero
// time. The error is a *ValueError.
func ParseExpiry(text string, now time.Time) (time.Time, error) {
	switch text {
	case "", "never":
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		t, err := time.Parse(form, text)
		if err != nil {
			continue
		}
		if form == time.DateOnly {
			t = t.AddDate(0, 0, 1)
		}
		return t.UTC(), nil
	}
	d, err := parseDays(text)
	if err != nil || d <= 0 {
		return time.Time{}, &ValueError{"expires", "a duration such as 90d or 12h, a day such as 2027-01-31, or never"}
	}
	return now.Add(d).UTC().Truncate(time.Second), nil
}

// parseDays is time.ParseDuration that also knows days and weeks.
func parseDays(text string) (time.Duration, error) {
	for unit, hours := range map[string]int{"d": 24, "w": 7 * 24} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			var n int
			if _, err := fmt.Sscanf(number+"!", "%d!", &n); err != nil || n < 0 || n > 36_500 {
				return 0, fmt.Errorf("bad duration %q", text)
			}
			return time.Duration(n*hours) * time.Hour, nil
		}
	}
	return time.ParseDuration(text)
}
