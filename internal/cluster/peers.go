package cluster

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/nats-io/nkeys"

	"github.com/blitz-r1/blitz/internal/signed"
)

// ErrConfig is wrapped by errors of files of settings.
var ErrConfig = errors.New("these are no settings of a cluster")

// Role is what a peer may do.
type Role string

// The roles.
const (
	Submit  Role = "submit"
	Work    Role = "work"
	Audit   Role = "audit"
	Witness Role = "witness"
)

// Peer is somebody who takes part.
type Peer struct {
	Name        string
	Key         *signed.PublicKey // of its receipts
	Roles       []Role
	NKey        string            // with which it comes to NATS: U and 55 characters; "": it does not
	Certificate *x509.Certificate // of its servers; nil: none
	Blobs       string            // https:// where it serves weights; "": nowhere
}

// May says whether a peer has a role.
func (p *Peer) May(r Role) bool { return slices.Contains(p.Roles, r) }

// Peers are all who take part: nobody else is believed.
type Peers struct {
	All   []*Peer
	byKey map[string]*Peer
}

// ByKey returns the peer with a key; nil: there is none.
func (p *Peers) ByKey(id string) *Peer { return p.byKey[id] }

// With returns the roots of certificates of all peers; nil where they have none.
func (p *Peers) pool() *x509.CertPool {
	var pool *x509.CertPool
	for _, x := range p.All {
		if x.Certificate != nil {
			if pool == nil {
				pool = x509.NewCertPool()
			}
			pool.AddCert(x.Certificate)
		}
	}
	return pool
}

// NewPeers returns peers of whom no two have a key or a name. The error wraps ErrConfig.
func NewPeers(all ...*Peer) (*Peers, error) {
	p := &Peers{All: all, byKey: map[string]*Peer{}}
	names := map[string]bool{}
	for _, x := range all {
		id := x.Key.ID()
		if p.byKey[id] != nil || names[x.Name] {
			return nil, fmt.Errorf("the peer %q is there twice, by name or key: %w", x.Name, ErrConfig)
		}
		p.byKey[id], names[x.Name] = x, true
	}
	return p, nil
}

// limits of files of settings.
const (
	maxPeers  = 1000
	maxConfig = 1 << 20
)

// ReadPeers reads the file of the peers; files that it names are found from its folder. The
// error wraps ErrConfig, or is a Refusal or that of the file system.
func ReadPeers(path string) (*Peers, error) {
	var file struct {
		Peer []struct {
			Name        string   `toml:"name"`
			Key         string   `toml:"key"`
			Roles       []string `toml:"roles"`
			NKey        string   `toml:"nkey"`
			Certificate string   `toml:"certificate"`
			Blobs       string   `toml:"blobs"`
		} `toml:"peer"`
	}
	if err := readTOML(path, &file); err != nil {
		return nil, err
	}
	if len(file.Peer) == 0 || len(file.Peer) > maxPeers {
		return nil, fmt.Errorf("%s: %d peers, want [[peer]] 1 to %d times: %w", path, len(file.Peer), maxPeers, ErrConfig)
	}
	var all []*Peer
	for i, x := range file.Peer {
		p := &Peer{Name: x.Name, Blobs: x.Blobs}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s: peer %d (%.40q): %s: %w", path, i+1, x.Name, fmt.Sprintf(format, args...), ErrConfig)
		}
		if x.Name == "" || len(x.Name) > 255 {
			return nil, wrong("name is missing, or longer than 255 bytes")
		}
		for _, r := range x.Roles {
			if !slices.Contains([]Role{Submit, Work, Audit, Witness}, Role(r)) {
				return nil, wrong("role %.40q, want submit, work, audit or witness", r)
			}
			p.Roles = append(p.Roles, Role(r))
		}
		if x.Key == "" {
			return nil, wrong("key is missing: the file of its public key")
		}
		text, err := readBounded(beside(path, x.Key))
		if err != nil {
			return nil, err
		}
		if p.Key, err = signed.ParsePublicKey(text); err != nil {
			return nil, signed.In(x.Key, err)
		}
		if _, err := p.Key.Ed25519(); err != nil {
			return nil, signed.In(x.Key, err)
		}
		if p.NKey, err = readNKey(path, x.NKey); err != nil {
			return nil, err
		}
		if p.Certificate, err = readCertificate(path, x.Certificate); err != nil {
			return nil, err
		}
		if u, err := url.Parse(x.Blobs); x.Blobs != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return nil, wrong("blobs %.80q, want https://HOST:PORT", x.Blobs)
		}
		all = append(all, p)
	}
	p, err := NewPeers(all...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readNKey reads a public key of NATS: U…, or the file of a public key.
func readNKey(path, text string) (string, error) {
	if text == "" || nkeys.IsValidPublicUserKey(text) {
		return text, nil
	}
	pem, err := readBounded(beside(path, text))
	if err != nil {
		return "", err
	}
	k, err := signed.ParsePublicKey(pem)
	if err != nil {
		return "", signed.In(text, err)
	}
	raw, err := k.Ed25519()
	if err != nil {
		return "", signed.In(text, err)
	}
	name, err := nkeys.Encode(nkeys.PrefixByteUser, raw)
	return string(name), err
}

func readCertificate(path, name string) (*x509.Certificate, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readBounded(beside(path, name))
	if err != nil {
		return nil, err
	}
	b, rest := pem.Decode(text)
	if b == nil || b.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s: want one certificate in PEM: %w", name, ErrConfig)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, err, ErrConfig)
	}
	return c, nil
}

// beside returns the path of a file that another one names.
func beside(path, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s: more than %d bytes: %w", path, maxConfig, ErrConfig)
	}
	return text, err
}

// readTOML reads a file of settings, strictly.
func readTOML(path string, into any) error {
	text, err := readBounded(path)
	if err != nil {
		return err
	}
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(into)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", path, err, ErrConfig)
	}
	if more := meta.Undecoded(); len(more) > 0 {
		names := make([]string, len(more))
		for i, k := range more {
			names[i] = k.String()
		}
		return fmt.Errorf("%s: unknown: %.200s: %w", path, strings.Join(names, ", "), ErrConfig)
	}
	return nil
}
