package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// takesSessions says whether a session counts for a path: what the page asks for. Browsers
// send its cookie with every request, and no program that speaks a dialect means it.
func takesSessions(path string) bool {
	return strings.HasPrefix(path, ui.API) || strings.HasPrefix(path, "/admin/")
}

// bySession returns whose session the request has. found is false where it has none that
// counts; one that is over is as none, but one whose key is, is not: the person would go on
// as somebody else without being told.
func (v *visit) bySession() (c account.Caller, found bool, err error) {
	token := wire.SessionToken(v.request)
	if token == "" || v.foreign || !takesSessions(v.request.URL.Path) {
		return c, false, nil
	}
	c, err = v.gate.accounts.Resume(v.request.Context(), token)
	switch {
	case err == nil:
		return c, true, nil
	case errors.Is(err, account.ErrRevoked):
		return c, false, keyError("the key of this session was revoked", err)
	case errors.Is(err, account.ErrExpired):
		return c, false, keyError("the key of this session has expired", err)
	case errors.Is(err, account.ErrUnknown):
		return c, false, nil
	}
	return c, false, recordsError(err)
}

// BadWord is the code of a request that changes something, and lacks the word of its page.
const BadWord = "csrf"

// checkWord refuses a request to change something that a page of another site may have made
// a browser send: what counts for it, a cookie or who sits at this machine, is known to the
// browser, but not the word. A key in a header is known to no browser.
func (v *visit) checkWord(ctx context.Context) error {
	r := v.request
	_, keyed, _ := credential(r.Header)
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead, keyed:
		return nil
	case account.SessionOf(ctx) == "" && !strings.HasPrefix(r.URL.Path, ui.API):
		return nil
	case v.gate.accounts.Knows(ctx, r.Header.Get(wire.WordHeader)):
		return nil
	}
	return &wire.Error{Kind: wire.Forbidden, Code: BadWord, Message: "the page is out of date, load it again: " + wire.WordHeader + " is not what /ui/api/me says"}
}
