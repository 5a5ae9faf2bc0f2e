package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/signed"
)

// question is a line of testdata/receipts.jsonl.gz: envelopes by securesystemslib, bytes by
// rfc8785, proofs by torchwood.
type question struct {
	Op, How, Receipt, Label, Salt string
	IDs                           []uint32
	Value                         json.RawMessage
	Rows                          []string
	Keys, Witnesses               []string
	LogKeys                       []string `json:"log_keys"`
	Quorum                        int
	Want                          struct {
		OK                     bool
		Reason                 any
		Key, Model, Commitment string
		Hashes                 []string
	}
}

func questions(t testing.TB) []question {
	t.Helper()
	all, err := golden.Lines[question]("testdata/receipts.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func saltOf(t *testing.T, s string) (salt Salt) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(salt) {
		t.Fatalf("salt %q", s)
	}
	return Salt(b)
}

// check verifies the receipt of a question.
func check(q *question) (*Verdict, error) {
	c := Check{Logs: q.LogKeys, Witnesses: q.Witnesses, Quorum: q.Quorum}
	for _, k := range q.Keys {
		key, err := ParsePublicKey([]byte(k))
		if err != nil {
			return nil, err
		}
		c.Keys = append(c.Keys, key)
	}
	r, err := Parse([]byte(q.Receipt))
	if err != nil {
		return nil, err
	}
	return r.Verify(c)
}

// allowed says whether a reason is one of those that a question allows.
func allowed(want any, got signed.Reason) bool {
	list, _ := want.([]any)
	return slices.Contains(list, any(string(got))) || want == string(got)
}

// TestVectors holds commitments, chains and receipts to the vectors: good ones, every field
// and byte changed, signed and yet wrong.
func TestVectors(t *testing.T) {
	for i, q := range questions(t) {
		switch q.Op {
		case "commit":
			if got := CommitIDs(q.Label, &Tokens{saltOf(t, q.Salt), q.IDs}); got != q.Want.Commitment {
				t.Errorf("%d: commitment %s, want %s", i, got, q.Want.Commitment)
			}
		case "chain":
			c := NewChain(saltOf(t, q.Salt))
			for j, row := range q.Rows {
				raw, _ := base64.StdEncoding.DecodeString(row)
				logits := make([]float32, len(raw)/4)
				for k := range logits {
					logits[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
				}
				c.Add(q.IDs[j], logits)
			}
			if got := c.Hashes(c.Len()); !slices.Equal(got, q.Want.Hashes) {
				t.Errorf("%d: chain %v, want %v", i, got, q.Want.Hashes)
			}
		case "receipt":
			v, err := check(&q)
			switch {
			case (err == nil) != q.Want.OK, err != nil && !allowed(q.Want.Reason, signed.ReasonOf(err)):
				t.Errorf("%d: %s: got %v, want %v %v", i, q.How, err, q.Want.OK, q.Want.Reason)
			case err == nil && q.Want.Key != "" && (v.Key != q.Want.Key || v.Model != q.Want.Model):
				t.Errorf("%d: %s: signed by %s for %s, want %s for %s", i, q.How, v.Key, v.Model, q.Want.Key, q.Want.Model)
			}
		}
	}
}

// sample returns a statement and what opens it.
func sample(t *testing.T) (*Statement, *Opening, *PrivateKey) {
	t.Helper()
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	constraints, err := signed.Parse([]byte(`{"stop": ["x"]}`), 100)
	if err != nil {
		t.Fatal(err)
	}
	o := &Opening{Prompt: &Tokens{NewSalt(), []uint32{1, 2, 3}}, Output: &Tokens{NewSalt(), []uint32{4}}, Constraints: constraints}
	c := NewChain(o.Prompt.Salt)
	c.Add(4, make([]float32, 8))
	zero := digits([32]byte{})
	s := &Statement{
		Output: CommitIDs("output", o.Output), Model: Model{"m", zero, ""}, Tokenizer: zero, Template: zero, Profile: Profile{Name: "canon-1", MLA: "none", Cache: "f32"},
		Program: Program{"1", zero}, Prompt: CommitIDs("prompt", o.Prompt), Constraints: CommitConstraints(o.Prompt.Salt, constraints),
		Parameters: Parameters{Temperature: 0.6, TopP: 1, RepeatPenalty: 1, PresencePenalty: -0.5, Seed: math.MaxUint64, Think: "auto", MaxTokens: 1},
		Finish:     "length", Vocabulary: 8, Hashes: c.Hashes(1), Usage: Usage{PromptTokens: 3, OutputTokens: 1}, Request: "r",
		Started: time.Unix(1_800_000_000, 0), Finished: time.Unix(1_800_000_001, 5),
	}
	return s, o, key
}

// TestRedact: what is dropped leaves the rest whole, and can be brought back.
func TestRedact(t *testing.T) {
	s, o, key := sample(t)
	r, err := Sign(s, key, o)
	if err != nil {
		t.Fatal(err)
	}
	c := Check{Keys: []*PublicKey{key.Public()}}
	for part, want := range map[Part][]string{"": {"signature", "prompt", "output"}, Prompt: {"signature", "output"}, Output: {"signature", "prompt"}, All: {"signature"}} {
		x, err := Parse(r.Redact(part).Text())
		if err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		if !bytes.Equal(x.envelope.PAE(), r.envelope.PAE()) || !bytes.Equal(x.Leaf(), r.Leaf()) {
			t.Errorf("%s: another envelope", part)
		}
		v, err := x.Verify(c)
		if err != nil || !slices.Equal(v.Checked, want) {
			t.Errorf("%s: %v, %v, want %v", part, v, err, want)
		}
		if part == Prompt && (x.Opening.Constraints != nil || bytes.Contains(x.Text(), []byte(hex.EncodeToString(o.Prompt.Salt[:])))) {
			t.Error("the prompt's salt or constraints are still there")
		}
		x.Opening = x.Opening.Add(o)
		if v, err := x.Verify(c); err != nil || len(v.Checked) != 3 {
			t.Errorf("%s: with the opening brought along: %v, %v", part, v, err)
		}
	}
	r.Opening.Constraints, _ = signed.Parse([]byte(`{"stop": ["y"]}`), 100)
	if _, err := r.Verify(c); signed.ReasonOf(err) != signed.Opening {
		t.Errorf("other constraints: %v", err)
	}
}

// TestSignRefuses: what would be refused is not signed.
func TestSignRefuses(t *testing.T) {
	s, o, key := sample(t)
	s.Usage.OutputTokens = 2
	if _, err := Sign(s, key, o); err == nil {
		t.Error("a receipt was signed that does not open")
	}
	other, err := signed.Generate(signed.P256)
	if err != nil {
		t.Fatal(err)
	}
	s.Usage.OutputTokens = 1
	if _, err := Sign(s, other, o); signed.ReasonOf(err) != signed.Algorithm {
		t.Errorf("an ECDSA key: %v", err)
	}
}

// TestChainPrefix: the chain of the first tokens is that of an answer of so many.
func TestChainPrefix(t *testing.T) {
	salt := NewSalt()
	row := []float32{1, float32(math.NaN()), -3}
	whole := NewChain(salt)
	for i := range 70 {
		row[0] = float32(i)
		whole.Add(uint32(i), row)
	}
	for _, n := range []int{0, 1, 31, 32, 33, 64, 69, 70} {
		c := NewChain(salt)
		for i := range n {
			row[0] = float32(i)
			c.Add(uint32(i), row)
		}
		if got := whole.Hashes(n); !slices.Equal(got, c.Hashes(n)) || len(got) != (n+31)/32 {
			t.Errorf("%d tokens: got %v, want %v", n, got, c.Hashes(n))
		}
	}
}

func FuzzReceipt(f *testing.F) {
	var keys []*PublicKey
	for i, q := range questions(f) {
		if q.Op == "receipt" && i%8 == 0 {
			f.Add([]byte(q.Receipt))
		}
		if q.Op == "receipt" && len(keys) == 0 {
			k, err := ParsePublicKey([]byte(q.Keys[0]))
			if err != nil {
				f.Fatal(err)
			}
			keys = append(keys, k)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err == nil {
			var again *Receipt
			if again, err = Parse(r.Text()); err != nil || !bytes.Equal(again.Text(), r.Text()) {
				t.Fatalf("comes back as another: %v", err)
			}
			_, err = r.Verify(Check{Keys: keys})
			if s, bad := readStatement(r.envelope.Payload); bad == nil && !bytes.Equal(s.payload(), r.envelope.Payload) {
				t.Fatalf("%q is read as %q", r.envelope.Payload, s.payload())
			}
		}
		if err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("no refusal: %v", err)
		}
	})
}

// TestRopeOfProfile keeps what was set of rotary embedding, and nothing where nothing was:
// receipts of before stay as they are.
func TestRopeOfProfile(t *testing.T) {
	for _, rope := range []string{"", "scaling=yarn,scale=4,context=8192"} {
		s, _, _ := sample(t)
		s.Profile.Rope = rope
		payload := s.payload()
		if has := strings.Contains(string(payload), "rope"); has != (rope != "") {
			t.Errorf("%q: %s", rope, payload)
		}
		got, err := readStatement(payload)
		if err != nil || got.Profile != s.Profile {
			t.Errorf("%q: %v, %v", rope, got, err)
		}
	}
}
