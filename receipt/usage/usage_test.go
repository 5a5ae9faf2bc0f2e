package usage

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// question is a line of testdata: envelopes by securesystemslib, sums by SQLite.
type question struct {
	Op, How, Receipt, Month string
	Receipts, Keys          []string
	Want                    struct {
		OK     bool
		Reason any
		Amount int64
		Rows   json.RawMessage
	}
}

func questions(t testing.TB) []question {
	t.Helper()
	all, err := golden.Lines[question]("testdata/usage.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func keysOf(t testing.TB, q *question) (keys []*receipt.PublicKey) {
	t.Helper()
	for _, k := range q.Keys {
		key, err := receipt.ParsePublicKey([]byte(k))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// TestVectors holds receipts of usage and tables to the vectors.
func TestVectors(t *testing.T) {
	for i, q := range questions(t) {
		switch q.Op {
		case "usage":
			r, err := Parse([]byte(q.Receipt))
			var s *Statement
			if err == nil {
				s, err = r.Verify(keysOf(t, &q))
			}
			reasons, _ := q.Want.Reason.([]any)
			if (err == nil) != q.Want.OK || err == nil && s.Amount != q.Want.Amount || err != nil && !slices.Contains(reasons, any(string(signed.ReasonOf(err)))) {
				t.Errorf("%d: %s: got %v, want %v %v", i, q.How, err, q.Want.OK, q.Want.Reason)
			}
		case "net":
			var list []*Receipt
			for _, text := range q.Receipts {
				r, err := Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, r)
			}
			month, err := time.Parse("2006-01", q.Month)
			if err != nil {
				t.Fatal(err)
			}
			rows, _, err := Net(list, nil, keysOf(t, &q), month)
			got, _ := json.Marshal(rows)
			var want bytes.Buffer
			if json.Compact(&want, q.Want.Rows) != nil || err != nil || string(got) != want.String() {
				t.Errorf("%d: %s: got %s, %v\nwant %s", i, q.Month, got, err, want.String())
			}
		}
	}
}

// TestTwoSides: a receipt counts once both signed, and gaps between receipts are told.
func TestTwoSides(t *testing.T) {
	var keys []*receipt.PrivateKey
	var public []*receipt.PublicKey
	for range 2 {
		k, err := signed.Generate(signed.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		keys, public = append(keys, k), append(public, k.Public())
	}
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	root := "00000000000000000000000000000000000000000000000000000000000000aa"
	var list []*Receipt
	previous := ""
	for n := int64(1); n <= 3; n++ {
		s := &Statement{Provider: public[0].ID(), Consumer: public[1].ID(), Sequence: n, Previous: previous, From: month, To: month.Add(time.Hour), Model: root, Count: 1, Root: root, Currency: "EUR", Amount: n}
		half, err := New(s, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := half.Verify(public); signed.ReasonOf(err) != signed.Key {
			t.Errorf("one side alone: %v", err)
		}
		if got, err := half.VerifyHalf(public); err != nil || *got != *s {
			t.Errorf("got %+v, %v, want %+v", got, err, s)
		}
		whole, err := half.Countersign(keys[1])
		if err != nil {
			t.Fatal(err)
		}
		list, previous = append(list, whole), whole.Digest()
	}
	rows, gaps, err := Net(append(list, list...), nil, public, month)
	if err != nil || len(rows) != 1 || len(gaps) != 0 || rows[0].Amount.Int64() != 6 || rows[0].Payer != public[1].ID() || rows[0].Receipts != 3 {
		t.Errorf("got %v, gaps %v, %v", rows, gaps, err)
	}
	if _, gaps, err := Net([]*Receipt{list[0], list[2]}, nil, public, month); err != nil || len(gaps) != 1 {
		t.Errorf("without the second: gaps %v, %v", gaps, err)
	}
	if rows, _, err := Net(list, nil, public, month.AddDate(0, 1, 0)); err != nil || len(rows) != 0 {
		t.Errorf("the month behind: %v, %v", rows, err)
	}
}

func FuzzUsage(f *testing.F) {
	var keys []*receipt.PublicKey
	for _, q := range questions(f) {
		if q.Op == "usage" {
			f.Add([]byte(q.Receipt))
			keys = keysOf(f, &q)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err == nil {
			_, err = r.Verify(keys)
			if s, bad := readStatement(r.envelope.Payload); bad == nil && !bytes.Equal(s.payload(), r.envelope.Payload) {
				t.Fatalf("%q is read as another", r.envelope.Payload)
			}
		}
		if err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("no refusal: %v", err)
		}
	})
}
