package receipt

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Salt keeps a commitment from being guessed.
type Salt [32]byte

// NewSalt returns a salt that nobody has seen.
func NewSalt() Salt {
	var s Salt
	_, _ = rand.Read(s[:]) // which never fails
	return s
}

// Tokens are ids, as a model read or gave them, and the salt of the commitment to them.
type Tokens struct {
	Salt Salt
	IDs  []uint32
}

// Opening is what commitments were made of: who has it can check them, and ask an engine
// for the answer again.
type Opening struct {
	Prompt, Output *Tokens // nil: not opened
	Constraints    any     // JSON, as signed.Parse has it; nil: none, or not opened
}

func (o *Opening) isEmpty() bool { return o.Prompt == nil && o.Output == nil && o.Constraints == nil }

// Commit returns the commitment to some bytes.
func Commit(label string, salt Salt, text []byte) string {
	h := sha256.New()
	h.Write([]byte(Format + " " + label + "\n"))
	h.Write(salt[:])
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

// CommitIDs returns the commitment to tokens; label is prompt or output.
func CommitIDs(label string, t *Tokens) string {
	text := make([]byte, 0, 4*len(t.IDs))
	for _, id := range t.IDs {
		text = binary.LittleEndian.AppendUint32(text, id)
	}
	return Commit(label, t.Salt, text)
}

// CommitConstraints returns the commitment to constraints, "" where there are none.
func CommitConstraints(salt Salt, constraints any) string {
	if constraints == nil {
		return ""
	}
	return Commit("constraints", salt, signed.Canonical(constraints))
}

func readOpening(f *signed.Fields) *Opening {
	o := &Opening{}
	if f.There("prompt_salt") || f.There("prompt_ids") {
		o.Prompt = &Tokens{readSalt(f, "prompt_salt"), readIDs(f, "prompt_ids")}
	}
	if f.There("output_salt") || f.There("output_ids") {
		o.Output = &Tokens{readSalt(f, "output_salt"), readIDs(f, "output_ids")}
	}
	if f.There("constraints") {
		o.Constraints = f.Value("constraints")
		if _, ok := o.Constraints.(signed.Object); !ok || o.Prompt == nil {
			f.Refuse(signed.Form, "constraints", "want an object, beside the prompt and its salt")
		}
	}
	f.End()
	if f.Err() == nil && o.isEmpty() {
		f.Refuse(signed.Form, "prompt_ids", "an opening that opens nothing")
	}
	return o
}

func readSalt(f *signed.Fields, name string) (s Salt) {
	b, _ := hex.DecodeString(f.Digest(name))
	copy(s[:], b)
	return s
}

func readIDs(f *signed.Fields, name string) []uint32 {
	ids := []uint32{}
	for _, v := range f.List(name, MaxSize) {
		n, _ := v.(signed.Number)
		id, err := strconv.ParseUint(string(n), 10, 32)
		if err != nil {
			f.Refuse(signed.Form, name, "%.20q is no token", string(n))
			break
		}
		ids = append(ids, uint32(id))
	}
	return ids
}

// object returns the opening as JSON.
func (o *Opening) object() signed.Object {
	var out signed.Object
	add := func(label string, t *Tokens) {
		if t == nil {
			return
		}
		list := make(signed.List, len(t.IDs))
		for i, id := range t.IDs {
			list[i] = int(id)
		}
		out = append(out, signed.Member{Name: label + "_salt", Value: hex.EncodeToString(t.Salt[:])}, signed.Member{Name: label + "_ids", Value: list})
	}
	add("prompt", o.Prompt)
	add("output", o.Output)
	if o.Constraints != nil {
		out = append(out, signed.Member{Name: "constraints", Value: o.Constraints})
	}
	return out
}

// JSON returns the opening as JSON.
func (o *Opening) JSON() []byte { return signed.Text(o.object()) }

// ParseOpening reads an opening that is brought along: a receipt, or {"opening": …}.
func ParseOpening(text []byte) (*Opening, error) {
	v, err := signed.Parse(text, MaxSize)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "opening")
	o := readOpening(f.Object("opening"))
	if f.Err() != nil {
		return nil, f.Err()
	}
	return o, nil
}

// Add opens what is not opened yet with what another opening has.
func (o *Opening) Add(more *Opening) *Opening {
	sum := Opening{}
	if o != nil {
		sum = *o
	}
	if sum.Prompt == nil {
		sum.Prompt, sum.Constraints = more.Prompt, more.Constraints
	}
	if sum.Output == nil {
		sum.Output = more.Output
	}
	return &sum
}
