package account

import (
	"fmt"
	"sync"
	"time"
)

// gauge is what a key uses at this moment.
type gauge struct {
	requests bucket
	tokens   bucket
	running  int64
	typical  float64 // tokens that one of its requests takes, about
}

// Admission is a request that was let in. End is to be called.
type Admission struct {
	accounts *Accounts
	caller   Caller
	reserved float64
	once     sync.Once
}

// Begin lets a request in, or says which limit of the caller's it is beyond: a
// *LimitError, or one that wraps ErrModel where the caller may not use the model, which
// is called by its name in the store.
//
// A request takes one of the requests a minute. Of the tokens a minute it takes, at
// first, what the key's last requests took on the average; End gives them back and takes
// what was used in their place. A request that used more than was left is not cut off:
// the next ones wait until the minutes have paid for it.
func (a *Accounts) Begin(c Caller, model string) (*Admission, error) {
	if !c.Limits.Allow(model) {
		return nil, fmt.Errorf("account: %w: %q", ErrModel, model)
	}
	adm := &Admission{accounts: a, caller: c}
	if c.ID == "" {
		return adm, nil
	}
	now, l := a.now(), c.Limits
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gauge(c, now)
	want := g.want(l)
	switch {
	case l.Concurrent > 0 && g.running >= l.Concurrent:
		return nil, &LimitError{Name: "requests at once", Limit: l.Concurrent, Wait: time.Second}
	case l.MonthlyTokens > 0 && a.ledger.month(c.ID, now) >= l.MonthlyTokens:
		return nil, &LimitError{Name: "tokens a month", Limit: l.MonthlyTokens, Wait: untilNextMonth(now), Lasting: true}
	case l.RequestsPerMinute > 0 && g.requests.level < 1:
		return nil, &LimitError{Name: "requests a minute", Limit: l.RequestsPerMinute, Wait: g.requests.wait(l.RequestsPerMinute, 1)}
	case l.TokensPerMinute > 0 && g.tokens.level < want:
		return nil, &LimitError{Name: "tokens a minute", Limit: l.TokensPerMinute, Remaining: max(int64(g.tokens.level), 0), Wait: g.tokens.wait(l.TokensPerMinute, want)}
	}
	if l.RequestsPerMinute > 0 {
		g.requests.level--
	}
	if l.TokensPerMinute > 0 {
		adm.reserved = want
		g.tokens.level -= want
	}
	g.running++
	return adm, nil
}

// want is how many tokens there have to be for the next request.
func (g *gauge) want(l Limits) float64 {
	return min(max(g.typical, 1), float64(l.TokensPerMinute))
}

// gauge returns what a key uses, up to a moment. a.mu is held.
func (a *Accounts) gauge(c Caller, now time.Time) *gauge {
	g := a.gauges[c.ID]
	if g == nil {
		g = &gauge{}
		a.gauges[c.ID] = g
	}
	g.requests.fill(c.Limits.RequestsPerMinute, now)
	g.tokens.fill(c.Limits.TokensPerMinute, now)
	return g
}

// End counts what the request used. Only the first call counts.
func (adm *Admission) End(u Usage) {
	adm.once.Do(func() { adm.accounts.end(adm, u) })
}

func (a *Accounts) end(adm *Admission, u Usage) {
	now := a.now()
	u.Requests = 1
	a.mu.Lock()
	defer a.mu.Unlock()
	if u.Model != "" {
		a.ledger.add(adm.caller.ID, now, u)
	}
	if adm.caller.ID == "" {
		return
	}
	g := a.gauge(adm.caller, now)
	g.running--
	used := float64(u.tokens())
	if adm.caller.Limits.TokensPerMinute > 0 {
		g.tokens.level += adm.reserved - used
	}
	g.typical += (used - g.typical) / 8
}

// Standing is how much of its limits a caller has left.
type Standing struct {
	Requests, Tokens *Level // a minute; nil: no limit
	MonthIsUsedUp    bool
}

// Level is how much of a limit is left.
type Level struct {
	Limit, Remaining int64
	Reset            time.Duration // until all of it is there again
}

// Standing says how much of its limits a caller has left.
func (a *Accounts) Standing(c Caller) Standing {
	l := c.Limits
	if c.ID == "" || l.RequestsPerMinute == 0 && l.TokensPerMinute == 0 && l.MonthlyTokens == 0 {
		return Standing{}
	}
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gauge(c, now)
	var s Standing
	level := func(b *bucket, limit int64) *Level {
		if limit == 0 {
			return nil
		}
		return &Level{limit, max(int64(b.level), 0), b.wait(limit, float64(limit))}
	}
	s.Requests, s.Tokens = level(&g.requests, l.RequestsPerMinute), level(&g.tokens, l.TokensPerMinute)
	s.MonthIsUsedUp = l.MonthlyTokens > 0 && a.ledger.month(c.ID, now) >= l.MonthlyTokens
	return s
}

// untilNextMonth returns the time until the next month of UTC begins.
func untilNextMonth(now time.Time) time.Duration {
	now = now.UTC()
	return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Sub(now)
}
