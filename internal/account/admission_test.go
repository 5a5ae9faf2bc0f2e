package account

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// refused returns the limit that a request is beyond, nil where it was let in; it is
// ended at once then.
func refused(t *testing.T, a *Accounts, c Caller, u Usage) *LimitError {
	t.Helper()
	adm, err := a.Begin(c, "m:latest")
	var limit *LimitError
	if err == nil {
		adm.End(u)
	} else if !errors.As(err, &limit) {
		t.Fatal(err)
	}
	return limit
}

func TestRequestsPerMinute(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	_, ann := a.make(t, NewKey{Name: "ann", Limits: Limits{RequestsPerMinute: 2}})
	_, bob := a.make(t, NewKey{Name: "bob"})
	for i, wait := range []time.Duration{0, 0, 30 * time.Second} {
		limit := refused(t, a, ann, Usage{})
		if (limit == nil) != (wait == 0) || limit != nil && (limit.Wait != wait || limit.Limit != 2 || limit.Lasting) {
			t.Errorf("request %d: %+v, want %v", i, limit, wait)
		}
	}
	if limit := refused(t, a, bob, Usage{}); limit != nil {
		t.Errorf("another key: %v", limit)
	}
	if s := a.Standing(ann); s.Requests == nil || *s.Requests != (Level{2, 0, time.Minute}) || s.Tokens != nil {
		t.Errorf("standing %+v", s.Requests)
	}
	c.pass(29 * time.Second)
	if limit := refused(t, a, ann, Usage{}); limit == nil || limit.Wait != time.Second {
		t.Errorf("too soon: %+v", limit)
	}
	c.pass(time.Second)
	if limit := refused(t, a, ann, Usage{}); limit != nil {
		t.Errorf("in time: %v", limit)
	}
	c.pass(-time.Hour) // somebody sets the clock
	if limit := refused(t, a, ann, Usage{}); limit == nil {
		t.Error("the clock was set back, and a request let in")
	}
	c.pass(3 * time.Hour)
	for i, in := range []bool{true, true, false} {
		if limit := refused(t, a, ann, Usage{}); (limit == nil) != in {
			t.Errorf("after hours, request %d: %v", i, limit)
		}
	}
}

// What was used beyond the limit is waited for; a request that takes more than a minute's
// tokens gets in when the minute is full.
func TestTokensPerMinute(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	_, ann := a.make(t, NewKey{Name: "ann", Limits: Limits{TokensPerMinute: 600}})
	big := Usage{Model: "m:latest", Prompt: 1000, Cached: 500, Answer: 200, Reasoning: 50}
	if limit := refused(t, a, ann, big); limit != nil {
		t.Fatal(limit)
	}
	// 600 of 1200 are owed, and the next is thought to take 150.
	limit := refused(t, a, ann, big)
	if limit == nil || limit.Wait != 75*time.Second || limit.Limit != 600 || limit.Remaining != 0 {
		t.Fatalf("%+v", limit)
	}
	c.pass(75 * time.Second)
	adm, err := a.Begin(ann, "m:latest")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Begin(ann, "m:latest"); err == nil {
		t.Error("a second request takes what the first is thought to need")
	}
	adm.End(Usage{}) // it took nothing
	adm.End(big)     // and is over
	if limit := refused(t, a, ann, Usage{}); limit != nil {
		t.Errorf("what was not used is there: %v", limit)
	}
	if s := a.Standing(ann); s.Tokens == nil || s.Tokens.Limit != 600 || s.Tokens.Remaining != 150 || s.Tokens.Reset != 45*time.Second {
		t.Errorf("standing %+v", s.Tokens)
	}
}

func TestMonthlyTokens(t *testing.T) {
	path, c := newFile(t), newClock()
	a := open(t, path, c, nil)
	_, ann := a.make(t, NewKey{Name: "ann", Limits: Limits{MonthlyTokens: 100}})
	use := Usage{Model: "m:latest", Prompt: 40, Answer: 20, Reasoning: 10}
	for i, in := range []bool{true, true, false} {
		limit := refused(t, a, ann, use)
		if (limit == nil) != in || limit != nil && (!limit.Lasting || limit.Wait != 36*time.Hour) {
			t.Errorf("request %d: %+v", i, limit)
		}
		if i == 0 { // partly written, partly not
			if err := a.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := a.Standing(ann); !s.MonthIsUsedUp {
		t.Error("the month is not used up")
	}
	// A restart forgets nothing.
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if limit := refused(t, open(t, path, c, nil), ann, use); limit == nil {
		t.Error("after a restart it begins anew")
	}
	c.pass(36 * time.Hour)
	if limit := refused(t, a, ann, use); limit != nil {
		t.Errorf("in a new month: %v", limit)
	}
}

func TestModelsOfKey(t *testing.T) {
	a := open(t, newFile(t), newClock(), nil)
	_, ann := a.make(t, NewKey{Name: "ann", Limits: Limits{Models: []string{"other"}}})
	if _, err := a.Begin(ann, "m:latest"); !errors.Is(err, ErrModel) {
		t.Errorf("%v", err)
	}
	if _, err := a.Begin(ann, "other:latest"); err != nil {
		t.Error(err)
	}
}

// Of a hundred requests at once, exactly as many get in as the limit says, whatever the
// limit is of.
func TestAtOnce(t *testing.T) {
	for name, l := range map[string]Limits{"at once": {Concurrent: 7}, "a minute": {RequestsPerMinute: 7}, "tokens": {TokensPerMinute: 7}} {
		a := open(t, newFile(t), newClock(), nil)
		_, ann := a.make(t, NewKey{Name: "ann", Limits: l})
		var mu sync.Mutex
		var in []*Admission
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				adm, err := a.Begin(ann, "m:latest")
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					in = append(in, adm)
				}
			})
		}
		wg.Wait()
		if len(in) != 7 {
			t.Errorf("%s: %d got in, want 7", name, len(in))
		}
		for _, adm := range in {
			adm.End(Usage{})
			adm.End(Usage{})
		}
		if l.Concurrent > 0 {
			for range 2 { // each that left has made one place
				adm, err := a.Begin(ann, "m:latest")
				if err != nil {
					t.Fatal(err)
				}
				adm.End(Usage{})
			}
			if n := a.gauges[ann.ID].running; n != 0 {
				t.Errorf("%d are running, want none", n)
			}
		}
	}
}

// Usage is told apart by what is asked, names keys, and counts what is not written yet.
func TestUsage(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	_, ann := a.make(t, NewKey{Name: "ann"})
	use := func(who Caller, model string, prompt int64) {
		t.Helper()
		adm, err := a.Begin(who, model)
		if err != nil {
			t.Fatal(err)
		}
		adm.End(Usage{Model: model, Prompt: prompt, Cached: 1, Answer: 3, Reasoning: 2, Failed: prompt % 2, Time: 1500 * time.Millisecond})
	}
	use(ann, "a:latest", 10)
	use(ann, "b:latest", 11)
	use(Owner(), "a:latest", 100)
	c.pass(3 * 24 * time.Hour)
	use(ann, "a:latest", 1000)
	for _, x := range []struct {
		q    Query
		want []Total
	}{
		{Query{}, []Total{{Requests: 4, Failed: 1, Prompt: 1121, Cached: 4, Answer: 12, Reasoning: 8, Seconds: 6}}},
		{Query{By: []string{"key"}}, []Total{
			{Key: "owner", Requests: 1, Prompt: 100, Cached: 1, Answer: 3, Reasoning: 2, Seconds: 1.5},
			{Key: "ann", KeyID: ann.ID, Requests: 3, Failed: 1, Prompt: 1021, Cached: 3, Answer: 9, Reasoning: 6, Seconds: 4.5},
		}},
		{Query{By: []string{"month", "model"}, Since: "2026-12-01"}, []Total{{Month: "2026-12", Model: "a:latest", Requests: 1, Prompt: 1000, Cached: 1, Answer: 3, Reasoning: 2, Seconds: 1.5}}},
		{Query{By: []string{"day", "model"}, Till: "2026-11-29"}, []Total{
			{Day: "2026-11-29", Model: "a:latest", Requests: 2, Prompt: 110, Cached: 2, Answer: 6, Reasoning: 4, Seconds: 3},
			{Day: "2026-11-29", Model: "b:latest", Requests: 1, Failed: 1, Prompt: 11, Cached: 1, Answer: 3, Reasoning: 2, Seconds: 1.5},
		}},
	} {
		got, err := a.Usage(t.Context(), x.q)
		if err != nil {
			t.Fatal(err)
		}
		same := len(got) == len(x.want)
		for i := range got {
			same = same && got[i] == x.want[i]
		}
		if !same {
			t.Errorf("%+v:\n%+v, want\n%+v", x.q, got, x.want)
		}
	}
	for _, q := range []Query{{By: []string{"colour"}}, {Since: "yesterday"}, {Till: "2026-11-29'; DROP TABLE usage"}} {
		if _, err := a.Usage(t.Context(), q); !errors.Is(err, ErrValue) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// What cannot be written is kept, counts on, and is written later, once.
func TestUsageIsKept(t *testing.T) {
	a := open(t, newFile(t), newClock(), nil)
	_, ann := a.make(t, NewKey{Name: "ann", Limits: Limits{MonthlyTokens: 100}})
	if _, err := a.db.Exec(`ALTER TABLE usage RENAME TO elsewhere`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if limit := refused(t, a, ann, Usage{Model: "m:latest", Prompt: 50}); limit != nil {
			t.Fatal(limit)
		}
		if err := a.Flush(t.Context()); err == nil {
			t.Error("usage without a table was written")
		}
	}
	if limit := refused(t, a, ann, Usage{}); limit == nil {
		t.Error("the limit does not know of what was not written")
	}
	if _, err := a.db.Exec(`ALTER TABLE elsewhere RENAME TO usage`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		totals, err := a.Usage(t.Context(), Query{})
		if err != nil || len(totals) != 1 || totals[0].Prompt != 100 || totals[0].Requests != 2 {
			t.Errorf("%+v, %v", totals, err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	db, err := database.Open(b.Context(), b.TempDir()+"/"+database.FileName, Tables)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	a, err := Open(b.Context(), db, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	_, text, err := a.Create(b.Context(), NewKey{Name: "ann"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Find(text); err != nil {
			b.Fatal(err)
		}
	}
}
