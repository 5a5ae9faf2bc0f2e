package account

import "context"

// Caller is who a request is by. The zero Caller is nobody, and may do nothing.
type Caller struct {
	ID     string // of the key; "" for the owner
	Name   string // of the key
	Scopes Scopes
	Limits Limits
	owner  bool
}

// What callers without a key are called where keys have names.
const (
	ownerName  = "owner"
	anyoneName = "anyone"
)

// Owner returns the caller that needs no key: the user who runs the server.
func Owner() Caller { return Caller{Name: ownerName, Scopes: AllScopes, owner: true} }

// Anyone returns the caller of a server that lets in everybody: for answers alone.
func Anyone() Caller {
	return Caller{ID: anyoneName, Name: anyoneName, Scopes: Scopes{Inference}}
}

// IsOwner says whether it is the owner.
func (c Caller) IsOwner() bool { return c.owner }

// May says whether the caller has a scope.
func (c Caller) May(s Scope) bool { return c.Scopes.Has(s) }

// Tenant names the caller where time is shared fairly and where caches are kept apart;
// "" of nobody.
func (c Caller) Tenant() string {
	if c.owner {
		return ownerName
	}
	return c.ID
}

// String returns how the audit calls the caller.
func (c Caller) String() string {
	switch {
	case c.owner:
		return ownerName
	case c.ID == "":
		return "nobody"
	}
	return "key " + c.Name + " (" + c.ID + ")"
}

type callerKey struct{}

// With returns a context that has the caller.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller of a context, nobody where there is none.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

type sessionKey struct{}

// InSession returns a context that has the session by which its caller is known: the text
// of the browser's cookie.
func InSession(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, sessionKey{}, token)
}

// SessionOf returns the session of a context, "" where its caller is known otherwise.
func SessionOf(ctx context.Context) string {
	token, _ := ctx.Value(sessionKey{}).(string)
	return token
}
