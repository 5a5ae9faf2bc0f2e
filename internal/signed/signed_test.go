package signed

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
)

// question is a line of testdata/dsse.jsonl: by securesystemslib and rfc8785.
type question struct {
	Op, Type, Payload, Text, Envelope string
	Keys                              []string
	Want                              struct {
		PAE, Canonical string
		OK             bool
		Reason         any
		Keys           []string
	}
}

func questions(t testing.TB) []question {
	t.Helper()
	all, err := golden.Lines[question]("testdata/dsse.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestVectors holds encoding, canonical JSON and envelopes to what other programs say.
func TestVectors(t *testing.T) {
	for i, q := range questions(t) {
		switch q.Op {
		case "pae":
			payload, _ := base64.StdEncoding.DecodeString(q.Payload)
			if got := base64.StdEncoding.EncodeToString(PAE(q.Type, payload)); got != q.Want.PAE {
				t.Errorf("%d: PAE of %q: got %s, want %s", i, q.Type, got, q.Want.PAE)
			}
		case "jcs":
			v, err := Parse([]byte(q.Text), 1<<20)
			if (err == nil) != q.Want.OK || err == nil && string(Canonical(v)) != q.Want.Canonical || err != nil && ReasonOf(err) != Form {
				t.Errorf("%d: %.60q: got %v, want %v %q", i, q.Text, err, q.Want.OK, q.Want.Canonical)
			}
		case "envelope":
			var keys []*PublicKey
			for _, k := range q.Keys {
				key, err := ParsePublicKey([]byte(k))
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, key)
			}
			v, err := Parse([]byte(q.Envelope), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			f := Read(v, "envelope")
			e := ReadEnvelope(f, false)
			by, err := e.Open(keys)
			if (err == nil) != q.Want.OK {
				t.Fatalf("%d: envelope: %v, want %v", i, err, q.Want.OK)
			}
			if err == nil && (by[0].ID() != q.Want.Keys[0]) {
				t.Errorf("%d: signed by %s, want %s", i, by[0].ID(), q.Want.Keys)
			}
		}
	}
}

// TestStrict: what is not JSON, or not in one form, is refused with Form.
func TestStrict(t *testing.T) {
	for _, text := range []string{
		"", "nul", "[1,]", "[,1]", "{\"a\":1,}", "{a:1}", "'a'", "01", "-", "1.", ".5", "1e", "+1", "1e400", "\"\x01\"", "\"\\x\"", "\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\\ud83d\"", "\"a", "\xff", "\ufeff{}", "{} {}",
		"{\"a\":1,\"\\u0061\":2}", strings.Repeat("[", 33) + strings.Repeat("]", 33), "\"" + strings.Repeat("x", 1<<10) + "\"",
	} {
		if v, err := Parse([]byte(text), 1<<10); ReasonOf(err) != Form {
			t.Errorf("%.40q: got %v, %v, want form", text, v, err)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("[", 32) + strings.Repeat("]", 32):   strings.Repeat("[", 32) + strings.Repeat("]", 32),
		" {\"b\" : [ -0, 1e0, 1E+2 ,0.000001, 1e-7,1e21 ]}": `{"b":[0,1,100,0.000001,1e-7,1e+21]}`,
		`"\u0000\/\ud83d\ude00"`:                            "\"\\u0000/😀\"",
		"{\"\ue000\":1,\"😀\":2}":                            "{\"😀\":2,\"\ue000\":1}",
	} {
		v, err := Parse([]byte(text), 1<<10)
		if err != nil || string(Canonical(v)) != want {
			t.Errorf("%q: got %s, %v, want %s", text, Canonical(v), err, want)
		}
	}
}

// TestManyNames: a name twice is found among many too.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`"` + strings.Repeat("n", i) + `":0,`)
	}
	if _, err := Parse([]byte("{"+b.String()+`"x":1}`), 1<<20); err != nil {
		t.Error(err)
	}
	if _, err := Parse([]byte("{"+b.String()+`"nn":1}`), 1<<20); ReasonOf(err) != Form {
		t.Errorf("a name twice: %v", err)
	}
}

// TestBounds: values and members beyond the bounds are refused, those within are not.
func TestBounds(t *testing.T) {
	const most = 64 << 20
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"` + strconv.Itoa(i) + `":0,`)
		}
		return "{" + strings.TrimSuffix(b.String(), ",") + "}"
	}
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"[" + strings.Repeat("0,", maxValues-2) + "0]", true},
		{"[" + strings.Repeat("0,", maxValues-1) + "0]", false},
		{"[" + strings.Repeat("[],", maxValues) + "0]", false},
		{names(maxMembers), true},
		{names(maxMembers + 1), false},
	} {
		if _, err := Parse([]byte(c.text), most); (err == nil) != c.ok || err != nil && ReasonOf(err) != Form {
			t.Errorf("%.20s…, %d bytes: %v, want %v", c.text, len(c.text), err, c.ok)
		}
	}
}

// TestKeys: each kind of key comes back from its text, signs, and refuses what it did not.
func TestKeys(t *testing.T) {
	for _, kind := range []Kind{Ed25519, P256, P384, P521} {
		k, err := Generate(kind)
		if err != nil {
			t.Fatal(err)
		}
		text, err := k.PEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivateKey(text)
		if err != nil || !again.Public().Equal(k.Public()) || again.Public().Kind() != kind {
			t.Fatalf("%s: %v", kind, err)
		}
		public, err := ParsePublicKey(k.Public().PEM())
		if err != nil || public.ID() != k.Public().ID() || public.Hint() == public.ID() {
			t.Fatalf("%s: %v", kind, err)
		}
		sig, err := k.Sign([]byte("text"))
		if err != nil || !public.Verify([]byte("text"), sig) || public.Verify([]byte("texu"), sig) || public.Verify([]byte("text"), sig[1:]) || public.Verify([]byte("text"), nil) {
			t.Errorf("%s: %v: a signature fits what it should not, or not what it should", kind, err)
		}
		for _, bad := range [][]byte{nil, []byte("x"), append(bytes.Clone(text), text...), text} {
			if _, err := ParsePublicKey(bad); ReasonOf(err) == "" {
				t.Errorf("%s: %.20q is taken for a public key: %v", kind, bad, err)
			}
		}
	}
	if _, err := Generate("rsa"); ReasonOf(err) != Algorithm {
		t.Errorf("a key of another kind: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, q := range questions(f) {
		f.Add([]byte(q.Text))
		f.Add([]byte(q.Envelope))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text, 1<<20)
		if err != nil {
			if ReasonOf(err) != Form {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		once := Canonical(v)
		again, err := Parse(once, len(once))
		if err != nil || !bytes.Equal(Canonical(again), once) {
			t.Fatalf("%q: its canonical form %q comes back as %q, %v", text, once, Canonical(again), err)
		}
		ReadEnvelope(Read(v, "envelope"), true)
	})
}
