package server

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// forwarded is what a proxy says of a request that it passes on.
type forwarded struct {
	client netip.Addr // who asked the first proxy that is trusted; invalid: not known
	host   string     // by what name; "": as the request says
}

// proxyHeaders are the headers that proxies add, besides those that begin with
// X-Forwarded-.
var proxyHeaders = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "Fastly-Client-Ip"}

// passedOn says whether a request says that it came by a proxy.
func passedOn(h http.Header) bool {
	for _, name := range proxyHeaders {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// readForwarded returns what proxies say, nil where none does. What it says is empty where
// it is not the word of a proxy that is trusted: that there is a proxy counts in any
// case.
func readForwarded(r *http.Request, c *connection, trusted []netip.Prefix) (*forwarded, error) {
	proxy := isTrusted(trusted, c.remote.Addr())
	if !proxy && !passedOn(r.Header) {
		return nil, nil
	}
	f := &forwarded{}
	if !proxy {
		return f, nil
	}
	f.client = clientOf(r.Header, trusted)
	hosts := r.Header.Values("X-Forwarded-Host")
	if len(hosts) == 0 {
		return f, nil
	}
	host := strings.TrimSpace(hosts[len(hosts)-1])
	if i := strings.LastIndexByte(host, ','); i >= 0 { // the last is that of the nearest proxy
		host = strings.TrimSpace(host[i+1:])
	}
	if _, _, ok := splitHost(host); !ok {
		return nil, &wire.Error{Kind: wire.Forbidden, Message: "X-Forwarded-Host is no host"}
	}
	f.host = host
	return f, nil
}

func isTrusted(trusted []netip.Prefix, a netip.Addr) bool {
	for _, p := range trusted {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

// clientOf returns the last address in X-Forwarded-For that is no proxy which is trusted:
// what stands before it, anybody may have written.
func clientOf(h http.Header, trusted []netip.Prefix) netip.Addr {
	list := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		text := strings.TrimSpace(list[i])
		a, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			p, err := netip.ParseAddrPort(text)
			if err != nil {
				return netip.Addr{}
			}
			a = p.Addr()
		}
		if a = a.Unmap(); !isTrusted(trusted, a) {
			return a
		}
	}
	return netip.Addr{}
}
