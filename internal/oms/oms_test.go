package oms

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/signed"
)

// signature is a line of testdata/oms.jsonl.gz: good ones by model-signing 1.1.1, hostile
// ones signed by cryptography.
type signature struct {
	Name, Model, Sig string
	Files            map[string]json.RawMessage // base64, or {"link"}
	Args             []string
	Want             any
	Says             any
}

func lay(t *testing.T, folder string, files map[string]json.RawMessage) {
	t.Helper()
	for name, raw := range files {
		path := filepath.Join(folder, "m", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var text string
		var link struct{ Link string }
		var err error
		if json.Unmarshal(raw, &text) == nil {
			b, _ := base64.StdEncoding.DecodeString(text)
			err = os.WriteFile(path, b, 0o644)
		} else if err = json.Unmarshal(raw, &link); err == nil {
			err = os.Symlink(link.Link, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verify does what the arguments of a line say.
func verify(t *testing.T, at, sig string, args []string) (*Statement, error) {
	t.Helper()
	var trust Trust
	var c Comparison
	c.Signature = sig
	for i := 0; i < len(args); i++ {
		var err error
		switch args[i] {
		case "--key":
			i++
			trust.Key, err = signed.ParsePublicKey(read(t, args[i]))
		case "--ca":
			i++
			trust.Authorities, err = ParseCertificates(read(t, args[i]))
		case "--at":
			i++
			trust.At, err = time.Parse(time.RFC3339, args[i])
		case "--allow-extra":
			c.AllowExtra = true
		default:
			t.Fatalf("argument %q", args[i])
		}
		if err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(sig)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(text)
	if err != nil {
		return nil, err
	}
	s, _, err := b.Open(trust)
	if err != nil {
		return nil, err
	}
	_, err = s.Compare(context.Background(), at, c)
	return s, err
}

// TestVectors verifies what model-signing signed, and refuses what was changed or is
// hostile, by a reason that is allowed, naming the file.
func TestVectors(t *testing.T) {
	all, err := golden.Lines[signature]("testdata/oms.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		folder := t.TempDir()
		lay(t, folder, c.Files)
		sig := filepath.Join(folder, "m.sig")
		if err := os.WriteFile(sig, []byte(c.Sig), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := verify(t, filepath.Join(folder, c.Model), sig, c.Args)
		want, refused := c.Want.([]any)
		switch {
		case !refused && err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case refused && !slices.Contains(want, any(string(signed.ReasonOf(err)))):
			t.Errorf("%s: got %v, want %v", c.Name, err, want)
		}
		if says, ok := c.Says.(string); ok && err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not name %s", c.Name, err, says)
		}
	}
}

// sign signs the model at a path with a key of the testdata.
func sign(t *testing.T, at, key string, ignored ...string) []byte {
	t.Helper()
	private, err := signed.ParsePrivateKey(read(t, key))
	if err != nil {
		t.Fatal(err)
	}
	l, err := List(context.Background(), at, ignored, "")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Digest(context.Background(), l, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&Signer{Key: private}).Sign(NewStatement(filepath.Base(at), files, ignored))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRoots holds roots to testdata/roots.jsonl, and what is signed to what is verified.
func TestRoots(t *testing.T) {
	all, err := golden.Lines[struct {
		Name, Model string
		Files       map[string]json.RawMessage
		Want        struct{ Root string }
	}]("testdata/roots.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		folder := t.TempDir()
		lay(t, folder, c.Files)
		at, sig := filepath.Join(folder, c.Model), filepath.Join(folder, "s.sig")
		l, err := List(context.Background(), at, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		files, err := Digest(context.Background(), l, "")
		if err != nil || checkpoint.Root(files).String() != c.Want.Root {
			t.Errorf("%s: root %s, %v, want %s", c.Name, checkpoint.Root(files), err, c.Want.Root)
		}
		if err := os.WriteFile(sig, sign(t, at, "p384.TEST.pem"), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, err := verify(t, at, sig, []string{"--key", "p384.pub"}); err != nil || s.Root != c.Want.Root {
			t.Errorf("%s: what was signed: %v", c.Name, err)
		}
		if _, err := verify(t, at, sig, []string{"--key", "p256.pub"}); signed.ReasonOf(err) != signed.Key {
			t.Errorf("%s: with another key: %v", c.Name, err)
		}
	}
}

// TestModelSigning has model-signing verify what was signed here. It needs Python with
// that package: pip install model-signing.
func TestModelSigning(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: install it, then pip install model-signing")
	}
	if err := exec.Command(python, "-c", "import model_signing").Run(); err != nil {
		t.Skip("python3 has no model_signing: pip install model-signing")
	}
	folder := t.TempDir()
	lay(t, folder, map[string]json.RawMessage{"config.json": json.RawMessage(`"e30="`), "sub/é": json.RawMessage(`""`), "sub-1": json.RawMessage(`"AAAA"`), "cache/x": json.RawMessage(`"AAAA"`)})
	at := filepath.Join(folder, "m")
	for _, key := range []string{"p256", "p384", "p521"} {
		sig := filepath.Join(folder, key+".sig")
		if err := os.WriteFile(sig, sign(t, at, key+".TEST.pem", "cache"), 0o644); err != nil {
			t.Fatal(err)
		}
		public, err := filepath.Abs(filepath.Join("testdata/keys", key+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-m", "model_signing", "verify", "key", at, "--signature", sig, "--public_key", public).CombinedOutput()
		if err != nil {
			t.Errorf("%s: model_signing refuses it: %v\n%s", key, err, out)
		}
	}
}

// TestSigner: keys and certificates that do not go together are refused.
func TestSigner(t *testing.T) {
	ed, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Signer{Key: ed}).Check(); signed.ReasonOf(err) != signed.Algorithm {
		t.Errorf("an Ed25519 key: %v", err)
	}
	key, err := signed.ParsePrivateKey(read(t, "p256.TEST.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ParseCertificates(read(t, "leaf.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Signer{Key: key, Certificates: leaf}).Check(); signed.ReasonOf(err) != signed.Certificate {
		t.Errorf("the certificate of another key: %v", err)
	}
}

// TestCostlyCertificates: certificates that would take seconds to check with are refused
// before they are used, by the bundle and by who trusts them.
func TestCostlyCertificates(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).Lsh(big.NewInt(1), 1<<17)
	wide := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mid"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	widest := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), maxRSA-1, 1), E: 65537}
	der, err := x509.CreateCertificate(rand.Reader, template, template, widest, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCertificates(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		t.Errorf("a key of %d bits: %v", maxRSA, err)
	}
	long := *template
	long.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Value: make([]byte, maxCertificate)}}
	for _, c := range []struct {
		name     string
		template *x509.Certificate
		key      any
		says     string
	}{{"a wide key", template, wide, "131073 bits"}, {"a long one", &long, &key.PublicKey, "bytes, want at most"}} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, template, c.key, key)
		if err != nil {
			t.Fatal(err)
		}
		bundle := `{"mediaType":"` + mediaType + `","verificationMaterial":{"x509CertificateChain":{"certificates":[{"rawBytes":"` + base64.StdEncoding.EncodeToString(der) + `"}]}},` +
			`"dsseEnvelope":{"payload":"","payloadType":"` + signed.InToto + `","signatures":[{"sig":""}]}}`
		if _, err := Parse([]byte(bundle)); signed.ReasonOf(err) != signed.Certificate || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s in a bundle: %v", c.name, err)
		}
		if _, err := ParseCertificates(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); signed.ReasonOf(err) != signed.Certificate || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s of an authority: %v", c.name, err)
		}
	}
}

// TestSingleTwice: a model of one file that was signed under both names that it may have, with
// different sums, is neither.
func TestSingleTwice(t *testing.T) {
	at := filepath.Join(t.TempDir(), "w.gguf")
	if err := os.WriteFile(at, []byte("GGUF"), 0o644); err != nil {
		t.Fatal(err)
	}
	right := sha256.Sum256([]byte("GGUF"))
	for _, names := range [][2]string{{".", "w.gguf"}, {"w.gguf", "."}} {
		s := &Statement{Resources: []Resource{{Name: names[0], Digest: right}, {Name: names[1]}}}
		if _, err := s.Compare(t.Context(), at, Comparison{}); signed.ReasonOf(err) != signed.Form {
			t.Errorf("%q: %v, want form", names, err)
		}
		if _, err := s.CompareDigests([]checkpoint.Resource{{Name: "w.gguf", Digest: right}}, nil); signed.ReasonOf(err) != signed.Form {
			t.Errorf("%q, by digests: %v, want form", names, err)
		}
		s.Resources = s.Resources[:1]
		if _, err := s.Compare(t.Context(), at, Comparison{}); err != nil {
			t.Errorf("%q alone: %v", names[0], err)
		}
	}
}

func FuzzBundle(f *testing.F) {
	all, err := golden.Lines[signature]("testdata/oms.jsonl.gz")
	if err != nil {
		f.Fatal(err)
	}
	for i, c := range all {
		if i%4 == 0 && len(c.Sig) < 10_000 {
			f.Add([]byte(c.Sig), []byte(nil))
			if b, err := Parse([]byte(c.Sig)); err == nil {
				f.Add([]byte(c.Sig), b.envelope.Payload)
			}
		}
	}
	key, err := signed.ParsePublicKey(read(f, "p256.pub"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		b, err := Parse(text)
		if err == nil {
			_, _, err = b.Open(Trust{Key: key})
		}
		if err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("no refusal: %v", err)
		}
		if s, err := readStatement(payload); err == nil && (len(s.Resources) == 0 || len(s.Root) != 64) || err != nil && signed.ReasonOf(err) == "" {
			t.Fatalf("a statement: %v, %v", s, err)
		}
	})
}
