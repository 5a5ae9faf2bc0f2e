// Package receipt writes, signs, verifies and redacts receipts of answers: which model,
// program and settings gave which tokens to which prompt, signed by who computed them.
// docs/TRUST.md says what that proves and what it does not. Nothing of an engine is needed
// to check one; with an engine the answer can be computed again, which is the engine's
// side of it.
//
// A receipt commits to the prompt and the answer by salted sums, so that it may be shown
// without them: Redact drops what opens the commitments and leaves the signature whole.
package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Format and type of receipts.
const (
	Format        = "blitz-receipt/1"
	PredicateType = "https://github.com/blitz-r1/blitz/receipt/v1"
)

// MaxSize is how large the file of a receipt may be, in bytes.
const MaxSize = 4 << 20

// Error is why a receipt is refused: a reason, and what is wrong where.
type Error = signed.Refusal

// PublicKey checks receipts: Ed25519.
type PublicKey = signed.PublicKey

// PrivateKey signs receipts: Ed25519.
type PrivateKey = signed.PrivateKey

// ParsePublicKey reads a key as OpenSSL writes it (SubjectPublicKeyInfo in PEM). The error
// is an *Error.
func ParsePublicKey(pem []byte) (*PublicKey, error) {
	k, err := signed.ParsePublicKey(pem)
	if err != nil {
		return nil, err
	}
	_, err = k.Ed25519()
	return k, err
}

// ParsePrivateKey reads a key as OpenSSL writes it (PKCS#8 in PEM). The error is an
// *Error.
func ParsePrivateKey(pem []byte) (*PrivateKey, error) {
	k, err := signed.ParsePrivateKey(pem)
	if err != nil {
		return nil, err
	}
	_, err = k.Ed25519()
	return k, err
}

// Receipt is a receipt as its file has it.
type Receipt struct {
	envelope *signed.Envelope
	Opening  *Opening // nil: none of it
	Proof    string   // that it stands in a log; "": none
}

// Read reads the file of a receipt, whose form is checked and nothing else. The error is
// an *Error, or that of the file system.
func Read(path string) (*Receipt, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := signed.ReadAll(f, MaxSize)
	if err != nil {
		return nil, signed.In(path, err)
	}
	r, err := Parse(text)
	return r, signed.In(path, err)
}

// Parse reads a receipt, whose form is checked and nothing else. The error is an *Error.
func Parse(text []byte) (*Receipt, error) {
	v, err := signed.Parse(text, MaxSize)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "receipt")
	f.TypeIs("format", Format)
	r := &Receipt{envelope: signed.ReadEnvelope(f.Object("envelope"), false)}
	if f.There("opening") {
		r.Opening = readOpening(f.Object("opening"))
	}
	if f.There("proof") {
		r.Proof = f.LongText("proof", 1<<20)
	}
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	return r, nil
}

// Text returns the file of a receipt.
func (r *Receipt) Text() []byte {
	o := signed.Object{{Name: "format", Value: Format}, {Name: "envelope", Value: r.envelope.Object()}}
	if r.Opening != nil && !r.Opening.isEmpty() {
		o = append(o, signed.Member{Name: "opening", Value: r.Opening.object()})
	}
	if r.Proof != "" {
		o = append(o, signed.Member{Name: "proof", Value: r.Proof})
	}
	return append(signed.Text(o), '\n')
}

// Leaf returns the leaf that stands for the receipt in a log: it says nothing by itself.
func (r *Receipt) Leaf() []byte {
	sum := sha256.Sum256(r.envelope.PAE())
	return append([]byte(Format+"\n"), sum[:]...)
}

// Part is a part of a receipt that can be dropped.
type Part string

// The parts.
const (
	Prompt Part = "prompt" // with the constraints
	Output Part = "output"
	All    Part = "all"
)

// Redact returns the receipt without what opens a part. The envelope stays as it is.
func (r *Receipt) Redact(part Part) *Receipt {
	out := *r
	if r.Opening == nil {
		return &out
	}
	o := *r.Opening
	if part == Prompt || part == All {
		o.Prompt, o.Constraints = nil, nil
	}
	if part == Output || part == All {
		o.Output = nil
	}
	if out.Opening = &o; o.isEmpty() {
		out.Opening = nil
	}
	return &out
}

// Sign signs a statement. The opening has to meet its commitments.
func Sign(s *Statement, key *PrivateKey, opening *Opening) (*Receipt, error) {
	if _, err := key.Ed25519(); err != nil {
		return nil, err
	}
	e, err := signed.Seal(s.payload(), key)
	if err != nil {
		return nil, err
	}
	r := &Receipt{envelope: e, Opening: opening}
	if _, err := r.Verify(Check{Keys: []*PublicKey{key.Public()}}); err != nil {
		return nil, err // it would be refused by everybody
	}
	return r, nil
}

// digits returns a sum as it is written.
func digits(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:]) }
