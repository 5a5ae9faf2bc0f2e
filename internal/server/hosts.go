package server

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// splitHost returns the name or address and the port of a Host header, which may lack the
// port: 0 then. Names are returned in lower case, IPv6 addresses without brackets.
func splitHost(text string) (host string, port uint16, ok bool) {
	host = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		n, err := strconv.ParseUint(text[i+1:], 10, 16)
		if err != nil || n == 0 || text[i+1] == '+' {
			return "", 0, false
		}
		host, port = text[:i], uint16(n)
	}
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		if !found || err != nil || !a.Is6() {
			return "", 0, false
		}
		return a.String(), port, true
	}
	return strings.ToLower(host), port, isHostName(host)
}

// isHostName says whether text has only what names and IPv4 addresses have.
func isHostName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return text != "" && len(text) <= 255
}

// isLoopbackHost says whether a Host names this machine to itself.
func isLoopbackHost(text string) bool {
	host, _, ok := splitHost(text)
	if !ok {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// matchHost says whether a name is one of some, of which "*.x" is any one label before x.
func matchHost(names []string, host string) bool {
	_, behind, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			name = a.String()
		}
		parent, wild := strings.CutPrefix(name, "*.")
		return name == host || wild && behind != "" && parent == behind
	})
}

// IsHostPattern says whether text is a name or an address by which a server may be
// called, or "*." before a name.
func IsHostPattern(text string) bool {
	name, wild := strings.CutPrefix(text, "*.")
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Zone() == ""
	}
	return isHostName(name) && (!wild || strings.Contains(name, "."))
}

// checkHost refuses a request that is meant for a name which is not the server's: a page
// that gave its own name the address of this machine would be taken for ours.
func (v *visit) checkHost() error {
	if v.conn.unix {
		return nil // browsers do not come by it
	}
	if !v.knowsHost(v.request.Host) {
		return &wire.Error{Kind: wire.Forbidden, Message: "this server is not called " + wire.Quote(v.request.Host) + "; --hosts NAME lets it be"}
	}
	return nil
}

// knowsHost says whether a Host is one by which the server may be called.
func (v *visit) knowsHost(text string) bool {
	host, _, ok := splitHost(text)
	if !ok {
		return false
	}
	if host == "localhost" || matchHost(v.settings.Hosts, host) {
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		// The address that the client came to cannot have been given to it by a name.
		if a == v.conn.local.Addr() || a == netip.IPv6Loopback() || a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
			return true
		}
	}
	return v.gate.names != nil && matchHost(v.gate.names(), host)
}
