package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Millionths are the whole of what an audit's rate is a part of.
const Millionths = 1_000_000

// IsAudited says whether a job is audited: by the first eight bytes of a sum over a seed,
// which nobody knows before the results are there, and its id, as a share of a million.
func IsAudited(seed, id []byte, ppm int64) bool {
	h := sha256.New()
	h.Write([]byte("blitz-audit/1\n"))
	h.Write(seed)
	h.Write(id)
	high, _ := bits.Mul64(binary.BigEndian.Uint64(h.Sum(nil)), Millionths) // which is an integer: high < ppm is x·10⁶ < ppm·2⁶⁴
	return high < uint64(ppm)
}

// Plan says which jobs of a batch are computed again by others. Its sum is published with the
// batch, its seed behind the results: who computes cannot know which, and who submits cannot
// choose.
type Plan struct {
	Seed [32]byte
	PPM  int64 // of a million
}

// NewPlan returns a plan that nobody knows.
func NewPlan(ppm int64) (*Plan, error) {
	if ppm < 0 || ppm > Millionths {
		return nil, fmt.Errorf("%d of a million jobs are audited, want 0 to %d: %w", ppm, Millionths, ErrConfig)
	}
	p := &Plan{PPM: ppm}
	_, _ = rand.Read(p.Seed[:]) // which never fails
	return p, nil
}

// planFile is the text of a plan.
type planFile struct {
	Seed string `json:"seed"`
	PPM  int64  `json:"ppm"`
}

// Text returns the plan as JSON.
func (p *Plan) Text() []byte {
	text, _ := json.Marshal(planFile{hex.EncodeToString(p.Seed[:]), p.PPM}) // which never fails
	return append(text, '\n')
}

// ParsePlan reads a plan. The error is a Refusal.
func ParsePlan(text []byte) (*Plan, error) {
	v, err := signed.Parse(text, 4096)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "audit")
	p := &Plan{Seed: readSalt(f, "seed"), PPM: f.Int("ppm", 0, Millionths)}
	f.End()
	return p, f.Err()
}

// Commitment returns the sum of the seed.
func (p *Plan) Commitment() string { return sumOf(p.Seed[:]) }

// Announce publishes the sum of the seed, and the rate.
func (p *Plan) Announce(ctx context.Context, q Queue, jobs int) error {
	return exists(q.Create(ctx, Audited, p.Commitment(), fmt.Appendf(nil, `{"jobs":%d,"ppm":%d}`, jobs, p.PPM)))
}

// exists is err, but for that of what is there already.
func exists(err error) error {
	if errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

// Wants says whether a job is audited.
func (p *Plan) Wants(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && IsAudited(p.Seed[:], raw, p.PPM)
}

// Verdict is what an audit came to.
type Verdict struct {
	Job string
	By  string // node; "": none
	// Wrong is nil where the audit holds. Else it is a Refusal: Output, where the two have
	// different answers, which Faults has; or why what stands as the audit is none.
	Wrong error
}

// Run publishes the seed, has those of some jobs that it wants computed again, which have
// results, and waits for that.
func (p *Plan) Run(ctx context.Context, q Queue, pool string, jobs []*Job, peers *Peers) ([]Verdict, error) {
	if err := exists(q.Create(ctx, Audited, p.Commitment()+"-seed", p.Text())); err != nil {
		return nil, err
	}
	wanted, err := p.demand(ctx, q, pool, jobs)
	if err != nil {
		return nil, err
	}
	if err := waitAudits(ctx, q, wanted); err != nil {
		return nil, err
	}
	return verdicts(ctx, q, wanted, peers)
}

// demand has those of some jobs that the plan wants computed again, and returns them.
func (p *Plan) demand(ctx context.Context, q Queue, pool string, jobs []*Job) (wanted []*Job, err error) {
	demanded := map[string]bool{}
	for _, j := range jobs {
		if p.Wants(j.ID) && !demanded[j.ID] {
			demanded[j.ID] = true
			wanted = append(wanted, j)
		}
	}
	return wanted, together(len(wanted), func(i int) error {
		return q.Submit(ctx, Audits, pool, wanted[i].ID+"/"+p.Commitment()[:16], wanted[i].Text())
	})
}

// verdicts reads what audits came to.
func verdicts(ctx context.Context, q Queue, jobs []*Job, peers *Peers) ([]Verdict, error) {
	all := make([]Verdict, len(jobs))
	err := together(len(jobs), func(i int) (err error) {
		all[i], err = verdict(ctx, q, jobs[i], peers)
		return err
	})
	return all, err
}

// waitAudits waits until each job was audited, or given up.
func waitAudits(ctx context.Context, q Queue, jobs []*Job) error {
	open := map[string]bool{}
	for _, j := range jobs {
		open[j.ID] = true
	}
	if len(open) == 0 {
		return nil
	}
	err := q.Watch(ctx, Audited, func(key string) error {
		if delete(open, key); len(open) == 0 {
			return errAll
		}
		return nil
	})
	if errors.Is(err, errAll) {
		return nil
	}
	return err
}

// verdict reads what an audit came to.
func verdict(ctx context.Context, q Queue, j *Job, peers *Peers) (Verdict, error) {
	v := Verdict{Job: j.ID}
	result, err := q.Get(ctx, Results, j.ID)
	if err != nil {
		return v, err
	}
	audit, err := q.Get(ctx, Audited, j.ID)
	if err != nil {
		return v, err
	}
	equal, err := CheckAudit(j, result, audit, peers)
	if a, bad := ParseResult(audit); bad == nil {
		v.By = a.Node
	}
	switch {
	case signed.ReasonOf(err) != "":
		v.Wrong = err
	case err != nil:
		return v, err
	case !equal:
		v.Wrong = signed.Refuse(signed.Output, "the audit has another answer than the result")
	}
	return v, nil
}
