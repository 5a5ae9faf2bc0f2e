package oms

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
)

const (
	mediaType     = "application/vnd.dev.sigstore.bundle.v0.3+json"
	predicateType = "https://model_signing/signature/v1.0"
)

// MaxBundle is how large a signature may be, in bytes.
const MaxBundle = 64 << 20

// Bounds of certificates, which a bundle chooses: how many, of how many bytes, and of how
// many bits an RSA key that signed others. A longer one takes seconds to check with.
const (
	maxCertificates = 16
	maxCertificate  = 64 << 10
	maxRSA          = 8192
)

// Bundle is a signature of a model as its file has it; nothing of it is believed yet.
type Bundle struct {
	hint         string              // of the key that signed; "" where the bundle has the key itself, or certificates
	certificates []*x509.Certificate // leaf first; nil: signed with a key
	envelope     *signed.Envelope
}

// Parse reads a bundle. The error is a Refusal: Form, Type or Certificate.
func Parse(text []byte) (*Bundle, error) {
	v, err := signed.Parse(text, MaxBundle)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "bundle")
	b := &Bundle{}
	if !f.Has("dsseEnvelope") && f.Has("messageSignature") {
		return nil, signed.Refuse(signed.Form, "a signature of a file, want one of a model (dsseEnvelope)")
	}
	b.envelope = signed.ReadEnvelope(f.Object("dsseEnvelope"), true)
	material := f.Object("verificationMaterial")
	f.TypeIs("mediaType", mediaType)
	var encoded [][]byte
	switch {
	case f.Err() != nil:
	case material.Has("certificate"):
		return nil, signed.Refuse(signed.Form, "a keyless signature of Sigstore: cosign verify-blob-attestation checks it")
	case material.Has("publicKey") == material.Has("x509CertificateChain"):
		material.Refuse(signed.Form, "publicKey", "want this or x509CertificateChain")
	case material.Has("publicKey"):
		key := material.Object("publicKey")
		if !key.Has("hint") && key.Has("rawBytes") {
			key.Base64("rawBytes") // only the key that is given counts
		} else {
			b.hint = key.Text("hint", 1, 4096)
		}
	default:
		for _, c := range material.Object("x509CertificateChain").Objects("certificates", maxCertificates) {
			encoded = append(encoded, c.Base64("rawBytes"))
		}
		if f.Err() == nil && len(encoded) == 0 {
			material.Refuse(signed.Form, "x509CertificateChain", "no certificates")
		}
	}
	if f.Err() != nil {
		return nil, f.Err()
	}
	if n := len(b.envelope.Signatures); n != 1 {
		return nil, signed.Refuse(signed.Form, "bundle.dsseEnvelope: %d signatures, want one", n)
	}
	if b.envelope.Type != signed.InToto {
		return nil, signed.Refuse(signed.Type, "bundle.dsseEnvelope.payloadType: %.80q, want %s", b.envelope.Type, signed.InToto)
	}
	for i, der := range encoded {
		c, err := parseCertificate(der)
		if err != nil {
			return nil, signed.Refuse(signed.Certificate, "certificate %d: %v", i, err)
		}
		b.certificates = append(b.certificates, c)
	}
	return b, nil
}

// parseCertificate reads a certificate, its bounds checked first.
func parseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > maxCertificate {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(der), maxCertificate)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
		return nil, fmt.Errorf("an RSA key of %d bits, want at most %d", key.N.BitLen(), maxRSA)
	}
	return c, nil
}

// Trust is what a signature is checked with: a key, or authorities.
type Trust struct {
	Key         *signed.PublicKey
	Authorities []*x509.Certificate
	At          time.Time // when certificates have to be valid; zero: now
}

// ParseCertificates reads certificates in PEM, one or more.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for len(text) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, signed.Refuse(signed.Form, "%.40q, want CERTIFICATE", block.Type)
		}
		c, err := parseCertificate(block.Bytes)
		if err != nil {
			return nil, signed.Refuse(signed.Certificate, "%v", err)
		}
		if all = append(all, c); len(all) > maxCertificates {
			return nil, signed.Refuse(signed.Form, "more than %d certificates", maxCertificates)
		}
	}
	if len(all) == 0 {
		return nil, signed.Refuse(signed.Form, "no certificate in PEM")
	}
	return all, nil
}

// Open checks who signed, and returns what: the statement, read strictly, its root
// computed again. By says who vouches: the key's id, or the leaf's subject.
func (b *Bundle) Open(t Trust) (s *Statement, by string, err error) {
	key, err := b.signer(t)
	if err != nil {
		return nil, "", err
	}
	if key.Kind() == signed.Ed25519 {
		return nil, "", signed.Refuse(signed.Algorithm, "an Ed25519 key, want ECDSA on P-256, P-384 or P-521")
	}
	if !key.Verify(b.envelope.PAE(), b.envelope.Signatures[0].Bytes) {
		return nil, "", signed.Refuse(signed.Signature, "bundle.dsseEnvelope: the signature does not fit the key %s", key.ID())
	}
	if s, err = readStatement(b.envelope.Payload); err != nil {
		return nil, "", err
	}
	if by = key.ID(); b.certificates != nil {
		by = b.certificates[0].Subject.String()
	}
	return s, by, nil
}

// signer returns the key that has to have signed.
func (b *Bundle) signer(t Trust) (*signed.PublicKey, error) {
	switch {
	case b.certificates != nil && t.Key != nil:
		return nil, signed.Refuse(signed.Key, "signed with a certificate, and a key was given to check with")
	case b.certificates != nil:
		return b.certified(t)
	case t.Key == nil:
		return nil, signed.Refuse(signed.Certificate, "signed with a key, and authorities were given to check with")
	case b.hint != "" && b.hint != t.Key.Hint():
		return nil, signed.Refuse(signed.Key, "signed with the key of hint %.80q, given is that of %s", b.hint, t.Key.Hint())
	}
	return t.Key, nil
}

// certified returns the leaf's key where a path leads from it to an authority.
func (b *Bundle) certified(t Trust) (*signed.PublicKey, error) {
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range t.Authorities {
		roots.AddCert(c)
	}
	leaf := b.certificates[0]
	for _, c := range b.certificates[1:] {
		others.AddCert(c)
	}
	at := t.At
	if at.IsZero() {
		at = time.Now()
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: others, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := leaf.Verify(o); err != nil {
		return nil, signed.Refuse(signed.Certificate, "%s: %v", leaf.Subject, err)
	}
	if !maySign(leaf) {
		return nil, signed.Refuse(signed.Certificate, "%s: made neither for signatures nor for signing code", leaf.Subject)
	}
	return signed.NewPublicKey(leaf.PublicKey)
}

func maySign(c *x509.Certificate) bool {
	if c.KeyUsage&x509.KeyUsageDigitalSignature != 0 {
		return true
	}
	for _, u := range c.ExtKeyUsage {
		if u == x509.ExtKeyUsageCodeSigning {
			return true
		}
	}
	return false
}

// Signer is what a model is signed with: a key, and certificates of it, leaf first, or
// none.
type Signer struct {
	Key          *signed.PrivateKey
	Certificates []*x509.Certificate
}

// Check says what is wrong with a signer. The error is a Refusal.
func (s *Signer) Check() error {
	if s.Key.Public().Kind() == signed.Ed25519 {
		return signed.Refuse(signed.Algorithm, "an Ed25519 key, want ECDSA on P-256, P-384 or P-521 for models")
	}
	if len(s.Certificates) > maxCertificates {
		return signed.Refuse(signed.Form, "%d certificates, want at most %d", len(s.Certificates), maxCertificates)
	}
	if len(s.Certificates) > 0 {
		key, err := signed.NewPublicKey(s.Certificates[0].PublicKey)
		if err != nil || !key.Equal(s.Key.Public()) {
			return signed.Refuse(signed.Certificate, "%s is the certificate of another key", s.Certificates[0].Subject)
		}
	}
	return nil
}

// Sign returns the text of the bundle that signs a statement.
func (s *Signer) Sign(st *Statement) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	e, err := signed.Seal(st.payload(), s.Key)
	if err != nil {
		return nil, err
	}
	e.Signatures[0].KeyID = ""
	var material signed.Object
	if len(s.Certificates) > 0 {
		list := signed.List{}
		for _, c := range s.Certificates {
			list = append(list, signed.Object{{Name: "rawBytes", Value: base64.StdEncoding.EncodeToString(c.Raw)}})
		}
		material = signed.Object{{Name: "x509CertificateChain", Value: signed.Object{{Name: "certificates", Value: list}}}}
	} else {
		material = signed.Object{{Name: "publicKey", Value: signed.Object{{Name: "hint", Value: s.Key.Public().Hint()}}}}
	}
	material = append(material, signed.Member{Name: "tlogEntries", Value: signed.List{}})
	return signed.Canonical(signed.Object{
		{Name: "mediaType", Value: mediaType},
		{Name: "verificationMaterial", Value: material},
		{Name: "dsseEnvelope", Value: e.Object()},
	}), nil
}
