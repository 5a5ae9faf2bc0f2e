package transparency

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Use is what a key of a note is for: one is never taken for the other.
type Use byte

// The uses, which are types of signatures of C2SP signed-note.
const (
	LogKey     Use = 1 // Ed25519 over the note
	WitnessKey Use = 4 // Ed25519 over a time and the note
)

// Verifier is the public key of a log or a witness.
type Verifier struct {
	name string
	use  Use
	key  ed25519.PublicKey
}

// maxOrigin is how long the name of a log or witness may be, in bytes.
const maxOrigin = 255

// CheckName says what is wrong with the name of a log or a witness.
func CheckName(name string) error {
	no := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) }
	if len(name) < 1 || len(name) > maxOrigin || !utf8.ValidString(name) || strings.ContainsFunc(name, no) {
		return signed.Refuse(signed.Form, "the name %.80q, want 1 to %d bytes without spaces and +", name, maxOrigin)
	}
	return nil
}

// NewVerifier returns the key of a log or witness.
func NewVerifier(name string, use Use, key ed25519.PublicKey) (*Verifier, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return &Verifier{name, use, key}, nil
}

// ParseVerifier reads NAME+HASH+KEY, of that use. The error is a Refusal with Log or
// Witness.
func ParseVerifier(text string, use Use) (*Verifier, error) {
	reason := signed.Log
	if use == WitnessKey {
		reason = signed.Witness
	}
	name, rest, _ := strings.Cut(text, "+")
	_, key, _ := strings.Cut(rest, "+")
	raw, ok := signed.DecodeBase64(key)
	if !ok || len(raw) != 1+ed25519.PublicKeySize || CheckName(name) != nil {
		return nil, signed.Refuse(reason, "the key %.80q, want NAME+HASH+KEY", text)
	}
	if Use(raw[0]) != use {
		return nil, signed.Refuse(reason, "the key %.80q is of type %d, want %d", text, raw[0], use)
	}
	v := &Verifier{name, use, raw[1:]}
	if v.String() != text {
		return nil, signed.Refuse(reason, "the key %.80q: its hash does not fit", text)
	}
	return v, nil
}

// ParseVerifiers reads several keys of one use.
func ParseVerifiers(texts []string, use Use) ([]*Verifier, error) {
	var all []*Verifier
	for _, t := range texts {
		v, err := ParseVerifier(t, use)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// String returns NAME+HASH+KEY.
func (v *Verifier) String() string {
	raw := append([]byte{byte(v.use)}, v.key...)
	hash := binary.BigEndian.AppendUint32(nil, v.KeyHash())
	return v.name + "+" + hex.EncodeToString(hash) + "+" + base64.StdEncoding.EncodeToString(raw)
}

// Name returns the name; of a log it is its origin.
func (v *Verifier) Name() string { return v.name }

// KeyHash tells the key in notes.
func (v *Verifier) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(v.name+"\n"+string(rune(v.use))), v.key...))
	return binary.BigEndian.Uint32(sum[:])
}

// Verify says whether a signature of a note's text is the key's.
func (v *Verifier) Verify(text, sig []byte) bool {
	if v.use == LogKey {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(v.key, text, sig)
	}
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(v.key, cosigned(binary.BigEndian.Uint64(sig), text), sig[8:])
}

// cosigned returns what a witness signs.
func cosigned(seconds uint64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(seconds, 10)+"\n"), text...)
}

// Signer signs checkpoints.
type Signer struct {
	*Verifier
	private ed25519.PrivateKey
}

// NewSigner returns the signer of a log or witness.
func NewSigner(name string, use Use, key *signed.PrivateKey) (*Signer, error) {
	private, err := key.Ed25519()
	if err != nil {
		return nil, err
	}
	v, err := NewVerifier(name, use, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Signer{v, private}, nil
}

// Sign signs a note's text, as a log does.
func (s *Signer) Sign(text []byte) ([]byte, error) {
	if s.use != LogKey {
		return nil, fmt.Errorf("transparency: a witness does not sign checkpoints of its own")
	}
	return ed25519.Sign(s.private, text), nil
}

// Cosign returns the line of a witness's signature of a note's text.
func (s *Signer) Cosign(text []byte, at time.Time) string {
	seconds := uint64(max(at.Unix(), 0))
	sig := binary.BigEndian.AppendUint32(nil, s.KeyHash())
	sig = binary.BigEndian.AppendUint64(sig, seconds)
	sig = append(sig, ed25519.Sign(s.private, cosigned(seconds, text))...)
	return "— " + s.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

var _ note.Verifier = (*Verifier)(nil)
