package server

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/fetch"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// payment asks another program whether what a caller wants is paid: a hook, of which no
// payment is made here.
type payment struct {
	url    string
	client *http.Client
}

// paymentPatience is how long the other program may take.
const paymentPatience = 5 * time.Second

func newPayment(url string) *payment {
	if url == "" {
		return nil
	}
	return &payment{url, fetch.Named(paymentPatience)}
}

// paymentHeader is the header by which a client is told how to pay (x402).
const paymentHeader = "Payment-Required"

// maxPayment bounds what is told of a payment, in bytes.
const maxPayment = 4096

// check returns nil where a caller's request to a model is paid. The error, a *wire.Error,
// has the status 402 where it is not; who does not answer lets nobody in.
func (p *payment) check(ctx context.Context, caller, model string) error {
	if p == nil {
		return nil
	}
	none := func(err error) error {
		return &wire.Error{Kind: wire.Unavailable, Message: "whether the request is paid cannot be found out", RetryAfter: paymentPatience, Err: err}
	}
	body := wire.Marshal(map[string]string{"caller": caller, "model": model})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return none(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return none(err)
	}
	defer answer.Body.Close()
	text, err := fetch.ReadReply(answer, maxPayment)
	switch {
	case err != nil:
		return none(err)
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode != http.StatusPaymentRequired:
		return none(nil)
	}
	message := strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "?")), " ")
	if message == "" {
		message = "this request has to be paid"
	}
	e := &wire.Error{Kind: wire.Payment, Code: "payment_required", Message: message}
	if how := answer.Header.Get(paymentHeader); len(how) <= maxPayment {
		e.Payment = how
	}
	return e
}
