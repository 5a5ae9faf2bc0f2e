package ui

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Me is who looks at the page.
type Me struct {
	Name     string         `json:"name"` // of the key, or "owner", or "anyone"
	Owner    bool           `json:"owner"`
	SignedIn bool           `json:"signed_in"` // by a session, which can be ended
	Scopes   account.Scopes `json:"scopes"`
	Word     string         `json:"csrf"` // for the header of all that changes something
	Version  string         `json:"version"`
	MCP      bool           `json:"mcp"` // the server has tools, and the caller may use them
}

// Session is who looks at the page, or why the server does not take the request for anybody's.
type Session struct {
	Me      *Me    `json:"me,omitempty"`
	Refused string `json:"refused,omitempty"` // in words
}

// cookieLife is how long a browser keeps a session, which may end before.
const cookieLife = 400 * 24 * time.Hour

func (u *UI) sessionRoutes() []wire.Route {
	in := route("POST /ui/api/session", wire.Open, u.signIn)
	in.MaxBody = 8 << 10
	return []wire.Route{
		route("GET /ui/api/me", wire.AnyKey, u.me),
		route("GET /ui/api/session", wire.Open, u.session),
		in,
		route("DELETE /ui/api/session", wire.Open, u.signOut),
	}
}

// me says who asks.
func (u *UI) me(w http.ResponseWriter, r *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, u.meOf(r.Context()))
	return nil
}

// meOf returns what the page learns of the caller of ctx.
func (u *UI) meOf(ctx context.Context) Me {
	c := account.CallerOf(ctx)
	return Me{
		Name: c.Name, Owner: c.IsOwner(), SignedIn: account.SessionOf(ctx) != "", Scopes: c.Scopes,
		Word: u.o.Accounts.Word(ctx), Version: u.o.Version, MCP: u.hasTools(c),
	}
}

// session says who asks, or why a key is wanted. Browsers put a refusal into their console,
// and to look at the page before a key is typed is no error.
func (u *UI) session(w http.ResponseWriter, r *http.Request) error {
	ctx, err := u.o.Caller(r)
	if err != nil {
		e := wire.AsError(err)
		if e.Kind != wire.Key {
			return err
		}
		wire.WriteJSON(w, http.StatusOK, Session{Refused: e.Message})
		return nil
	}
	me := u.meOf(ctx)
	wire.WriteJSON(w, http.StatusOK, Session{Me: &me})
	return nil
}

// signIn begins a session with a key.
func (u *UI) signIn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Key string `json:"key"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	ctx := r.Context()
	c, token, err := u.o.Accounts.SignIn(ctx, u.from(r), strings.TrimSpace(in.Key))
	if err != nil {
		return signInError(err)
	}
	if old := wire.SessionToken(r); old != "" {
		if err := u.o.Accounts.SignOut(ctx, old); err != nil {
			return err
		}
	}
	http.SetCookie(w, cookie(r, token, cookieLife))
	return u.me(w, r.WithContext(account.InSession(account.With(ctx, c), token)))
}

// cookie returns the cookie of a session. No script sees it, no page of another site has it
// sent, and a browser that came by TLS sends it by TLS alone. Behind a proxy, the page's
// own address tells.
func cookie(r *http.Request, token string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: wire.CookieName(r.Host), Value: token, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://"),
	}
}

func signInError(err error) error {
	var limit *account.LimitError
	switch {
	case errors.As(err, &limit):
		return &wire.Error{Kind: wire.RateLimit, Message: "too many wrong keys came from here, try again later", RetryAfter: min(limit.Wait, 30*time.Second), Err: err}
	case errors.Is(err, account.ErrRevoked):
		return &wire.Error{Kind: wire.Key, Param: "key", Message: "the key was revoked", Err: err}
	case errors.Is(err, account.ErrExpired):
		return &wire.Error{Kind: wire.Key, Param: "key", Message: "the key has expired", Err: err}
	case errors.Is(err, account.ErrUnknown):
		return &wire.Error{Kind: wire.Key, Param: "key", Message: "the key is not known here", Err: err}
	}
	return err
}

// signOut ends the session, here and in the browser. It needs no word: who could have it
// sent from elsewhere is kept out by the cookie itself.
func (u *UI) signOut(w http.ResponseWriter, r *http.Request) error {
	if token := wire.SessionToken(r); token != "" {
		if err := u.o.Accounts.SignOut(r.Context(), token); err != nil {
			return err
		}
	}
	gone := cookie(r, "", 0)
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
