package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

func TestMeter(t *testing.T) {
	a := newAccounts(t)
	caller := func(n account.NewKey) account.Caller {
		t.Helper()
		c, err := a.Find(newKey(t, a, n))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	m := &meter{accounts: a}
	for _, c := range []struct {
		name   string
		limits account.Limits
		model  string
		kind   wire.Kind // of the second request
		code   string
		most   time.Duration
	}{
		{"none", account.Limits{}, "m", 0, "", 0},
		{"requests", account.Limits{RequestsPerMinute: 1}, "m", wire.RateLimit, "rate_limit_exceeded", maxRetry},
		{"tokens", account.Limits{TokensPerMinute: 10}, "m", wire.RateLimit, "rate_limit_exceeded", maxRetry},
		{"month", account.Limits{MonthlyTokens: 10}, "m", wire.RateLimit, "insufficient_quota", maxRetry},
		{"models", account.Limits{Models: []string{"M:latest"}}, "m", 0, "", 0},
	} {
		ctx := account.With(t.Context(), caller(account.NewKey{Name: c.name, Limits: c.limits}))
		if m.Tenant(ctx) != account.CallerOf(ctx).ID {
			t.Errorf("%s: the tenant is %q", c.name, m.Tenant(ctx))
		}
		end, err := m.Begin(ctx, c.model)
		if err != nil {
			t.Fatal(err)
		}
		end(inference.Use{Model: "m:latest", Prompt: 20, Cached: 5, Reasoning: 3, AnswerTokens: 7, Time: time.Second, Err: errors.New("x")})
		end, err = m.Begin(ctx, c.model)
		if c.kind == 0 {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			end(inference.Use{})
			continue
		}
		var e *wire.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Code != c.code || e.RetryAfter < time.Second || e.RetryAfter > c.most {
			t.Errorf("%s: %+v", c.name, err)
		}
	}
	ctx := account.With(t.Context(), caller(account.NewKey{Name: "other", Limits: account.Limits{Models: []string{"other"}}}))
	var e *wire.Error
	if _, err := m.Begin(ctx, "m"); !errors.As(err, &e) || e.Kind != wire.Forbidden || e.Param != "model" || !strings.Contains(e.Message, "m:latest") {
		t.Errorf("another model: %v", err)
	}
	totals, err := a.Usage(t.Context(), account.Query{By: []string{"model"}})
	if err != nil || len(totals) != 1 {
		t.Fatalf("%+v, %v", totals, err)
	}
	if u := totals[0]; u.Requests != 5 || u.Failed != 5 || u.Prompt != 100 || u.Cached != 25 || u.Answer != 50 || u.Reasoning != 15 || u.Seconds != 5 {
		t.Errorf("%+v", u)
	}
}
