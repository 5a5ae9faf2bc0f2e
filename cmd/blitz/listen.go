package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/blitz-r1/blitz/internal/fault"
)

// defaultAddr is where clients of Ollama look.
const defaultAddr = "127.0.0.1:11434"

// ollamaAddr returns the address that OLLAMA_HOST names, which may lack its port, have a
// scheme in front, or be a port alone.
func ollamaAddr(text string) string {
	text = strings.TrimSpace(text)
	for _, scheme := range []string{"http://", "https://"} {
		text = strings.TrimPrefix(text, scheme)
	}
	text = strings.TrimRight(text, "/")
	_, port, _ := net.SplitHostPort(defaultAddr)
	switch ip, err := netip.ParseAddr(strings.Trim(text, "[]")); {
	case err == nil:
		return net.JoinHostPort(ip.String(), port)
	case text == "":
		return defaultAddr
	case strings.HasPrefix(text, ":"):
		return "127.0.0.1" + text
	}
	if _, _, err := net.SplitHostPort(text); err == nil {
		return text
	}
	return net.JoinHostPort(text, port)
}

// parseAddr checks an address to listen on. loopback says that nobody but this machine
// reaches it.
func parseAddr(text string) (loopback bool, err error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return false, fault.Misuse(fmt.Errorf("--addr %q, want HOST:PORT", text))
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return false, fault.Misuse(fmt.Errorf("--addr %q: port %q, want 0 to 65535", text, port))
	}
	if host == "localhost" {
		return true, nil
	}
	if host == "" {
		return false, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false, fault.Misuse(fmt.Errorf("--addr %q: host %q, want an IP address or localhost", text, host))
	}
	return ip.IsLoopback(), nil
}

// listen opens the port. A port that is taken is an error that says by what.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "Only one usage of each socket address"):
		by := ""
		if who := holder(addr); who != "" {
			by = " by " + who
		}
		return nil, fault.WithHint(fmt.Errorf("%s is in use already%s", addr, by), "--addr HOST:PORT takes another port; blitz ps asks a server that runs")
	case errors.Is(err, os.ErrPermission):
		return nil, fault.WithHint(fmt.Errorf("%s: no permission to listen there", addr), "ports below 1024 are the system's; --addr HOST:PORT takes another one")
	}
	return nil, fmt.Errorf("--addr %s: %w", addr, err)
}

// reached returns the address by which programs of this machine reach one that is listened
// on: that of every interface is none.
func reached(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok || !t.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("localhost", strconv.Itoa(t.Port))
}

// everywhere says of a listener that it is reached by every address of this machine.
func everywhere(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		return ", and by every address of this machine"
	}
	return ""
}
