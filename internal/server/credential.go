package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// badKey is the code of all that is wrong with a key.
const badKey = "invalid_api_key"

func keyError(message string, err error) error {
	return &wire.Error{Kind: wire.Key, Code: badKey, Message: message, Err: err}
}

// credential returns the key that a request has, and whether it has one at all. It is a
// Bearer of Authorization, or in X-Api-Key; both have to agree.
func credential(h http.Header) (text string, sent bool, err error) {
	var found []string
	for _, value := range h.Values("Authorization") {
		scheme, key, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "bearer") {
			return "", true, keyError("Authorization is of another scheme, want Bearer KEY", nil)
		}
		found = append(found, strings.TrimSpace(key))
	}
	for _, value := range h.Values("X-Api-Key") {
		found = append(found, strings.TrimSpace(value))
	}
	for _, key := range found {
		switch {
		case text == "":
			text = key
		case key != "" && key != text:
			return "", true, keyError("the request has two keys that differ", nil)
		}
	}
	return text, len(found) > 0, nil
}

// byKey returns whose key the request has. found is false where it has none that counts.
func (v *visit) byKey() (c account.Caller, found bool, err error) {
	text, sent, err := credential(v.request.Header)
	if err != nil || !sent {
		return c, false, err
	}
	c, err = v.gate.accounts.Find(text)
	switch {
	case err == nil:
		return c, true, nil
	case errors.Is(err, account.ErrRevoked):
		return c, false, keyError("the key was revoked", err)
	case errors.Is(err, account.ErrExpired):
		return c, false, keyError("the key has expired", err)
	case !errors.Is(err, account.ErrUnknown):
		return c, false, recordsError(err)
	}
	live, err := v.gate.accounts.AnyLive()
	switch {
	case err != nil:
		return c, false, recordsError(err)
	case live:
		return c, false, keyError("the key is not known here", nil)
	}
	return c, false, nil // many clients send a stand-in where nobody asked for a key
}

// recordsError says that the file of keys cannot be read: nobody is let in then.
func recordsError(err error) error {
	return &wire.Error{Kind: wire.Unavailable, Message: "the server cannot read its keys", Err: err}
}
