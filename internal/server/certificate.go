package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How long a certificate of our own lasts, and how long before its end it is renewed.
const (
	selfLife    = 397 * 24 * time.Hour // browsers refuse longer ones
	renewBefore = 30 * 24 * time.Hour
)

// Certificate is the certificate of a server. It may be read anew while the server runs.
type Certificate struct {
	certFile, keyFile string // of somebody else's making
	self              string // the file of one of our own
	must, may         []string
	now               func() time.Time

	mu      sync.Mutex // one is read or made
	current atomic.Pointer[tls.Certificate]
	tried   atomic.Int64 // when it was renewed last, or could not be; Unix seconds
}

// OpenCertificate reads a certificate and its key from PEM files.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, now: time.Now}
	return c, c.Reload()
}

// SelfCertificate returns a certificate that the server makes itself and keeps in a
// folder, with its key: for the names that it must have and, where it has to be made,
// those that it may have. It is renewed in time, with the same key.
func SelfCertificate(folder string, must, may []string) (*Certificate, error) {
	c := &Certificate{self: filepath.Join(folder, "self.pem"), must: must, may: may, now: time.Now}
	return c, c.Reload()
}

// Want changes the names of a certificate of our own, for the next Reload.
func (c *Certificate) Want(must, may []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.must, c.may = must, may
}

// Config returns how connections are encrypted.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}
}

// get returns the certificate, renewed where its time comes.
func (c *Certificate) get() *tls.Certificate {
	current := c.current.Load()
	if c.self == "" || c.now().Before(current.Leaf.NotAfter.Add(-renewBefore)) {
		return current
	}
	now, last := c.now().Unix(), c.tried.Load()
	if now-last >= 3600 && c.tried.CompareAndSwap(last, now) {
		_ = c.Reload() // the old one still holds for a month, and this is tried again
	}
	return c.current.Load()
}

// Names returns the names and addresses that the certificate is for.
func (c *Certificate) Names() []string {
	leaf := c.current.Load().Leaf
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// Fingerprint returns the SHA-256 of the certificate as other programs show it.
func (c *Certificate) Fingerprint() string {
	sum := sha256.Sum256(c.current.Load().Leaf.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Reload reads the certificate anew. Where that fails, the one before stays.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert, err := c.read()
	if err != nil {
		return err
	}
	c.current.Store(cert)
	return nil
}

func (c *Certificate) read() (*tls.Certificate, error) {
	if c.self != "" {
		return c.readSelf()
	}
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("server: certificate %s: %w", c.certFile, err)
	}
	if c.now().After(cert.Leaf.NotAfter) {
		return nil, fmt.Errorf("server: certificate %s: it ended on %s", c.certFile, cert.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &cert, nil
}

// readSelf reads the certificate of our own, and makes another where there is none that
// will do.
func (c *Certificate) readSelf() (*tls.Certificate, error) {
	text, err := os.ReadFile(c.self)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	var key *ecdsa.PrivateKey
	if err == nil {
		cert, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, fmt.Errorf("server: certificate %s: %w (without the file another is made)", c.self, err)
		}
		if c.suits(cert.Leaf) {
			return &cert, nil
		}
		key, _ = cert.PrivateKey.(*ecdsa.PrivateKey)
	}
	return c.makeSelf(key)
}

// suits says whether a certificate lasts long enough and has the names that it must.
func (c *Certificate) suits(leaf *x509.Certificate) bool {
	if !c.now().Before(leaf.NotAfter.Add(-renewBefore)) || c.now().Before(leaf.NotBefore) {
		return false
	}
	for _, name := range c.must {
		if leaf.VerifyHostname(strings.Replace(name, "*", "any", 1)) != nil {
			return false
		}
	}
	return true
}

// makeSelf makes a certificate and keeps it; a key that was used before is used again.
func (c *Certificate) makeSelf(key *ecdsa.PrivateKey) (*tls.Certificate, error) {
	var err error
	if key == nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, fmt.Errorf("server: certificate: %w", err)
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	form := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "blitz"},
		NotBefore: c.now().Add(-time.Hour), NotAfter: c.now().Add(selfLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range append(c.must[:len(c.must):len(c.must)], c.may...) {
		if a, err := netip.ParseAddr(name); err == nil {
			form.IPAddresses = append(form.IPAddresses, a.AsSlice())
		} else {
			form.DNSNames = append(form.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("server: certificate for %s: %w", strings.Join(c.must, ", "), err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if err := writeSecret(c.self, text); err != nil {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	cert, err := tls.X509KeyPair(text, text)
	return &cert, err
}

// writeSecret writes a file that its owner alone may read, whole or not at all.
func writeSecret(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
