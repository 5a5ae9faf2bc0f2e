// Package usage writes, signs, verifies and nets receipts of usage: what a provider
// computed for a consumer over a time, which both have signed. Nothing of an engine is
// needed, nobody is paid here, and there is no token.
package usage

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// PredicateType is the type of receipts of usage.
const PredicateType = "https://github.com/blitz-r1/blitz/usage/v1"

// MaxSize is how large a receipt of usage may be, in bytes.
const MaxSize = receipt.MaxSize

// most is the greatest integer of a receipt.
const most = 1<<53 - 1

// Statement is what both sides sign.
type Statement struct {
	Provider, Consumer string // ids of their keys, which are different
	Sequence           int64  // 1, 2, … of this provider to this consumer
	Previous           string // sum of the payload before; "": it is the first
	From, To           time.Time
	Model              string // root
	Count              int64  // of receipts
	Root               string // RFC 6962 root over their leaves, in order
	Prompt, Cached     int64  // tokens
	Output             int64
	Currency           string // three capitals
	Amount             int64  // millionths
}

// Receipt is a statement with its signatures: one while it is under way, two once it
// counts.
type Receipt struct{ envelope *signed.Envelope }

// New returns a statement, signed by the side whose key it is.
func New(s *Statement, key *receipt.PrivateKey) (*Receipt, error) {
	if _, err := key.Ed25519(); err != nil {
		return nil, err
	}
	payload := s.payload()
	if _, err := readStatement(payload); err != nil {
		return nil, err // it would be refused by everybody
	}
	if id := key.Public().ID(); id != s.Provider && id != s.Consumer {
		return nil, signed.Refuse(signed.Key, "the key %s is neither the provider's nor the consumer's", id)
	}
	e, err := signed.Seal(payload, key)
	return &Receipt{e}, err
}

// Countersign adds the signature of the other side, which has recounted what it signs.
func (r *Receipt) Countersign(key *receipt.PrivateKey) (*Receipt, error) {
	more, err := signed.Seal(r.envelope.Payload, key)
	if err != nil {
		return nil, err
	}
	e := *r.envelope
	e.Signatures = append(append([]signed.EnvelopeSignature{}, e.Signatures...), more.Signatures...)
	out := &Receipt{&e}
	return out, nil
}

// Parse reads a receipt of usage, whose form is checked and nothing else. The error is a
// *receipt.Error.
func Parse(text []byte) (*Receipt, error) {
	v, err := signed.Parse(text, MaxSize)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "usage")
	r := &Receipt{signed.ReadEnvelope(f, false)}
	if f.Err() != nil {
		return nil, f.Err()
	}
	return r, nil
}

// Text returns the file of a receipt of usage.
func (r *Receipt) Text() []byte { return append(signed.Canonical(r.envelope.Object()), '\n') }

// Digest returns the sum of the payload, which the next of the pair has as its Previous.
func (r *Receipt) Digest() string {
	sum := sha256.Sum256(r.envelope.Payload)
	return hex.EncodeToString(sum[:])
}

// Verify checks that both sides signed, with keys that are given, and every field. The
// error is a *receipt.Error.
func (r *Receipt) Verify(keys []*receipt.PublicKey) (*Statement, error) {
	return r.verify(keys, true)
}

// VerifyHalf is Verify of what one side has signed, and the other is asked to.
func (r *Receipt) VerifyHalf(keys []*receipt.PublicKey) (*Statement, error) {
	return r.verify(keys, false)
}

func (r *Receipt) verify(keys []*receipt.PublicKey, both bool) (*Statement, error) {
	for _, k := range keys {
		if _, err := k.Ed25519(); err != nil {
			return nil, err
		}
	}
	by, err := r.envelope.Open(keys)
	if err != nil {
		return nil, err
	}
	if both && len(by) != 2 {
		return nil, signed.Refuse(signed.Key, "usage.signatures: %d, want those of provider and consumer", len(by))
	}
	s, err := readStatement(r.envelope.Payload)
	if err != nil {
		return nil, err
	}
	for _, k := range by {
		if id := k.ID(); id != s.Provider && id != s.Consumer {
			return nil, signed.Refuse(signed.Key, "usage.signatures: %s is neither the provider nor the consumer", id)
		}
	}
	return s, nil
}

// payload returns what is signed.
func (s *Statement) payload() []byte {
	const layout = "2006-01-02T15:04:05Z"
	st := signed.Statement{
		Subject: []signed.Subject{{Name: "receipts", SHA256: s.Root}}, PredicateType: PredicateType,
		Predicate: signed.Object{
			{Name: "provider", Value: s.Provider},
			{Name: "consumer", Value: s.Consumer},
			{Name: "sequence", Value: int(s.Sequence)},
			{Name: "previous", Value: s.Previous},
			{Name: "from", Value: s.From.UTC().Format(layout)},
			{Name: "to", Value: s.To.UTC().Format(layout)},
			{Name: "model", Value: s.Model},
			{Name: "receipts", Value: signed.Object{{Name: "count", Value: int(s.Count)}, {Name: "root", Value: s.Root}}},
			{Name: "tokens", Value: signed.Object{{Name: "prompt", Value: int(s.Prompt)}, {Name: "cached", Value: int(s.Cached)}, {Name: "output", Value: int(s.Output)}}},
			{Name: "price", Value: signed.Object{{Name: "currency", Value: s.Currency}, {Name: "amount", Value: int(s.Amount)}}},
		},
	}
	return st.Canonical()
}

// readStatement reads a payload whose signatures were checked, strictly.
func readStatement(payload []byte) (*Statement, error) {
	root, f, err := signed.ReadStatement(payload, MaxSize, "receipts", PredicateType)
	if err != nil {
		return nil, err
	}
	s := &Statement{Provider: f.Digest("provider"), Consumer: f.Digest("consumer"), Sequence: f.Int("sequence", 1, most), Previous: f.DigestOrNone("previous")}
	s.From, s.To, s.Model = f.Time("from"), f.Time("to"), f.Digest("model")
	r := f.Object("receipts")
	s.Count, s.Root = r.Int("count", 1, most), r.Digest("root")
	r.End()
	t := f.Object("tokens")
	s.Prompt, s.Cached, s.Output = t.Int("prompt", 0, most), t.Int("cached", 0, most), t.Int("output", 0, most)
	t.End()
	p := f.Object("price")
	s.Currency, s.Amount = p.Text("currency", 3, 3), p.Int("amount", 0, most)
	p.End()
	f.End()
	for i := range len(s.Currency) {
		if c := s.Currency[i]; c < 'A' || c > 'Z' {
			p.Refuse(signed.Form, "currency", "%q, want three capitals", s.Currency)
		}
	}
	switch {
	case f.Err() != nil:
	case s.Provider == s.Consumer:
		f.Refuse(signed.Form, "consumer", "the provider itself")
	case s.To.Before(s.From):
		f.Refuse(signed.Form, "to", "before from")
	case s.Root != root:
		r.Refuse(signed.Form, "root", "%s, and the subject is %s", s.Root, root)
	case s.Cached > s.Prompt:
		t.Refuse(signed.Form, "cached", "more than prompt")
	}
	if f.Err() != nil {
		return nil, f.Err()
	}
	return s, nil
}

// Count adds up receipts of answers, which were checked: their number, the root over their
// leaves in order, their tokens and times.
func Count(list []*receipt.Receipt, statements []*receipt.Statement) *Statement {
	s := &Statement{Count: int64(len(list))}
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, r := range list {
		more, err := tlog.StoredHashes(int64(i), r.Leaf(), read)
		if err != nil {
			panic(err) // all hashes are there
		}
		hashes = append(hashes, more...)
		one := statements[i]
		s.Prompt += one.Usage.PromptTokens
		s.Cached += one.Usage.CachedTokens
		s.Output += one.Usage.OutputTokens
		if i == 0 || one.Started.Before(s.From) {
			s.From = one.Started
		}
		if i == 0 || one.Finished.After(s.To) {
			s.To = one.Finished
		}
		s.Model = one.Model.Root
	}
	root, err := tlog.TreeHash(int64(len(list)), read)
	if err != nil {
		panic(err) // all hashes are there
	}
	s.Root = hex.EncodeToString(root[:])
	return s
}

// inFile says which of several receipts was refused.
func inFile(names []string, i int, err error) error {
	if i < len(names) {
		return signed.In(names[i], err)
	}
	return err
}
