package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/host"
)

// TestPayment: a hook that wants a payment has a request refused with the status 402 and
// what it says; one that does not answer lets nobody in; none is asked unless it is set.
func TestPayment(t *testing.T) {
	var asked string
	status := http.StatusOK
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		asked = string(text)
		w.Header().Set(paymentHeader, "how")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "two\n cents")
	}))
	defer hook.Close()
	s, err := OpenSite(SiteOptions{Host: host.Options{Home: t.TempDir()}, Payment: hook.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	s.gate.peers, s.gate.uid = &fakePeers{user: self}, self
	ask := func() (int, string, string) {
		w := s.ask("POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"secret"}]}`)
		return w.Code, w.Body.String(), w.Header().Get(paymentHeader)
	}
	if code, body, _ := ask(); code != http.StatusNotFound { // it is paid, and there is no such model
		t.Errorf("paid: %d %s", code, body)
	}
	if !strings.Contains(asked, `"model":"m:latest"`) || strings.Contains(asked, "secret") {
		t.Errorf("the hook is asked %s", asked)
	}
	status = http.StatusPaymentRequired
	if code, body, how := ask(); code != 402 || how != "how" || !strings.Contains(body, "two cents") || !strings.Contains(body, "payment_required") {
		t.Errorf("not paid: %d %q %s", code, how, body)
	}
	for _, status = range []int{http.StatusInternalServerError, http.StatusFound} {
		if code, body, how := ask(); code != http.StatusServiceUnavailable || how != "" {
			t.Errorf("the hook says %d: %d %s", status, code, body)
		}
	}
	hook.Close()
	if code, body, _ := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("no hook answers: %d %s", code, body)
	}
}
