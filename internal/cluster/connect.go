package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Address is where a NATS cluster is, and as who one comes.
type Address struct {
	URLs        string // nats://a,nats://b
	Credentials string // file, as nsc writes it; "": none
	TLS         *tls.Config
	Nkey        nats.Option // nil: none
	Inbox       string      // prefix of the subjects of answers; "": that of NATS
	Name        string      // of the connection

	inProcess nats.InProcessConnProvider // nil: over the network
}

// Connect connects to a NATS cluster, and stays connected, however often it breaks. The error
// wraps ErrNATS.
func Connect(ctx context.Context, a Address) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(a.Name), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Timeout(tryFor), nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.PermissionErrOnSubscribe(true),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			if a.inProcess == nil && checkOpen(nc) != nil {
				nc.Close()
			}
		}),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // calls say what went wrong
	}
	if a.Credentials != "" {
		options = append(options, nats.UserCredentials(a.Credentials))
	}
	if a.TLS != nil {
		options = append(options, nats.Secure(a.TLS))
	} else { // other machines that a server names would perhaps be spoken to in the clear
		options = append(options, nats.IgnoreDiscoveredServers())
	}
	if a.Inbox != "" {
		options = append(options, nats.CustomInboxPrefix(a.Inbox))
	}
	if a.inProcess != nil {
		options = append(options, nats.InProcessServer(a.inProcess))
	}
	if a.Nkey != nil {
		options = append(options, a.Nkey)
	}
	for {
		nc, err := nats.Connect(a.URLs, options...)
		if err == nil {
			if err = checkOpen(nc); a.inProcess == nil && err != nil {
				nc.Close()
				return nil, err
			}
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			return nil, refused("nats", err)
		}
		select {
		case <-time.After(tryAgainIn):
		case <-ctx.Done():
			return nil, refused("nats", err)
		}
	}
}

// checkOpen checks that nothing goes over a network in the clear. A connection that is broken
// just now is looked at when it is back.
func checkOpen(nc *nats.Conn) error {
	_, err := nc.TLSConnectionState()
	at := nc.ConnectedAddr()
	if err == nil || errors.Is(err, nats.ErrDisconnected) || at == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil || !isLoopback(host) {
		return refused("nats", fmt.Errorf("%s is on another machine, and would be spoken to in the clear: its server has to have TLS", at))
	}
	return nil
}

// isLoopback says whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || host == "pipe" || ip != nil && ip.IsLoopback()
}
