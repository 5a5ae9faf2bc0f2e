package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Config is the file of a node (docs/CLUSTER.md). Files that it names are found from its
// folder.
type Config struct {
	Pool   string   `toml:"pool"`
	Key    string   `toml:"key"`   // signs receipts
	Peers  string   `toml:"peers"` // file of the peers
	Models []string `toml:"models"`
	Slots  int      `toml:"slots"`
	Wait   float64  `toml:"ack-wait"` // seconds
	Page   string   `toml:"page"`     // address of the page; "": none
	Blobs  string   `toml:"blobs"`    // address at which weights are served to peers; "": none
	// ModelMB bounds what a model may take that is fetched from peers; 0: MaxModel.
	ModelMB int64 `toml:"model-mb"`

	Cluster struct {
		Name      string   `toml:"name"`
		Server    string   `toml:"server"`    // this one's name; "": the peer's
		Listen    string   `toml:"listen"`    // for routes of the others
		Clients   string   `toml:"clients"`   // for clients; "": none
		Routes    []string `toml:"routes"`    // Listen of the others
		Advertise string   `toml:"advertise"` // where the others reach Listen; "": there
		Store     string   `toml:"store"`     // folder
		MaxMB     int64    `toml:"store-mb"`
		NKey      string   `toml:"nkey"` // file of the private key with which it comes to NATS
	} `toml:"cluster"`
	TLS struct {
		Certificate string `toml:"certificate"`
		Key         string `toml:"key"`
	} `toml:"tls"`

	path  string
	peers *Peers
}

// ReadConfig reads the file of a node, and the peers that it names. The error wraps
// ErrConfig, or is a Refusal or that of the file system.
func ReadConfig(path string) (*Config, error) {
	c := &Config{path: path, Slots: 4, Wait: 30}
	if err := readTOML(path, c); err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", path, fmt.Sprintf(format, args...), ErrConfig)
	}
	if err := CheckPool(c.Pool); err != nil {
		return nil, wrong("%v", err)
	}
	for _, f := range []struct{ name, v string }{
		{"key", c.Key}, {"peers", c.Peers}, {"cluster.name", c.Cluster.Name}, {"cluster.listen", c.Cluster.Listen}, {"cluster.store", c.Cluster.Store}, {"cluster.nkey", c.Cluster.NKey},
	} {
		if f.v == "" {
			return nil, wrong("%s is missing", f.name)
		}
	}
	switch {
	case c.Slots < 1 || c.Slots > maxSlots:
		return nil, wrong("slots: %d, want 1 to %d", c.Slots, maxSlots)
	case !(c.Wait >= 1 && c.Wait <= 3600):
		return nil, wrong("ack-wait: %v seconds, want 1 to 3600", c.Wait)
	case c.Cluster.MaxMB < 0 || c.Cluster.MaxMB > 1<<40:
		return nil, wrong("cluster.store-mb: %d, want 1 or more", c.Cluster.MaxMB)
	case c.ModelMB < 0 || c.ModelMB > 1<<40:
		return nil, wrong("model-mb: %d, want 1 or more", c.ModelMB)
	case (c.TLS.Certificate == "") != (c.TLS.Key == ""):
		return nil, wrong("tls: want both certificate and key, or none")
	}
	for _, a := range append([]string{c.Cluster.Listen, c.Cluster.Clients, c.Page, c.Blobs}, c.Cluster.Routes...) {
		if a == "" {
			continue
		}
		host, _, err := splitAddress(a)
		switch {
		case err != nil:
			return nil, wrong("%v", err)
		case c.TLS.Certificate == "" && !isLoopback(host):
			return nil, wrong("%s is open to other machines: that needs [tls], and the certificates of all peers", a)
		case a == c.Page && !isLoopback(host):
			return nil, wrong("page: %s: nobody is asked who he is there, want 127.0.0.1:PORT", a)
		}
	}
	var err error
	c.peers, err = ReadPeers(c.Beside(c.Peers))
	return c, err
}

// maxSlots bounds how many jobs a node computes at once.
const maxSlots = 1024

// Beside returns the path of a file that the configuration names.
func (c *Config) Beside(name string) string { return beside(c.path, name) }

// Everyone returns the peers.
func (c *Config) Everyone() *Peers { return c.peers }

// AckWait returns how long nobody needs to hold a message until it is delivered again.
func (c *Config) AckWait() time.Duration { return time.Duration(c.Wait * float64(time.Second)) }

func splitAddress(a string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(a)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 || host == "" {
		return "", 0, fmt.Errorf("address %.80q, want HOST:PORT", a)
	}
	return host, port, nil
}

// tls returns how this node and its peers know each other: by their certificates. nil: they
// do not, on this machine alone.
func (c *Config) tls() (*tls.Config, error) {
	if c.TLS.Certificate == "" {
		return nil, nil
	}
	own, err := tls.LoadX509KeyPair(c.Beside(c.TLS.Certificate), c.Beside(c.TLS.Key))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", c.path, err, ErrConfig)
	}
	pool := c.peers.pool()
	if pool == nil {
		return nil, fmt.Errorf("%s: no peer has a certificate: %w", c.Peers, ErrConfig)
	}
	return tlsOf(own, pool), nil
}

func tlsOf(own tls.Certificate, pool *x509.CertPool) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

// nkey reads the key with which the node comes to NATS.
func (c *Config) nkey() (public string, sign nats.SignatureHandler, err error) {
	path := c.Beside(c.Cluster.NKey)
	text, err := readBounded(path)
	if err != nil {
		return "", nil, err
	}
	k, err := signed.ParsePrivateKey(text)
	if err != nil {
		return "", nil, signed.In(path, err)
	}
	raw, err := k.Ed25519()
	if err != nil {
		return "", nil, signed.In(path, err)
	}
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, raw.Seed())
	if err != nil {
		return "", nil, err
	}
	public, err = pair.PublicKey()
	return public, pair.Sign, err
}
