package receipt

import (
	"bytes"
	"strconv"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// Check says what a receipt is checked with.
type Check struct {
	Keys []*PublicKey // one of which has to have signed
	// Logs are keys of logs (NAME+HASH+KEY): the receipt has to prove that it stands in
	// one. Witnesses are keys of witnesses, Quorum of which have to have cosigned.
	Logs, Witnesses []string
	Quorum          int
}

// LogEntry is where a receipt stands in a log.
type LogEntry struct {
	Origin string `json:"origin"`
	Index  int64  `json:"index"`
	Size   int64  `json:"size"`
}

// Verdict is what a check found where nothing was wrong.
type Verdict struct {
	OK      bool      `json:"ok"`
	Key     string    `json:"key"`
	Model   string    `json:"model"` // its root
	Time    string    `json:"time"`  // when the answer was finished, as the operator says
	Checked []string  `json:"checked"`
	Log     *LogEntry `json:"log,omitempty"`

	Statement *Statement `json:"-"`
}

// What may be checked of a receipt.
const (
	CheckedSignature = "signature"
	CheckedPrompt    = "prompt"
	CheckedOutput    = "output"
	CheckedLog       = "log"
	CheckedWitness   = "witness"
	CheckedEngine    = "engine"
)

// Verify checks all that can be checked without an engine: key, signature, every field,
// the parts that are opened, and the proof where logs are given. The error is an *Error.
func (r *Receipt) Verify(c Check) (*Verdict, error) {
	for _, k := range c.Keys {
		if _, err := k.Ed25519(); err != nil {
			return nil, err
		}
	}
	by, err := r.envelope.Open(c.Keys)
	if err != nil {
		return nil, err
	}
	s, err := readStatement(r.envelope.Payload)
	if err != nil {
		return nil, err
	}
	v := &Verdict{OK: true, Key: by[0].ID(), Model: s.Model.Root, Time: formatTime(s.Finished), Checked: []string{CheckedSignature}, Statement: s}
	if err := r.checkOpening(s, v); err != nil {
		return nil, err
	}
	if len(c.Logs) > 0 {
		if err := r.checkLog(c, s, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// checkOpening checks that the parts that are opened are what was committed to.
func (r *Receipt) checkOpening(s *Statement, v *Verdict) error {
	o := r.Opening
	if o == nil {
		return nil
	}
	parts := []struct {
		label, want string
		tokens      *Tokens
		count       int64
	}{{"prompt", s.Prompt, o.Prompt, s.Usage.PromptTokens}, {"output", s.Output, o.Output, s.Usage.OutputTokens}}
	for _, p := range parts {
		if p.tokens == nil {
			continue
		}
		if CommitIDs(p.label, p.tokens) != p.want {
			return signed.Refuse(signed.Opening, "the %s is not what the receipt commits to", p.label)
		}
		if int64(len(p.tokens.IDs)) != p.count {
			return signed.Refuse(signed.Opening, "the %s has %d tokens, the receipt says %d", p.label, len(p.tokens.IDs), p.count)
		}
		for i, id := range p.tokens.IDs {
			if int64(id) >= s.Vocabulary {
				return signed.Refuse(signed.Opening, "the %s's token %d is %d, of a vocabulary of %d", p.label, i, id, s.Vocabulary)
			}
		}
		v.Checked = append(v.Checked, p.label)
	}
	if o.Constraints != nil && CommitConstraints(o.Prompt.Salt, o.Constraints) != s.Constraints {
		return signed.Refuse(signed.Opening, "the constraints are not what the receipt commits to")
	}
	return nil
}

// checkLog checks the proof.
func (r *Receipt) checkLog(c Check, s *Statement, v *Verdict) error {
	if s.Log == "" || r.Proof == "" {
		return signed.Refuse(signed.Log, "the receipt has no proof that it stands in a log")
	}
	logs, err := transparency.ParseVerifiers(c.Logs, transparency.LogKey)
	if err != nil {
		return err
	}
	witnesses, err := transparency.ParseVerifiers(c.Witnesses, transparency.WitnessKey)
	if err != nil {
		return err
	}
	p, err := transparency.ParseProof(r.Proof)
	if err != nil {
		return err
	}
	w, err := p.Check(&transparency.Trust{Origin: s.Log, Logs: logs, Witnesses: witnesses, Quorum: c.Quorum}, r.Leaf())
	if err != nil {
		return err
	}
	v.Checked = append(v.Checked, CheckedLog)
	if c.Quorum > 0 {
		v.Checked = append(v.Checked, CheckedWitness)
	}
	v.Log = &LogEntry{w.Origin, p.Index, w.Size}
	return nil
}

// Statement returns what the receipt says, unchecked: for those who show it.
func (r *Receipt) Statement() (*Statement, error) { return readStatement(r.envelope.Payload) }

// Payload returns the statement as it was signed, canonical JSON, unchecked.
func (r *Receipt) Payload() []byte { return bytes.Clone(r.envelope.Payload) }

// KeyIDs returns the ids of the keys that the receipt says it is signed with, unchecked.
func (r *Receipt) KeyIDs() []string {
	var ids []string
	for _, s := range r.envelope.Signatures {
		ids = append(ids, s.KeyID)
	}
	return ids
}

// Thinking returns the budget that Think is, 0 where it is none.
func (p *Parameters) Thinking() int {
	n, _ := strconv.Atoi(p.Think)
	return n
}
