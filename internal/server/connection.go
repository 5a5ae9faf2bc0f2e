package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// connection is what is known of a client's connection.
type connection struct {
	unix          bool
	local, remote netip.AddrPort // not those of a Unix socket

	once sync.Once
	uid  uint32
	err  error
}

type connectionKey struct{}

// ConnContext notes a new connection for the requests that come by it.
func (g *Gate) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, newConnection(c))
}

func newConnection(c net.Conn) *connection {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	n := &connection{}
	switch local := c.LocalAddr().(type) {
	case *net.UnixAddr:
		n.unix = true
	case *net.TCPAddr:
		n.local = unmap(local.AddrPort())
	}
	if remote, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		n.remote = unmap(remote.AddrPort())
	}
	return n
}

// connectionOf returns the connection of a request. Where nobody noted it, as under a
// program's own http.Server, what that says of it counts, and the system is asked for
// each request.
func connectionOf(r *http.Request) *connection {
	ctx := r.Context()
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		return c
	}
	c := &connection{}
	if local, ok := ctx.Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		c.local = unmap(local.AddrPort())
	}
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.remote = unmap(remote)
	}
	return c
}

// unmap returns an IPv4 address as such, also where IPv6 carries it.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// isLoopback says whether both ends are on this machine, by addresses that no other has.
func (c *connection) isLoopback() bool {
	return c.local.Addr().IsLoopback() && c.remote.Addr().IsLoopback()
}

// peers tells which user's process is at the other end of a connection within this
// machine.
type peers interface {
	// uid returns the user; local is our end. The error is errCannotTell where the system
	// has no way to say.
	uid(local, remote netip.AddrPort) (uint32, error)
}

// errCannotTell says that this system does not tell whose connections are whose.
var errCannotTell = errors.New("server: the system does not tell whose connection it is")

// errNoPeer says that there is no such connection any more, or nobody's.
var errNoPeer = errors.New("server: nobody is at the other end of the connection")

// peer returns the user at the other end; the system is asked once.
func (c *connection) peer(p peers) (uint32, error) {
	c.once.Do(func() { c.uid, c.err = p.uid(c.local, c.remote) })
	return c.uid, c.err
}

// noPeers is a system that does not tell.
type noPeers struct{}

func (noPeers) uid(netip.AddrPort, netip.AddrPort) (uint32, error) { return 0, errCannotTell }
