package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// meter counts requests against the limits of their callers.
type meter struct {
	accounts *account.Accounts
	payment  *payment            // nil: nobody is asked
	counted  func(inference.Use) // for metrics; may be nil
}

// Begin lets a request of the caller in ctx in. See inference.Meter.
func (m *meter) Begin(ctx context.Context, model string) (func(inference.Use), error) {
	if name, err := hub.ParseName(model); err == nil {
		model = name.String()
	}
	if err := m.payment.check(ctx, account.CallerOf(ctx).Tenant(), model); err != nil {
		return nil, err
	}
	admission, err := m.accounts.Begin(account.CallerOf(ctx), model)
	if err != nil {
		return nil, limitError(err, model)
	}
	return func(u inference.Use) {
		usage := account.Usage{
			Model: u.Model, Prompt: int64(u.Prompt), Cached: int64(u.Cached),
			Answer: int64(u.AnswerTokens + u.Reasoning), Reasoning: int64(u.Reasoning), Time: u.Time,
		}
		if u.Err != nil && !errors.Is(u.Err, context.Canceled) { // else its client left
			usage.Failed = 1
		}
		admission.End(usage)
		if m.counted != nil {
			m.counted(u)
		}
	}, nil
}

// May says whether the caller in ctx may use a model. See inference.Meter.
func (m *meter) May(ctx context.Context, model string) bool {
	limits := account.CallerOf(ctx).Limits
	return limits.Allow(model)
}

// Tenant returns whose request it is. See inference.Meter.
func (m *meter) Tenant(ctx context.Context) string { return account.CallerOf(ctx).Tenant() }

// maxRetry bounds what a client is told to wait: some do wait for as long as they are
// told, and show nothing to their user meanwhile.
const maxRetry = 30 * time.Second

// limitError says what a caller may not do.
func limitError(err error, model string) error {
	var limit *account.LimitError
	switch {
	case errors.Is(err, account.ErrModel):
		return &wire.Error{Kind: wire.Forbidden, Param: "model", Message: "this key may not use the model " + wire.Quote(model), Err: err}
	case !errors.As(err, &limit):
		return err
	}
	e := &wire.Error{Kind: wire.RateLimit, Code: "rate_limit_exceeded", RetryAfter: min(max(limit.Wait, time.Second), maxRetry), Err: err}
	e.Message = fmt.Sprintf("this key's limit of %d %s is reached", limit.Limit, limit.Name)
	if limit.Lasting {
		e.Code = "insufficient_quota"
		e.Message += " until the month ends"
	} else if limit.Wait > time.Second {
		e.Message += fmt.Sprintf("; there is room again in %s", limit.Wait.Round(time.Second))
	}
	return e
}
