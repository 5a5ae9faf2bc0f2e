package mcp

import (
	"fmt"
	"strings"
)

const (
	between    = "__" // the names of server and tool
	maxName    = 64   // bytes of both together, as the APIs of most models have it
	maxOwnName = 128  // bytes of a tool's own name, by the protocol
)

// checkServerName wants a name that can stand before the name of a tool and be told from
// it.
func checkServerName(name string) error {
	switch {
	case name == "" || len(name) > maxServerName || strings.ContainsFunc(name, isOdd):
		return fmt.Errorf("the name of a server has 1 to %d of the characters A-Z a-z 0-9 _ -", maxServerName)
	case strings.Contains(name, between) || strings.HasSuffix(name, "_"):
		return fmt.Errorf("the name of a server has no %s and does not end in _", between)
	}
	return nil
}

// isOdd says whether a character may not be in a name that a model calls.
func isOdd(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}

// toolName returns the name of a tool as it is called here: its own, but with _ in place of
// the dots and slashes that the protocol allows and models do not.
func toolName(server, own string) (string, error) {
	if own == "" || len(own) > maxOwnName {
		return "", fmt.Errorf("its name has %d bytes, want 1 to %d", len(own), maxOwnName)
	}
	name := strings.NewReplacer(".", "_", "/", "_").Replace(own)
	if strings.ContainsFunc(name, isOdd) {
		return "", fmt.Errorf("its name has other characters than A-Z a-z 0-9 _ - . /")
	}
	if n := len(server) + len(between) + len(name); n > maxName {
		return "", fmt.Errorf("with the server's, its name has %d bytes, want at most %d", n, maxName)
	}
	return name, nil
}

// Split takes the name by which a model calls a tool apart.
func Split(call string) (server, tool string, ok bool) {
	server, tool, ok = strings.Cut(call, between)
	return server, tool, ok && server != "" && tool != ""
}
