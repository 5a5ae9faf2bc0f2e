package server

import (
	"context"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// GateSettings say who is let in. They may be changed while the server runs.
type GateSettings struct {
	RequireKeys    bool           // the owner needs a key too, but for the user's own socket
	Insecure       bool           // while there are no keys, everybody may have models answer
	Hosts          []string       // names by which the server may be called, besides its own; "*.x" is any one label before x
	TrustedProxies []netip.Prefix // whose word on who asks counts
	Origins        []string       // of pages that may ask though they are not the server's; "*": all
}

// requestTime is how long any request may take. Answers have a shorter time of their own.
const requestTime = 24 * time.Hour

// Gate is the Guard of a server: it looks at Host and Origin, at what a proxy says, at
// keys, and at who is at the other end of a connection.
type Gate struct {
	accounts *account.Accounts
	settings atomic.Pointer[GateSettings]
	names    func() []string // of the certificate; nil: there is none
	peers    peers
	uid      uint32 // of the user who runs the server
}

// NewGate returns a gate. names returns the names of the certificate, nil where there is
// none.
func NewGate(accounts *account.Accounts, names func() []string, s GateSettings) *Gate {
	g := &Gate{accounts: accounts, names: names, peers: systemPeers(), uid: uint32(os.Geteuid())}
	g.Set(s)
	return g
}

// Set changes the settings, for requests that come from now on.
func (g *Gate) Set(s GateSettings) { g.settings.Store(&s) }

// visit is what the gate learns of a request.
type visit struct {
	gate      *Gate
	settings  *GateSettings
	request   *http.Request
	conn      *connection
	forwarded *forwarded // what proxies say; nil: none stands between
	foreign   bool       // a page of another origin asks, which may
}

// Admit lets a request in whose caller may do what a route is for. See Guard.
func (g *Gate) Admit(w http.ResponseWriter, r *http.Request, scope wire.Scope) (*http.Request, func(), error) {
	v, err := g.look(w, r)
	if err != nil {
		return nil, nil, err
	}
	ctx := r.Context()
	if scope == wire.Open {
		ctx = account.With(ctx, account.Caller{})
	} else {
		if ctx, err = v.admit(scope); err != nil {
			if e := wire.AsError(err); e.Kind == wire.Key {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			return nil, nil, err
		}
		caller := account.CallerOf(ctx)
		noteCaller(r, caller)
		g.showLimits(w, r, caller)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	return r.WithContext(ctx), cancel, nil
}

// Caller returns a context with who sends a request, as a route has it that is for any key.
// The error says why nobody does who counts here.
func (g *Gate) Caller(r *http.Request) (context.Context, error) {
	v, err := g.visit(r)
	if err != nil {
		return nil, err
	}
	return v.admit(wire.AnyKey)
}

// look looks at all of a request but its key.
func (g *Gate) look(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v, err := g.visit(r)
	if err != nil {
		return nil, err
	}
	if v.foreign {
		allowOrigin(w.Header(), r)
	}
	return v, nil
}

// visit returns what a request says of where it comes from, if that may ask.
func (g *Gate) visit(r *http.Request) (*visit, error) {
	v := &visit{gate: g, settings: g.settings.Load(), request: r, conn: connectionOf(r)}
	var err error
	if v.forwarded, err = readForwarded(r, v.conn, v.settings.TrustedProxies); err != nil {
		return nil, err
	}
	if err := v.checkHost(); err != nil {
		return nil, err
	}
	if err := v.checkOrigin(); err != nil {
		return nil, err
	}
	return v, nil
}

// Preflight answers the question of a browser whether a page of another origin may ask.
func (g *Gate) Preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	v, err := g.look(w, r)
	if err != nil || !v.foreign {
		return false // the router says why
	}
	allowPreflight(w.Header(), r)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// admit returns a context with who asks, if they may do what a scope is for. The first of
// these that a request has counts: a key, a session, the door.
func (v *visit) admit(scope wire.Scope) (context.Context, error) {
	ctx := v.request.Context()
	c, found, err := v.byKey()
	if err != nil {
		return nil, err
	}
	if !found {
		if c, found, err = v.bySession(); err != nil {
			return nil, err
		}
		if found {
			ctx = account.InSession(ctx, wire.SessionToken(v.request))
		} else if c, err = v.byDoor(); err != nil {
			return nil, err
		}
	}
	ctx = account.With(ctx, c)
	if err := v.checkWord(ctx); err != nil {
		return nil, err
	}
	if scope != wire.AnyKey && !c.May(account.Scope(scope)) {
		return nil, &wire.Error{Kind: wire.Forbidden, Code: "insufficient_scope", Message: "this needs a key with the scope " + string(scope) + ", this one has " + c.Scopes.String()}
	}
	return ctx, nil
}

// From returns where a request comes from, as far as that tells people apart: an address,
// or a network of IPv6, of which one person has many.
func (g *Gate) From(r *http.Request) string {
	c := connectionOf(r)
	from := c.remote.Addr()
	if f, err := readForwarded(r, c, g.settings.Load().TrustedProxies); err == nil && f != nil && f.client.IsValid() {
		from = f.client
	}
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			return p.String()
		}
	}
	return from.String()
}
