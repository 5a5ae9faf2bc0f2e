package server

import (
	"errors"

	"github.com/blitz-r1/blitz/internal/account"
)

// byDoor lets in who needs no key: the user who runs the server, by the user's own socket
// or from this machine. The error says why it is not open. A server that is insecure by
// its settings, and has no keys, lets in everybody else for answers alone.
//
// What comes from this machine need not be of this user: the system is asked whose
// process is at the other end. A proxy is never the user, nor is what was meant for a
// name that others may have given to this machine.
func (v *visit) byDoor() (account.Caller, error) {
	c, err := v.byOwnersDoor()
	if err == nil || !v.settings.Insecure {
		return c, err
	}
	live, failed := v.gate.accounts.AnyLive()
	switch {
	case failed != nil:
		return c, recordsError(failed)
	case live:
		return c, err
	}
	return account.Anyone(), nil
}

func (v *visit) byOwnersDoor() (account.Caller, error) {
	owner := account.Owner()
	switch {
	case v.conn.unix:
		return owner, nil // its mode and that of its folder let nobody else in
	case v.settings.RequireKeys:
		return account.Caller{}, keyError("a key is needed: Authorization: Bearer KEY", nil)
	case !v.conn.isLoopback(), v.forwarded != nil:
		return account.Caller{}, keyError("a key is needed from other machines and behind a proxy: Authorization: Bearer KEY", nil)
	case !isLoopbackHost(v.request.Host):
		return account.Caller{}, keyError("a key is needed where the server is called by another name than localhost: Authorization: Bearer KEY", nil)
	case v.foreign && originIn(v.settings.Origins, "*"):
		return account.Caller{}, keyError("a key is needed from pages of other sites: Authorization: Bearer KEY", nil)
	}
	uid, err := v.conn.peer(v.gate.peers)
	switch {
	case errors.Is(err, errCannotTell):
		live, err := v.gate.accounts.AnyLive()
		if err != nil {
			return account.Caller{}, recordsError(err)
		}
		if live {
			return account.Caller{}, keyError("a key is needed: Authorization: Bearer KEY", nil)
		}
	case err != nil || uid != v.gate.uid:
		return account.Caller{}, keyError("only the user who runs the server needs no key: Authorization: Bearer KEY", err)
	}
	if v.foreign { // the page may ask, not rule
		owner.Scopes = account.Scopes{account.Inference}
	}
	return owner, nil
}
