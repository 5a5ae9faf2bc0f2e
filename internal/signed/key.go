package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
)

// PublicKey is a key that signatures are checked with: ECDSA on P-256, P-384 or P-521
// with SHA-256, 384 or 512, or Ed25519.
type PublicKey struct {
	key crypto.PublicKey
	der []byte // SubjectPublicKeyInfo
}

// PrivateKey is a key that is signed with.
type PrivateKey struct {
	key    crypto.Signer
	public *PublicKey
}

// maxKey bounds the text of a key.
const maxKey = 64 << 10

// Kind is a kind of key.
type Kind string

// The kinds.
const (
	Ed25519 Kind = "ed25519"
	P256    Kind = "p256"
	P384    Kind = "p384"
	P521    Kind = "p521"
)

var curves = map[Kind]elliptic.Curve{P256: elliptic.P256(), P384: elliptic.P384(), P521: elliptic.P521()}

// Generate makes a key. The error wraps that of an unknown kind.
func Generate(kind Kind) (*PrivateKey, error) {
	if kind == Ed25519 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return newPrivate(key)
	}
	curve := curves[kind]
	if curve == nil {
		return nil, Refuse(Algorithm, "a key of kind %q, want ed25519, p256, p384 or p521", kind)
	}
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return nil, err
	}
	return newPrivate(key)
}

func newPrivate(key crypto.Signer) (*PrivateKey, error) {
	public, err := NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{key, public}, nil
}

// NewPublicKey takes a key of the two kinds. The error is a Refusal with Algorithm.
func NewPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if _, ok := curveOf(k); !ok {
			return nil, Refuse(Algorithm, "an ECDSA key on another curve, want P-256, P-384 or P-521")
		}
	default:
		return nil, Refuse(Algorithm, "a key of type %T, want ECDSA or Ed25519", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, Refuse(Algorithm, "a key: %v", err)
	}
	return &PublicKey{key, der}, nil
}

func curveOf(k *ecdsa.PublicKey) (Kind, bool) {
	for kind, c := range curves {
		if k.Curve == c {
			return kind, true
		}
	}
	return "", false
}

// onePEM returns the one block of a PEM text.
func onePEM(text []byte, block string) ([]byte, error) {
	if len(text) > maxKey {
		return nil, Refuse(Form, "a key of %d bytes, want at most %d", len(text), maxKey)
	}
	b, rest := pem.Decode(text)
	switch {
	case b == nil:
		return nil, Refuse(Form, "no PEM, want %s", block)
	case b.Type != block:
		return nil, Refuse(Form, "%.40q, want %s", b.Type, block)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, Refuse(Form, "something behind the key")
	}
	return b.Bytes, nil
}

// ParsePublicKey reads a public key (SubjectPublicKeyInfo in PEM).
func ParsePublicKey(text []byte) (*PublicKey, error) {
	der, err := onePEM(text, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, Refuse(Algorithm, "a key that cannot be read: %v", err)
	}
	return NewPublicKey(key)
}

// ParsePrivateKey reads a private key (PKCS#8 in PEM).
func ParsePrivateKey(text []byte) (*PrivateKey, error) {
	der, err := onePEM(text, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, Refuse(Algorithm, "a key that cannot be read")
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, Refuse(Algorithm, "a key of type %T, want ECDSA or Ed25519", key)
	}
	return newPrivate(s)
}

// PEM returns the text of the key, PKCS#8.
func (k *PrivateKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Public returns the public key.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// Ed25519 returns the key where it is one.
func (k *PrivateKey) Ed25519() (ed25519.PrivateKey, error) {
	key, ok := k.key.(ed25519.PrivateKey)
	if !ok {
		return nil, Refuse(Algorithm, "a %s key, want Ed25519", k.public.Kind())
	}
	return key, nil
}

// Sign signs a text: DER of ECDSA, the 64 bytes of Ed25519.
func (k *PrivateKey) Sign(text []byte) ([]byte, error) {
	if key, ok := k.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, text), nil
	}
	hash, sum := k.public.sum(text)
	return k.key.Sign(rand.Reader, sum, hash)
}

// PEM returns the text of the key.
func (k *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// Kind returns the kind of key.
func (k *PublicKey) Kind() Kind {
	if e, ok := k.key.(*ecdsa.PublicKey); ok {
		kind, _ := curveOf(e)
		return kind
	}
	return Ed25519
}

// Ed25519 returns the key where it is one.
func (k *PublicKey) Ed25519() (ed25519.PublicKey, error) {
	key, ok := k.key.(ed25519.PublicKey)
	if !ok {
		return nil, Refuse(Algorithm, "a %s key, want Ed25519", k.Kind())
	}
	return key, nil
}

// ID is the SHA-256 sum of the SubjectPublicKeyInfo.
func (k *PublicKey) ID() string {
	sum := sha256.Sum256(k.der)
	return hex.EncodeToString(sum[:])
}

// Hint is the SHA-256 sum of the PEM text, by which signatures of models name a key.
func (k *PublicKey) Hint() string {
	sum := sha256.Sum256(k.PEM())
	return hex.EncodeToString(sum[:])
}

// Equal says whether two keys are the same.
func (k *PublicKey) Equal(other *PublicKey) bool { return bytes.Equal(k.der, other.der) }

// sum returns the digest that an ECDSA key signs.
func (k *PublicKey) sum(text []byte) (crypto.Hash, []byte) {
	switch k.Kind() {
	case P384:
		s := sha512.Sum384(text)
		return crypto.SHA384, s[:]
	case P521:
		s := sha512.Sum512(text)
		return crypto.SHA512, s[:]
	}
	s := sha256.Sum256(text)
	return crypto.SHA256, s[:]
}

// Verify says whether a signature of a text is the key's.
func (k *PublicKey) Verify(text, sig []byte) bool {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(key, text, sig)
	case *ecdsa.PublicKey:
		_, sum := k.sum(text)
		return ecdsa.VerifyASN1(key, sum, sig)
	}
	panic(fmt.Sprintf("signed: a key of type %T", k.key))
}
