package signed

import (
	"encoding/base64"
	"fmt"
	"slices"
)

// Types of what is signed.
const (
	InToto        = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
)

// MaxSignatures is how many signatures an envelope may have.
const MaxSignatures = 16

// Envelope is a payload with signatures (DSSE v1).
type Envelope struct {
	Payload    []byte
	Type       string // of the payload
	Signatures []EnvelopeSignature
}

// EnvelopeSignature is a signature of an envelope.
type EnvelopeSignature struct {
	KeyID string // "" where there is none
	Bytes []byte
}

// DecodeBase64 reads base64 (RFC 4648, section 4, padded) in its one form.
func DecodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(s) // line ends are passed over by the decoder
}

// PAE returns what is signed of a payload: DSSE's pre-authentication encoding.
func PAE(payloadType string, payload []byte) []byte {
	b := fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	return append(b, payload...)
}

// PAE returns what is signed.
func (e *Envelope) PAE() []byte { return PAE(e.Type, e.Payload) }

// ReadEnvelope reads an envelope. A signature's keyid may be absent or null where
// anonymous.
func ReadEnvelope(f *Fields, anonymous bool) *Envelope {
	e := &Envelope{Payload: f.Base64("payload")}
	e.Type = want[string](f, "payloadType", "a text")
	for _, s := range f.Objects("signatures", MaxSignatures) {
		var one EnvelopeSignature
		if v, there := s.object.Get("keyid"); there && (v != nil || !anonymous) {
			one.KeyID = want[string](s, "keyid", "a text")
		} else if !anonymous {
			s.Value("keyid")
		} else if there {
			s.Value("keyid")
		}
		one.Bytes = s.Base64("sig")
		s.End()
		e.Signatures = append(e.Signatures, one)
	}
	if f.Err() == nil && len(e.Signatures) == 0 {
		f.Refuse(Form, "signatures", "none")
	}
	f.End()
	return e
}

// Object returns the envelope as JSON.
func (e *Envelope) Object() Object {
	list := List{}
	for _, s := range e.Signatures {
		list = append(list, Object{{"keyid", s.KeyID}, {"sig", base64.StdEncoding.EncodeToString(s.Bytes)}})
	}
	return Object{{"payload", base64.StdEncoding.EncodeToString(e.Payload)}, {"payloadType", e.Type}, {"signatures", list}}
}

// Seal returns an envelope around a canonical payload, signed with the keys.
func Seal(payload []byte, keys ...*PrivateKey) (*Envelope, error) {
	e := &Envelope{Payload: payload, Type: InToto}
	for _, k := range keys {
		sig, err := k.Sign(e.PAE())
		if err != nil {
			return nil, err
		}
		e.Signatures = append(e.Signatures, EnvelopeSignature{k.Public().ID(), sig})
	}
	return e, nil
}

// Open returns those of keys that an envelope is signed with, one at least. Signatures of
// others are passed over; one of these keys that does not fit spoils the envelope.
func (e *Envelope) Open(keys []*PublicKey) ([]*PublicKey, error) {
	if e.Type != InToto {
		return nil, Refuse(Type, "payloadType %.80q, want %s", e.Type, InToto)
	}
	var by []*PublicKey
	pae := e.PAE()
	for i, s := range e.Signatures {
		at := slices.IndexFunc(keys, func(k *PublicKey) bool { return k.ID() == s.KeyID })
		switch {
		case at < 0:
			continue
		case !keys[at].Verify(pae, s.Bytes):
			return nil, Refuse(Signature, "signatures[%d]: does not fit the key %s", i, s.KeyID)
		case slices.ContainsFunc(by, keys[at].Equal):
			return nil, Refuse(Key, "signatures[%d]: signed twice with %s", i, s.KeyID)
		}
		by = append(by, keys[at])
	}
	if len(by) == 0 {
		return nil, Refuse(Key, "signed with %.80q, which was not given", e.Signatures[0].KeyID)
	}
	return by, nil
}

// Statement is an in-toto statement.
type Statement struct {
	Subject       []Subject
	PredicateType string
	Predicate     any
}

// Subject is what a statement is about.
type Subject struct {
	Name   string
	SHA256 string
}

// Canonical returns the bytes of the statement.
func (s *Statement) Canonical() []byte {
	list := List{}
	for _, x := range s.Subject {
		list = append(list, Object{{"digest", Object{{"sha256", x.SHA256}}}, {"name", x.Name}})
	}
	return Canonical(Object{{"_type", StatementType}, {"predicate", s.Predicate}, {"predicateType", s.PredicateType}, {"subject", list}})
}

// ReadStatement reads a payload whose signature was checked, strictly: one subject named
// so, a SHA-256 digest, the predicate's type, canonical bytes, nothing else. It returns
// the digest, and the predicate.
func ReadStatement(payload []byte, most int, subject, predicateType string) (digest string, predicate *Fields, err error) {
	v, err := Parse(payload, most)
	if err != nil {
		return "", nil, err
	}
	if string(Canonical(v)) != string(payload) {
		return "", nil, Refuse(Form, "the payload is not canonical JSON (RFC 8785)")
	}
	f := Read(v, "statement")
	f.TypeIs("_type", StatementType)
	f.TypeIs("predicateType", predicateType)
	subjects := f.Objects("subject", 16)
	if f.Err() == nil && len(subjects) != 1 {
		f.Refuse(Form, "subject", "%d of them, want one", len(subjects))
	}
	if f.Err() == nil {
		s := subjects[0]
		s.Choice("name", subject)
		d := s.Object("digest")
		digest = d.Digest("sha256")
		d.End()
		s.End()
	}
	predicate = f.Object("predicate")
	f.End()
	return digest, predicate, f.Err()
}

// TypeIs refuses a member that is another text, with Type.
func (f *Fields) TypeIs(name, is string) {
	if s := want[string](f, name, "a text"); s != is {
		f.Refuse(Type, name, "%.80q, want %s", s, is)
	}
}
