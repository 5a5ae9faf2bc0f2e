package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// An answer of a server that gives receipts has a seal: it says what that proves and what
// not, checks it again, tells when it does not hold any more, and gives the file away.
func TestSeal(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	var keys [2]*signed.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = signed.Generate(signed.Ed25519); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := audit.Init(log, "example.org/log", keys[0]); err != nil {
		t.Fatal(err)
	}
	w, err := audit.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	program, err := attest.NewProgram(t.Context(), "test", os.Args[0], "")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(o *server.SiteOptions) {
		o.Notary = &attest.Notary{Key: keys[1], Program: program, Log: audit.Receipts{Writer: w}}
	})
	tab := browse(t, s, "/", Options{})
	answer := tab.Ask("play hello")
	answer.Find("button", "Sealed").Click()
	seal := answer.Find("group", "Seal: what it proves")
	for _, words := range []string{"can compute the answer again, to the bit", "That the answer is true or good.", "read the prompt or kept a copy", "the key that signs was stolen"} {
		if !strings.Contains(seal.Text(), words) {
			t.Errorf("the seal does not say %q: %s", words, seal.Text())
		}
	}
	seal.Find("button", "Check again").Click()
	tab.Until("it is checked", func() bool { return strings.Contains(seal.Text(), "It holds.") })
	for _, words := range []string{"the signature", "the same answer again, to the bit", "Leaf 0 of 1 in the log example.org/log."} {
		if !strings.Contains(seal.Text(), words) {
			t.Errorf("the check does not say %q: %s", words, seal.Text())
		}
	}
	href := Eval[string](tab, `document.querySelector('.seal a').getAttribute('href')`)
	text := Eval[string](tab, `(async () => (await fetch('`+href+`')).text())()`)
	r, err := receipt.Parse([]byte(text))
	if err != nil {
		t.Fatalf("the file to take away: %v: %.200s", err, text)
	}
	if _, err := r.Verify(receipt.Check{Keys: []*receipt.PublicKey{keys[1].Public()}, Logs: []string{w.Verifier().String()}}); err != nil {
		t.Error(err)
	}
	if err := audit.Erase(log, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	tab.Expect("404")
	seal.Find("button", "Check again").Click()
	tab.Until("it says that the receipt is gone", func() bool {
		return strings.Contains(seal.Text(), "could not be checked") && strings.Contains(seal.Text(), "erased")
	})
}

// A server that gives none shows no seal.
func TestNoSeal(t *testing.T) {
	_, tab := open(t, "/", Options{})
	if answer := tab.Ask("play hello"); answer.Has("button", "Sealed") {
		t.Error("there is a seal")
	}
}
