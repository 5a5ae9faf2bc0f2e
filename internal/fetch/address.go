package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Class says how near an address is. A higher class is nearer to this machine.
type Class uint8

// The classes.
const (
	Public    Class = iota
	Private         // of a local network, of a carrier's, or no address of a host at all
	Loopback        // this machine
	LinkLocal       // of one cable, where clouds keep their metadata
)

func (c Class) String() string {
	return [...]string{"public", "private", "loopback", "link-local"}[c]
}

// reserved are the ranges beside those that netip.Addr knows: no host of the
// open network has an address of them. RFC 6890 and its registries.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fec0::/10"),
}

// embedding are the ranges of IPv6 that stand for an IPv4 address, and the byte
// at which it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
}

// ClassOf returns the class of an IP address, of one that stands for another
// that of the other.
func ClassOf(ip netip.Addr) Class {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return Loopback
	case ip.IsLinkLocalUnicast():
		return LinkLocal
	case ip.IsUnspecified(), ip.IsPrivate(), ip.IsMulticast():
		return Private
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return Private
		}
	}
	for _, e := range embedding {
		if e.prefix.Contains(ip) {
			b := ip.As16()
			return ClassOf(netip.AddrFrom4([4]byte(b[e.at:])))
		}
	}
	return Public
}

// literal reads a host that is an IP address, in each spelling that some system
// takes for one: "2852039166" and "0xa9fea9fe" are 169.254.169.254. A host that
// ends in a number and is no address is an error.
func literal(host string) (ip netip.Addr, isIP bool, err error) {
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, true, nil
	}
	if strings.Contains(host, ":") {
		return netip.Addr{}, false, fmt.Errorf("host %q is no address", clip(host))
	}
	parts := strings.Split(host, ".")
	if !isNumber(parts[len(parts)-1]) {
		return netip.Addr{}, false, nil
	}
	if len(parts) > 4 {
		return netip.Addr{}, false, fmt.Errorf("host %q is no address", clip(host))
	}
	// As inet_aton reads it: the last number fills the bytes that are left.
	var value uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(strings.ToLower(part), 0, 32)
		room := uint64(1) << 8
		if i == len(parts)-1 {
			room = 1 << (8 * (5 - len(parts)))
		}
		if err != nil || n >= room || strings.Contains(part, "_") {
			return netip.Addr{}, false, fmt.Errorf("host %q is no address", clip(host))
		}
		value = value*room + n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true, nil
}

// isNumber reports whether a label is digits, or 0x and hexadecimal ones.
func isNumber(label string) bool {
	label = strings.ToLower(label)
	if digits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}

// IsLoopback reports whether a host, with or without a port, is written as this
// machine: an address of 127.0.0.0/8, ::1, or localhost.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	class, known, err := hostClass(host)
	return err == nil && known && class == Loopback
}

// hostClass returns the class of a host as far as its spelling tells it.
func hostClass(host string) (class Class, known bool, err error) {
	low := strings.TrimSuffix(strings.ToLower(host), ".")
	if low == "localhost" || strings.HasSuffix(low, ".localhost") {
		return Loopback, true, nil
	}
	ip, isIP, err := literal(host)
	if err != nil || !isIP {
		return Public, false, err
	}
	return ClassOf(ip), true, nil
}

// checkURL reports why an address is none to ask: another scheme than https,
// or than http to this machine; no host; a host that is not written in ASCII
// and may read as another one; a password in it.
func checkURL(u *url.URL) error {
	host := u.Hostname()
	if u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("its scheme is %q, want https", clip(u.Scheme))
	}
	if host == "" || u.Opaque != "" {
		return fmt.Errorf("it names no host")
	}
	if u.User != nil {
		return fmt.Errorf("a user or password stands in it")
	}
	for i := range len(host) {
		if host[i] <= ' ' || host[i] >= 0x7f || host[i] == '%' {
			return fmt.Errorf("its host %q is not plain ASCII", clip(host))
		}
	}
	class, known, err := hostClass(host)
	if err != nil {
		return err
	}
	if known && class == LinkLocal {
		return fmt.Errorf("its host is a %s address", class)
	}
	if u.Scheme == "http" && !(known && class == Loopback) {
		return fmt.Errorf("plain http reaches only this machine: want https")
	}
	return nil
}

// Origin is scheme, host and port, in the form in which origins are compared.
func Origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// SameOrigin reports whether two addresses have scheme, host and port in common.
func SameOrigin(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && Origin(x) == Origin(y)
}

// Shown returns an address as errors may have it: without its query, which may
// be a signature, and without a password.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return printable(strings.SplitN(address, "?", 2)[0])
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return printable(u.String())
}
