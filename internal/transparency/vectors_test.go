package transparency

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/signed"
)

// question is a line of testdata: by x/mod, merkle, torchwood and formats.
type question struct {
	Op, How, Note, Origin, Data, Root, Old, Name, PEM, VKey, Request string
	Keys, Witnesses                                                  []string
	Quorum                                                           int
	Index, Size, From, Time                                          int64
	Proof                                                            json.RawMessage
	Logs                                                             map[string][]string
	State                                                            map[string]struct {
		Size int64
		Root string
	}
	Want struct {
		OK        bool
		Size      int64
		Root      string
		Witnesses int
		Index     int64
		Status    int
		Body      *string
		State     map[string]struct {
			Size int64
			Root string
		}
	}
}

func questions(t testing.TB, name string) []question {
	t.Helper()
	all, err := golden.Lines[question]("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func trustOf(q *question) (*Trust, error) {
	logs, err := ParseVerifiers(q.Keys, LogKey)
	if err != nil {
		return nil, err
	}
	witnesses, err := ParseVerifiers(q.Witnesses, WitnessKey)
	return &Trust{Origin: q.Origin, Logs: logs, Witnesses: witnesses, Quorum: q.Quorum}, err
}

// TestNotes holds checkpoints and whole proofs to what other programs accept.
func TestNotes(t *testing.T) {
	for i, q := range questions(t, "note.jsonl.gz") {
		trust, err := trustOf(&q)
		var w *Witnessed
		index := int64(0)
		switch {
		case err != nil:
		case q.Op == "checkpoint":
			w, err = trust.Open([]byte(q.Note))
		default:
			var text string
			if json.Unmarshal(q.Proof, &text) != nil {
				t.Fatalf("%d: no proof", i)
			}
			data, _ := base64.StdEncoding.DecodeString(q.Data)
			var p *Proof
			if p, err = ParseProof(text); err == nil {
				index = p.Index
				if w, err = p.Check(trust, data); err == nil && p.Text() != text {
					t.Errorf("%d: %s: a proof comes back as another", i, q.How)
				}
			}
		}
		if (err == nil) != q.Want.OK {
			t.Errorf("%d: %s %s: got %v, want ok %v", i, q.Op, q.How, err, q.Want.OK)
			continue
		}
		if err != nil && signed.ReasonOf(err) == "" {
			t.Errorf("%d: %s: no refusal: %v", i, q.How, err)
		}
		if err == nil && (w.Size != q.Want.Size || q.Op == "checkpoint" && (w.Root.String() != q.Want.Root || w.Witnesses != q.Want.Witnesses) || index != q.Want.Index) {
			t.Errorf("%d: %s: got %+v, index %d, want %+v", i, q.How, w, index, q.Want)
		}
	}
}

// hashesOf returns the hashes of a question; false where one is not 32 bytes.
func hashesOf(q *question) (hashes []tlog.Hash, ok bool) {
	var list []string
	if json.Unmarshal(q.Proof, &list) != nil {
		return nil, false
	}
	for _, s := range list {
		h, ok := ParseHash(s)
		if !ok {
			return nil, false
		}
		hashes = append(hashes, h)
	}
	return hashes, true
}

// TestProofs holds inclusion and consistency to what x/mod and merkle agree on.
func TestProofs(t *testing.T) {
	for i, q := range questions(t, "log.jsonl.gz") {
		if q.Op != "inclusion" && q.Op != "consistency" {
			continue
		}
		proof, ok := hashesOf(&q)
		root, rootOK := ParseHash(q.Root)
		err := signed.Refuse(signed.Form, "no hash")
		if ok && rootOK && q.Op == "inclusion" {
			data, _ := base64.StdEncoding.DecodeString(q.Data)
			err = CheckInclusion(tlog.RecordHash(data), q.Index, q.Size, root, proof)
		} else if old, oldOK := ParseHash(q.Old); ok && rootOK && oldOK {
			err = CheckConsistency(q.From, old, q.Size, root, proof)
		}
		if (err == nil) != q.Want.OK {
			t.Errorf("%d: %s %s: got %v, want ok %v", i, q.Op, q.How, err, q.Want.OK)
		}
	}
}

// TestWitness holds what a witness answers to the text of C2SP tlog-witness.
func TestWitness(t *testing.T) {
	for i, q := range questions(t, "witness.jsonl.gz") {
		key, err := signed.ParsePrivateKey([]byte(q.PEM))
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSigner(q.Name, WitnessKey, key)
		if err != nil || s.String() != q.VKey {
			t.Fatalf("%d: the key is %v, want %s: %v", i, s, q.VKey, err)
		}
		logs := map[string][]*Verifier{}
		for origin, keys := range q.Logs {
			if logs[origin], err = ParseVerifiers(keys, LogKey); err != nil {
				t.Fatal(err)
			}
		}
		r := AddCheckpoint(s, q.Request, logs, func(origin string) (Seen, bool) {
			have, ok := q.State[origin]
			root, _ := ParseHash(have.Root)
			return Seen{have.Size, root}, ok
		}, time.Unix(q.Time, 0))
		if r.Status != q.Want.Status || q.Want.Body != nil && r.Body != *q.Want.Body {
			t.Errorf("%d: %s: got %d %q, want %d", i, q.How, r.Status, r.Body, q.Want.Status)
		}
		if r.Status == StatusCosigned {
			if want := q.Want.State[r.Origin]; r.Seen.Size != want.Size || r.Seen.Root.String() != want.Root {
				t.Errorf("%d: %s: has seen %v, want %v", i, q.How, r.Seen, want)
			}
		}
	}
}

// TestVerifiers: a key's text comes back, another use or a wrong hash is refused.
func TestVerifiers(t *testing.T) {
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	log, err := NewSigner("example.org/log", LogKey, key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseVerifier(log.String(), LogKey)
	if err != nil || !reflect.DeepEqual(again, log.Verifier) {
		t.Errorf("got %v, %v, want %v", again, err, log)
	}
	if _, err := ParseVerifier(log.String(), WitnessKey); err == nil {
		t.Error("a log's key is taken for a witness's")
	}
	for _, bad := range []string{"", "a", "a+b", "a+b+c", log.String() + "x", "x" + log.String()} {
		if _, err := ParseVerifier(bad, LogKey); signed.ReasonOf(err) != signed.Log {
			t.Errorf("%q: got %v, want log", bad, err)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\x00b", "\xff", "a\u2028b"} {
		if CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

func FuzzProof(f *testing.F) {
	trust := &Trust{}
	for _, q := range questions(f, "note.jsonl.gz") {
		var text string
		if json.Unmarshal(q.Proof, &text) == nil {
			f.Add(text)
		}
		if t, err := trustOf(&q); err == nil && len(trust.Logs) == 0 {
			trust = t
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		if p.Text() != text {
			t.Fatalf("%q comes back as %q", text, p.Text())
		}
		if _, err := p.Check(trust, []byte("leaf")); err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("no refusal: %v", err)
		}
	})
}

func FuzzNote(f *testing.F) {
	trust := &Trust{}
	for _, q := range questions(f, "note.jsonl.gz") {
		f.Add([]byte(q.Note))
		if t, err := trustOf(&q); err == nil && len(trust.Logs) == 0 {
			trust = t
		}
	}
	for _, q := range questions(f, "witness.jsonl.gz") {
		f.Add([]byte(q.Request))
	}
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		f.Fatal(err)
	}
	s, err := NewSigner("w", WitnessKey, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if w, err := trust.Open(text); err == nil && w.Origin != trust.Logs[0].Name() || err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("got %v, %v", w, err)
		}
		r := AddCheckpoint(s, string(text), map[string][]*Verifier{trust.Logs[0].Name(): trust.Logs}, func(string) (Seen, bool) { return Seen{}, false }, time.Unix(1, 0))
		if r.Status == 0 {
			t.Fatal("no status")
		}
	})
}
