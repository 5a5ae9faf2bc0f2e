package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Fault is what was found wrong with the results of a job: the proof are the results
// themselves, each signed by its node.
type Fault struct {
	Job     string            `json:"job"`
	Reason  signed.Reason     `json:"reason"`  // output: another answer; signature: not one of a peer, or not of the job
	Results []json.RawMessage `json:"results"` // the one that was there, the one that it was compared with
}

// ParseFault reads a fault. The error is a Refusal.
func ParseFault(text []byte) (*Fault, error) {
	v, err := signed.Parse(text, 2*MaxMessage)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "fault")
	x := &Fault{Job: f.Digest("job"), Reason: signed.Reason(f.Choice("reason", string(signed.Output), string(signed.Signature)))}
	for _, r := range f.List("results", 2) {
		x.Results = append(x.Results, signed.Text(r))
	}
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	return x, nil
}

// sumOf returns the SHA-256 sum of a text.
func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// newFault returns the text of a fault. What was there may be anything: its sum stands for it
// where it is no JSON, and where both results are more than can be moved.
func newFault(job string, reason signed.Reason, there []byte, mine *Result) []byte {
	first, err := signed.Parse(there, MaxMessage)
	if err != nil {
		first = sumOf(there)
	}
	second, _ := signed.Parse(mine.Text(), MaxMessage) // which newResult made
	record := func(results ...any) []byte {
		return signed.Canonical(signed.Object{{Name: "job", Value: job}, {Name: "reason", Value: string(reason)}, {Name: "results", Value: signed.List(results)}})
	}
	text := record(first, second)
	if len(text) > maxText {
		text = record(sumOf(there), second)
	}
	if len(text) > maxText {
		text = record(sumOf(there), sumOf(mine.Text()))
	}
	return text
}

// Dead is why a message is not delivered again.
type Dead struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// maxDetail bounds what is kept of why a message was refused, in bytes.
const maxDetail = 400

func newDead(reason signed.Reason, detail string) []byte {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	text, _ := json.Marshal(Dead{string(reason), detail}) // which never fails: invalid UTF-8 is replaced
	return text
}

// Deliveries is the reason of a job that was delivered as often as it may be, and is not
// done.
const Deliveries signed.Reason = "deliveries"
