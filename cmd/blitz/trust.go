package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
	"github.com/blitz-r1/blitz/receipt"
	"github.com/blitz-r1/blitz/receipt/usage"
)

func newTrust() *cobra.Command {
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "trust --jsonl",
		Short: "Answer questions of other programs about receipts and logs",
		Long: `Answers questions of other programs about receipts, logs, notes and usage: each
line is an object with op, one of pae, jcs, envelope, commit, chain, receipt,
usage, net, tree, prove, tile, inclusion, consistency, checkpoint, proof,
witness, job and audit; docs/TRUST.md says what else. A refusal is an answer:
{"ok": false, "reason": …, "detail": …}.

` + jsonLinesHelp,
		Example: `  echo '{"op": "jcs", "text": "{\"b\": 1, \"a\": 2}"}' | blitz trust --jsonl
  blitz trust --jsonl < questions.jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.Misuse(errors.New("trust: --jsonl is missing"))
			}
			return answerLines(cmd, answerTrust)
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is a question")
	return cmd
}

// trustQuestion is a line of trust.
type trustQuestion struct {
	Op string `json:"op"`

	Type, Payload, Text, Envelope, Predicate string
	Label, Salt                              string
	IDs                                      json.RawMessage
	Value, Job                               json.RawMessage
	Rows                                     []string
	Receipt, Month                           string
	Receipts                                 []string
	Keys                                     []string
	LogKeys                                  []string `json:"log_keys"`
	Witnesses                                []string
	Quorum                                   int
	Leaf, Path                               string
	Size                                     int64
	Index, From                              *int64
	Data, Root, Old, Origin, Note            string
	Proof                                    json.RawMessage
	Name, PEM, Request                       string
	Time                                     int64
	Logs                                     map[string][]string
	State                                    map[string]witnessState
	Seed                                     string
	PPM                                      int64
}

// witnessState is what a witness has of a log.
type witnessState struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// said is an answer of trust.
type said map[string]any

// trustOps are what trust answers.
var trustOps map[string]func(q *trustQuestion) (said, error)

func init() {
	trustOps = map[string]func(q *trustQuestion) (said, error){
		"pae": trustPAE, "jcs": trustJCS, "envelope": trustEnvelope, "commit": trustCommit, "chain": trustChain,
		"receipt": trustReceipt, "usage": trustUsage, "net": trustNet, "tree": trustTree, "prove": trustProve, "tile": trustTile,
		"inclusion": trustInclusion, "consistency": trustConsistency, "checkpoint": trustCheckpoint, "proof": trustProof,
		"witness": trustWitness, "job": trustJob, "audit": trustAudit,
	}
}

// answerTrust answers a question. A refusal is an answer.
func answerTrust(dst, line []byte) ([]byte, error) {
	var q trustQuestion
	if err := parseJSON(line, &q, "an object with op"); err != nil {
		return dst, err
	}
	op := trustOps[q.Op]
	if op == nil {
		return dst, fmt.Errorf("op %.40q, want one that docs/TRUST.md names", q.Op)
	}
	a, err := op(&q)
	var r *signed.Refusal
	if errors.As(err, &r) {
		return appendJSON(dst, newRefused(r))
	}
	if err != nil {
		return dst, err
	}
	return appendJSON(dst, a)
}

// base64Of reads a field in base64.
func base64Of(name, text string) ([]byte, error) {
	b, ok := signed.DecodeBase64(text)
	if !ok {
		return nil, fmt.Errorf("%s: no base64", name)
	}
	return b, nil
}

func saltOf(text string) (s receipt.Salt, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(s) {
		return s, fmt.Errorf("salt: want 64 hexadecimal digits")
	}
	return receipt.Salt(b), nil
}

func trustPAE(q *trustQuestion) (said, error) {
	payload, err := base64Of("payload", q.Payload)
	return said{"pae": base64.StdEncoding.EncodeToString(signed.PAE(q.Type, payload))}, err
}

func trustJCS(q *trustQuestion) (said, error) {
	v, err := signed.Parse([]byte(q.Text), receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	return said{"ok": true, "canonical": string(signed.Canonical(v))}, nil
}

func publicKeys(texts []string) ([]*signed.PublicKey, error) {
	var keys []*signed.PublicKey
	for _, t := range texts {
		k, err := signed.ParsePublicKey([]byte(t))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func trustEnvelope(q *trustQuestion) (said, error) {
	keys, err := publicKeys(q.Keys)
	if err != nil {
		return nil, err
	}
	v, err := signed.Parse([]byte(q.Envelope), receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	f := signed.Read(v, "envelope")
	e := signed.ReadEnvelope(f, false)
	if f.Err() != nil {
		return nil, f.Err()
	}
	by, err := e.Open(keys)
	if err != nil {
		return nil, err
	}
	statement, err := signed.Parse(e.Payload, receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	s := signed.Read(statement, "statement")
	s.TypeIs("_type", signed.StatementType)
	s.TypeIs("predicateType", q.Predicate)
	var ids []string
	for _, k := range by {
		ids = append(ids, k.ID())
	}
	return said{"ok": true, "payload": base64.StdEncoding.EncodeToString(e.Payload), "keys": ids}, s.Err()
}

// idsOf reads token ids.
func (q *trustQuestion) idsOf() (ids []uint32, err error) {
	if err := json.Unmarshal(q.IDs, &ids); err != nil {
		return nil, fmt.Errorf("ids: want a list of tokens")
	}
	return ids, nil
}

func trustCommit(q *trustQuestion) (said, error) {
	salt, err := saltOf(q.Salt)
	if err != nil {
		return nil, err
	}
	if q.Value != nil {
		v, err := signed.Parse(q.Value, receipt.MaxSize)
		if err != nil {
			return nil, err
		}
		return said{"commitment": receipt.Commit(q.Label, salt, signed.Canonical(v))}, nil
	}
	ids, err := q.idsOf()
	return said{"commitment": receipt.CommitIDs(q.Label, &receipt.Tokens{Salt: salt, IDs: ids})}, err
}

func trustChain(q *trustQuestion) (said, error) {
	salt, err := saltOf(q.Salt)
	if err != nil {
		return nil, err
	}
	ids, err := q.idsOf()
	if err != nil || len(ids) != len(q.Rows) {
		return nil, fmt.Errorf("%d ids and %d rows: %w", len(ids), len(q.Rows), errors.Join(err, errors.New("want as many")))
	}
	c := receipt.NewChain(salt)
	for i, text := range q.Rows {
		raw, err := base64Of("rows", text)
		if err != nil {
			return nil, err
		}
		row := make([]float32, len(raw)/4)
		for j := range row {
			row[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
		}
		c.Add(ids[i], row)
	}
	return said{"hashes": c.Hashes(c.Len())}, nil
}

func trustReceipt(q *trustQuestion) (said, error) {
	keys, err := publicKeys(q.Keys)
	if err != nil {
		return nil, err
	}
	r, err := receipt.Parse([]byte(q.Receipt))
	if err != nil {
		return nil, err
	}
	v, err := r.Verify(receipt.Check{Keys: keys, Logs: q.LogKeys, Witnesses: q.Witnesses, Quorum: q.Quorum})
	if err != nil {
		return nil, err
	}
	a := said{"ok": true, "key": v.Key, "model": v.Model, "time": v.Time, "checked": v.Checked}
	if v.Log != nil {
		a["log"] = v.Log
	}
	return a, nil
}

func trustUsage(q *trustQuestion) (said, error) {
	keys, err := publicKeys(q.Keys)
	if err != nil {
		return nil, err
	}
	r, err := usage.Parse([]byte(q.Receipt))
	if err != nil {
		return nil, err
	}
	s, err := r.Verify(keys)
	if err != nil {
		return nil, err
	}
	return said{"ok": true, "amount": s.Amount}, nil
}

func trustNet(q *trustQuestion) (said, error) {
	keys, err := publicKeys(q.Keys)
	if err != nil {
		return nil, err
	}
	month, err := time.Parse("2006-01", q.Month)
	if err != nil {
		return nil, fmt.Errorf("month %.20q, want YYYY-MM", q.Month)
	}
	var list []*usage.Receipt
	for _, text := range q.Receipts {
		r, err := usage.Parse([]byte(text))
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	rows, gaps, err := usage.Net(list, nil, keys, month)
	return said{"rows": rows, "gaps": gaps}, err
}

// hashes reads the hashes of a proof.
func (q *trustQuestion) hashes() ([]tlog.Hash, error) {
	var texts []string
	if json.Unmarshal(q.Proof, &texts) != nil {
		return nil, signed.Refuse(signed.Log, "proof: want a list of hashes")
	}
	var all []tlog.Hash
	for _, t := range texts {
		h, err := hashOf(t)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

func hashOf(text string) (tlog.Hash, error) {
	h, ok := transparency.ParseHash(text)
	if !ok {
		return h, signed.Refuse(signed.Log, "%.80q is no hash", text)
	}
	return h, nil
}

// needed returns an integer that has to be there.
func needed(name string, n *int64) (int64, error) {
	if n == nil {
		return 0, fmt.Errorf("%s is missing", name)
	}
	return *n, nil
}

func trustInclusion(q *trustQuestion) (said, error) {
	data, err := base64Of("data", q.Data)
	if err != nil {
		return nil, err
	}
	index, err := needed("index", q.Index)
	if err != nil {
		return nil, err
	}
	root, err := hashOf(q.Root)
	if err != nil {
		return nil, err
	}
	proof, err := q.hashes()
	if err != nil {
		return nil, err
	}
	return said{"ok": true}, transparency.CheckInclusion(tlog.RecordHash(data), index, q.Size, root, proof)
}

func trustConsistency(q *trustQuestion) (said, error) {
	from, err := needed("from", q.From)
	if err != nil {
		return nil, err
	}
	old, err := hashOf(q.Old)
	if err != nil {
		return nil, err
	}
	root, err := hashOf(q.Root)
	if err != nil {
		return nil, err
	}
	proof, err := q.hashes()
	if err != nil {
		return nil, err
	}
	return said{"ok": true}, transparency.CheckConsistency(from, old, q.Size, root, proof)
}

// noteTrust returns what a note is checked with.
func (q *trustQuestion) noteTrust() (*transparency.Trust, error) {
	logs, err := transparency.ParseVerifiers(q.Keys, transparency.LogKey)
	if err != nil {
		return nil, err
	}
	witnesses, err := transparency.ParseVerifiers(q.Witnesses, transparency.WitnessKey)
	return &transparency.Trust{Origin: q.Origin, Logs: logs, Witnesses: witnesses, Quorum: q.Quorum}, err
}

func trustCheckpoint(q *trustQuestion) (said, error) {
	t, err := q.noteTrust()
	if err != nil {
		return nil, err
	}
	w, err := t.Open([]byte(q.Note))
	if err != nil {
		return nil, err
	}
	return said{"ok": true, "size": w.Size, "root": w.Root.String(), "witnesses": w.Witnesses}, nil
}

func trustProof(q *trustQuestion) (said, error) {
	t, err := q.noteTrust()
	if err != nil {
		return nil, err
	}
	data, err := base64Of("data", q.Data)
	if err != nil {
		return nil, err
	}
	var text string
	if json.Unmarshal(q.Proof, &text) != nil {
		return nil, signed.Refuse(signed.Log, "proof: want a text")
	}
	p, err := transparency.ParseProof(text)
	if err != nil {
		return nil, err
	}
	w, err := p.Check(t, data)
	if err != nil {
		return nil, err
	}
	return said{"ok": true, "index": p.Index, "size": w.Size}, nil
}

func trustWitness(q *trustQuestion) (said, error) {
	key, err := signed.ParsePrivateKey([]byte(q.PEM))
	if err != nil {
		return nil, err
	}
	s, err := transparency.NewSigner(q.Name, transparency.WitnessKey, key)
	if err != nil {
		return nil, err
	}
	logs := map[string][]*transparency.Verifier{}
	for origin, keys := range q.Logs {
		if logs[origin], err = transparency.ParseVerifiers(keys, transparency.LogKey); err != nil {
			return nil, err
		}
	}
	state := map[string]witnessState{}
	for origin, have := range q.State {
		state[origin] = have
	}
	var bad error
	r := transparency.AddCheckpoint(s, q.Request, logs, func(origin string) (transparency.Seen, bool) {
		have, ok := state[origin]
		if !ok {
			return transparency.Seen{}, false
		}
		root, err := hashOf(have.Root)
		bad = errors.Join(bad, err)
		return transparency.Seen{Size: have.Size, Root: root}, true
	}, time.Unix(q.Time, 0))
	if r.Status == transparency.StatusCosigned {
		state[r.Origin] = witnessState{r.Seen.Size, r.Seen.Root.String()}
	}
	return said{"status": r.Status, "body": r.Body, "state": state}, bad
}

func trustJob(q *trustQuestion) (said, error) {
	v, err := signed.Parse(q.Job, receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	return said{"id": cluster.JobID(v)}, nil
}

// trustAudit says which of some ids are audited at a rate of so many in a million.
func trustAudit(q *trustQuestion) (said, error) {
	seed, err := hex.DecodeString(q.Seed)
	if err != nil || len(seed) != 32 || q.PPM < 0 || q.PPM > 1_000_000 {
		return nil, fmt.Errorf("seed and ppm: want 64 hexadecimal digits, and 0 to 1000000")
	}
	var ids []string
	if json.Unmarshal(q.IDs, &ids) != nil {
		return nil, fmt.Errorf("ids: want a list of texts")
	}
	audited := []string{}
	for _, id := range ids {
		raw, err := hex.DecodeString(id)
		if err != nil {
			return nil, fmt.Errorf("ids: %.80q, want hexadecimal digits", id)
		}
		if cluster.IsAudited(seed, raw, q.PPM) {
			audited = append(audited, strings.ToLower(id))
		}
	}
	return said{"audited": audited}, nil
}
