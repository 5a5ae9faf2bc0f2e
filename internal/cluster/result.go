package cluster

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// Result is the answer to a job, by a node, with its receipt.
type Result struct {
	Job     string // id
	Node    string // id of the key that signed the receipt
	Output  []uint32
	Receipt *receipt.Receipt

	text []byte // canonical
}

// ParseResult reads a result, whose form is checked and nothing else. The error is a
// Refusal.
func ParseResult(text []byte) (*Result, error) {
	v, err := signed.Parse(text, MaxMessage)
	if err != nil {
		return nil, err
	}
	return readResult(v)
}

func readResult(v any) (*Result, error) {
	f := signed.Read(v, "result")
	f.Int("version", 1, 1)
	r := &Result{Job: f.Digest("job"), Node: f.Digest("node"), Output: readIDs(f, "output_ids")}
	whole := f.Value("receipt")
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	var err error
	if r.Receipt, err = receipt.Parse(signed.Text(whole)); err != nil {
		return nil, signed.In("result.receipt", err)
	}
	r.text = signed.Canonical(v)
	return r, nil
}

// newResult returns the result of a job. The error is a Refusal where it is larger than
// what can be moved.
func newResult(j *Job, node string, output []uint32, r *receipt.Receipt) (*Result, error) {
	whole, err := signed.Parse(r.Text(), receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	ids := make(signed.List, len(output))
	for i, id := range output {
		ids[i] = int(id)
	}
	text := signed.Canonical(signed.Object{
		{Name: "version", Value: 1}, {Name: "job", Value: j.ID}, {Name: "node", Value: node}, {Name: "output_ids", Value: ids}, {Name: "receipt", Value: whole},
	})
	if len(text) > maxText {
		return nil, signed.Refuse(signed.Form, "the result has %d bytes, want at most %d: prompt and answer are too long for the queue", len(text), maxText)
	}
	return &Result{Job: j.ID, Node: node, Output: output, Receipt: r, text: text}, nil
}

// Text returns the result, canonical JSON.
func (r *Result) Text() []byte { return r.text }

// Verify checks that a peer that works signed the result, and that it is one of the job: its
// model and settings, its prompt, its salts. Whether the answer is right only an engine can
// say. The error is a Refusal.
func (r *Result) Verify(j *Job, peers *Peers) (*receipt.Statement, error) {
	p := peers.ByKey(r.Node)
	if p == nil || !p.May(Work) && !p.May(Audit) {
		return nil, signed.Refuse(signed.Key, "the result is of the node %s, which is no peer that works", r.Node)
	}
	v, err := r.Receipt.Verify(receipt.Check{Keys: []*receipt.PublicKey{p.Key}})
	if err != nil {
		return nil, err
	}
	return v.Statement, r.fits(j, v.Statement)
}

// fits checks that a result is one of a job.
func (r *Result) fits(j *Job, s *receipt.Statement) error {
	o := r.Receipt.Opening
	prompt, output := j.salts()
	switch {
	case r.Job != j.ID:
		return signed.Refuse(signed.Digest, "the result is of the job %s, want %s", r.Job, j.ID)
	case o == nil || o.Prompt == nil || o.Output == nil:
		return signed.Refuse(signed.Opening, "the receipt is redacted")
	case !slices.Equal(o.Output.IDs, r.Output):
		return signed.Refuse(signed.Opening, "the receipt is of another answer than the result")
	case o.Prompt.Salt != prompt || o.Output.Salt != output:
		return signed.Refuse(signed.Opening, "the receipt has other salts than the job's")
	case !slices.Equal(o.Prompt.IDs, j.Prompt) || s.Constraints != receipt.CommitConstraints(prompt, j.Constraints):
		return signed.Refuse(signed.Opening, "the receipt is of another prompt than the job's")
	case s.Model.Root != j.Model || s.Adapter != j.Adapter:
		return signed.Refuse(signed.Model, "the receipt is of the model %s, the job's is %s", s.Model.Root, j.Model)
	case s.Profile != j.Profile:
		return signed.Refuse(signed.Model, "the receipt is of the profile %v, the job's is %v", s.Profile, j.Profile)
	case s.Parameters != j.Parameters:
		return signed.Refuse(signed.Output, "the receipt has other parameters than the job")
	case int64(len(r.Output)) > j.Parameters.MaxTokens:
		return signed.Refuse(signed.Output, "the answer has %d tokens, want at most %d", len(r.Output), j.Parameters.MaxTokens)
	}
	return nil
}

// Equal says whether two results of a job are the same answer, whoever computed them, and
// when.
func Equal(a, b *receipt.Statement) bool {
	return a.Output == b.Output && a.Prompt == b.Prompt && a.Constraints == b.Constraints && a.Model == b.Model && a.Adapter == b.Adapter &&
		a.Profile == b.Profile && a.Parameters == b.Parameters && a.Finish == b.Finish && a.Vocabulary == b.Vocabulary &&
		slices.Equal(a.Hashes, b.Hashes) && a.Usage.OutputTokens == b.Usage.OutputTokens
}
