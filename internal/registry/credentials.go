package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// MaxCredentials is the most bytes of a credential file.
const MaxCredentials = 1 << 20

// Credentials are Docker's credential file, as `docker login` keeps it in
// config.json.
type Credentials struct {
	auths   map[string]Login
	helpers map[string]string // a registry's own helper program
	helper  string            // that of all others
}

// Login is a name and a password for one registry.
type Login struct{ User, Password string }

// ParseCredentials reads a config.json. Entries that hold no name and password
// are passed over. The error is ErrFormat.
func ParseCredentials(text []byte) (*Credentials, error) {
	var raw struct {
		Auths map[string]struct {
			Auth     string `json:"auth"`
			User     string `json:"username"`
			Password string `json:"password"`
		} `json:"auths"`
		CredHelpers map[string]string `json:"credHelpers"`
		CredsStore  string            `json:"credsStore"`
	}
	if len(text) > MaxCredentials {
		return nil, fmt.Errorf("more than %d bytes: %w", MaxCredentials, ErrFormat)
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	c := &Credentials{auths: map[string]Login{}, helpers: map[string]string{}, helper: raw.CredsStore}
	for host, a := range raw.Auths {
		login := Login{a.User, a.Password}
		packed := strings.TrimRight(strings.TrimSpace(a.Auth), "=")
		if decoded, err := base64.RawStdEncoding.DecodeString(packed); packed != "" && err == nil {
			login.User, login.Password, _ = strings.Cut(strings.TrimRight(string(decoded), "\x00"), ":")
		}
		if login.User != "" && login.Password != "" {
			c.auths[registryHost(host)] = login
		}
	}
	for host, program := range raw.CredHelpers {
		c.helpers[registryHost(host)] = program
	}
	return c, nil
}

// For returns the name and password for a registry, HOST or HOST:PORT. Those
// for another host or another port are not.
func (c *Credentials) For(host string) (Login, bool) {
	if c == nil {
		return Login{}, false
	}
	l, ok := c.auths[registryHost(host)]
	return l, ok
}

// Helper returns the name of the program that keeps the password for a
// registry, where the file itself does not; empty if there is none.
func (c *Credentials) Helper(host string) string {
	if c == nil {
		return ""
	}
	if program := c.helpers[registryHost(host)]; program != "" {
		return program
	}
	return c.helper
}

// Docker Hub's names: that of its pages, the one its credentials are kept
// under, and the server.
const dockerHub = "registry-1.docker.io"

// Server returns the host that answers for a registry's name.
func Server(host string) string {
	switch host = strings.ToLower(host); host {
	case "docker.io", "index.docker.io", "hub.docker.com":
		return dockerHub
	}
	return host
}

// KeptAs returns the name by which docker login keeps the password for a registry.
func KeptAs(host string) string {
	if host = Server(host); host == dockerHub {
		return "https://index.docker.io/v1/"
	}
	return host
}

// registryHost returns the server of a key of the credential file, which may
// be an address with a scheme and a path.
func registryHost(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, _, _ := strings.Cut(key, "/")
	return Server(host)
}

// MaySend reports whether the password for a registry may be sent to the host
// of the address that its challenge names: to the registry itself, and from
// Docker Hub to the server of its tokens.
func MaySend(registry, realm string) bool {
	registry, realm = Server(registry), strings.ToLower(realm)
	return registry == realm || registry == dockerHub && realm == "auth.docker.io"
}
