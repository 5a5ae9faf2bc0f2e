package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// MaxMessage is how large a message may be, in bytes: what NATS moves, headers included.
const MaxMessage = 1 << 20

// maxText is how large a job, a result or a fault may be: what headers leave.
const maxText = MaxMessage - 4<<10

// mostInt is the greatest integer of a job, as of a receipt.
const mostInt = 1<<53 - 1

// Job is an answer that is wanted of a model. All who compute it come to the same result.
type Job struct {
	ID          string // sum of its canonical text
	Kind        string // generate, rollout
	Model       string // root of its files
	Adapter     string // root of its folder; "": none
	Profile     receipt.Profile
	Prompt      []uint32
	Constraints any // JSON, as receipts commit to it; nil: none
	Parameters  receipt.Parameters
	Sample      int64
	Salt        receipt.Salt

	text []byte // canonical
}

// JobID returns the id of a job from its JSON.
func JobID(v any) string { return jobID(signed.Canonical(v)) }

func jobID(canonical []byte) string {
	h := sha256.New()
	h.Write([]byte("blitz-job/1\n"))
	h.Write(canonical)
	return hex.EncodeToString(h.Sum(nil))
}

// ParseJob reads a job, strictly. The error is a Refusal.
func ParseJob(text []byte) (*Job, error) {
	v, err := signed.Parse(text, MaxMessage)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "job")
	f.Int("version", 1, 1)
	j := &Job{Kind: f.Choice("kind", "generate", "rollout"), Model: f.Digest("model"), Adapter: f.DigestOrNone("adapter")}
	p := f.Object("profile")
	j.Profile = receipt.Profile{Name: p.Text("name", 1, 64), MLA: p.Choice("mla", "none", "absorbed", "expanded"), Cache: p.Choice("cache", "f32", "f16", "bf16", "q8")}
	p.End()
	j.Prompt = readIDs(f, "prompt_ids")
	if f.Err() == nil && len(j.Prompt) == 0 {
		f.Refuse(signed.Form, "prompt_ids", "no token, want one or more")
	}
	if j.Constraints = f.Value("constraints"); j.Constraints != nil {
		if o, ok := j.Constraints.(signed.Object); !ok || len(o) == 0 {
			f.Refuse(signed.Form, "constraints", "want null, or an object that is not empty")
		}
	}
	j.Parameters = receipt.ReadParameters(f.Object("parameters"))
	if f.Err() == nil && j.Parameters.MaxTokens < 1 {
		f.Refuse(signed.Form, "parameters.max_tokens", "0, want 1 or more: how much a context has room for differs between nodes")
	}
	j.Sample = f.Int("sample", 0, mostInt)
	j.Salt = readSalt(f, "salt")
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	if j.text = signed.Canonical(v); len(j.text) > maxText {
		return nil, signed.Refuse(signed.Form, "job: %d bytes in canonical form, want at most %d", len(j.text), maxText)
	}
	j.ID = jobID(j.text)
	return j, nil
}

// NewJob returns the job that j describes, with its id. The error is a Refusal, as of a job that
// was read.
func NewJob(j *Job) (*Job, error) {
	ids := make(signed.List, len(j.Prompt))
	for i, id := range j.Prompt {
		ids[i] = int(id)
	}
	return ParseJob(signed.Canonical(signed.Object{
		{Name: "version", Value: 1},
		{Name: "kind", Value: j.Kind},
		{Name: "model", Value: j.Model},
		{Name: "adapter", Value: j.Adapter},
		{Name: "profile", Value: signed.Object{{Name: "name", Value: j.Profile.Name}, {Name: "mla", Value: j.Profile.MLA}, {Name: "cache", Value: j.Profile.Cache}}},
		{Name: "prompt_ids", Value: ids},
		{Name: "constraints", Value: j.Constraints},
		{Name: "parameters", Value: receipt.WriteParameters(&j.Parameters)},
		{Name: "sample", Value: int(j.Sample)},
		{Name: "salt", Value: hex.EncodeToString(j.Salt[:])},
	}))
}

// Text returns the job, canonical JSON.
func (j *Job) Text() []byte { return j.text }

// salts returns the salts of the job's receipt, so that honest nodes commit to the same.
func (j *Job) salts() (prompt, output receipt.Salt) {
	of := func(label string) receipt.Salt {
		return sha256.Sum256(append([]byte("blitz-job/1 "+label+"\n"), j.Salt[:]...))
	}
	return of("prompt"), of("output")
}

// readIDs reads tokens.
func readIDs(f *signed.Fields, name string) []uint32 {
	list := f.List(name, MaxMessage)
	ids := make([]uint32, 0, len(list))
	for _, v := range list {
		n, _ := v.(signed.Number)
		id, err := strconv.ParseUint(string(n), 10, 31)
		if err != nil {
			f.Refuse(signed.Form, name, "%.20q is no token", string(n))
			return nil
		}
		ids = append(ids, uint32(id))
	}
	return ids
}

func readSalt(f *signed.Fields, name string) (s receipt.Salt) {
	b, _ := hex.DecodeString(f.Digest(name))
	copy(s[:], b)
	return s
}
