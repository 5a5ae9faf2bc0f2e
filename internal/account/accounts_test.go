package account

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// clock is a time that goes on when a test says so.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// open returns the accounts of a file; log may be nil.
func open(t *testing.T, path string, c *clock, log io.Writer) *Accounts {
	t.Helper()
	db, err := database.Open(t.Context(), path, Tables)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Now: c.now}
	if log != nil {
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	a, err := Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	return a
}

func newFile(t *testing.T) string { return filepath.Join(t.TempDir(), database.FileName) }

// make creates a key and returns its text and whose it is.
func (a *Accounts) make(t *testing.T, n NewKey) (string, Caller) {
	t.Helper()
	_, text, err := a.Create(With(t.Context(), Owner()), n)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Find(text)
	if err != nil {
		t.Fatal(err)
	}
	return text, c
}

// The life of a key, seen by two processes: each learns at the next request what the
// other changed.
func TestLife(t *testing.T) {
	path, c := newFile(t), newClock()
	var log bytes.Buffer
	a, server := open(t, path, c, &log), open(t, path, c, nil)
	find := func(text string, want error) Caller {
		t.Helper()
		caller, err := server.Find(text)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%.12s: %v, want %v", text, err, want)
		}
		return caller
	}
	live := func(want bool) {
		t.Helper()
		if got, err := server.AnyLive(); got != want || err != nil {
			t.Errorf("a live key: %v, %v; want %v", got, err, want)
		}
	}
	live(false)
	find("blz-anything", ErrUnknown)

	key, text, err := a.Create(With(t.Context(), Owner()), NewKey{Name: "ann", Scopes: Scopes{Admin, Inference}, Limits: Limits{RequestsPerMinute: 3, Models: []string{"a", "b*"}}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "blz-") || len(text) != len(prefix)+random+checksum || key.Hint != text[:8] {
		t.Errorf("the key is %q, its hint %q", text, key.Hint)
	}
	live(true)
	got := find(text, nil)
	if got.ID != key.ID || got.Name != "ann" || got.Tenant() != key.ID || !got.May(Admin) || !got.May(Inference) || got.May(Models) || got.Limits.RequestsPerMinute != 3 || len(got.Limits.Models) != 2 {
		t.Errorf("the caller is %+v", got)
	}
	for _, wrong := range []string{"", "x", text[:len(text)-1], text + "x", strings.ToUpper(text), " " + text, strings.Repeat(text, 1000)} {
		find(wrong, ErrUnknown)
	}
	if _, _, err := server.Create(t.Context(), NewKey{Name: "ann"}); !errors.Is(err, ErrTaken) {
		t.Errorf("the name again: %v", err)
	}
	soon, soonText, err := a.Create(t.Context(), NewKey{Name: "soon", Expires: c.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	find(soonText, nil)
	c.pass(time.Hour)
	find(soonText, ErrExpired)
	if _, err := server.Recall(soon.ID); !errors.Is(err, ErrExpired) {
		t.Errorf("recalled, though expired: %v", err)
	}
	if c, err := server.Recall(key.ID); err != nil || c.ID != key.ID || !c.May(Admin) {
		t.Errorf("recalled as %+v, %v", c, err)
	}
	if soon.State(c.now()) != "expired" {
		t.Errorf("its state is %s", soon.State(c.now()))
	}
	live(true)
	for _, name := range []string{"ann", soon.ID} {
		if _, err := a.Revoke(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Revoke(t.Context(), name); !errors.Is(err, ErrUnknown) {
			t.Errorf("revoked twice: %v", err)
		}
	}
	find(text, ErrRevoked)
	find(soonText, ErrRevoked)
	if _, err := server.Recall(key.ID); !errors.Is(err, ErrRevoked) {
		t.Errorf("recalled, though revoked: %v", err)
	}
	for _, c := range []Caller{Owner(), Anyone()} {
		if got, err := server.Recall(c.Tenant()); err != nil || got.Tenant() != c.Tenant() || got.IsOwner() != c.IsOwner() {
			t.Errorf("%s recalled as %+v, %v", c.Tenant(), got, err)
		}
	}
	if _, err := server.Recall("key_none"); !errors.Is(err, ErrUnknown) {
		t.Errorf("recalled, though unknown: %v", err)
	}
	live(false)
	// Its name may be used again; the old text stays revoked.
	again, _, err := a.Create(t.Context(), NewKey{Name: "ann"})
	if err != nil || again.ID == key.ID || again.Scopes.String() != "inference" {
		t.Errorf("%+v, %v", again, err)
	}
	find(text, ErrRevoked)
	list, err := server.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "ann" || list[0].State(c.now()) != "revoked" || list[2].State(c.now()) != "live" {
		t.Errorf("%d keys, %v: %+v", len(list), err, list)
	}
	if said := log.String(); strings.Contains(said, text) || strings.Count(said, "action=key.create") != 3 || strings.Count(said, "action=key.revoke") != 2 {
		t.Errorf("the log is %s", said)
	}
}

// Neither a key nor anything that it could be made from is in the files.
func TestNothingStored(t *testing.T) {
	path, c := newFile(t), newClock()
	a := open(t, path, c, nil)
	text, _ := a.make(t, NewKey{Name: "ann"})
	files, err := filepath.Glob(filepath.Dir(path) + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text[shown:])) || bytes.Contains(b, []byte(text[:shown+4])) {
			t.Errorf("%s has the key", filepath.Base(f))
		}
	}
}

func TestRefusedKeys(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	for field, n := range map[string]NewKey{
		"name": {}, "name ": {Name: " x"}, "name  ": {Name: "owner"}, "name   ": {Name: "key_x"}, "name    ": {Name: strings.Repeat("x", 65)},
		"name     ": {Name: "a\nb"}, "name      ": {Name: "a\u202eb"}, "name       ": {Name: "\xff"},
		"scopes": {Name: "x", Scopes: Scopes{"root"}}, "expires": {Name: "x", Expires: c.now()},
		"rpm": {Name: "x", Limits: Limits{RequestsPerMinute: -5}}, "tpm": {Name: "x", Limits: Limits{TokensPerMinute: 1 << 62}},
		"concurrent": {Name: "x", Limits: Limits{Concurrent: -1}}, "monthly_tokens": {Name: "x", Limits: Limits{MonthlyTokens: -1}},
		"models": {Name: "x", Limits: Limits{Models: []string{""}}}, "models ": {Name: "x", Limits: Limits{Models: []string{"a,b"}}},
		"models  ": {Name: "x", Limits: Limits{Models: make([]string, maxPatterns+1)}},
	} {
		_, _, err := a.Create(t.Context(), n)
		var bad *ValueError
		if !errors.As(err, &bad) || !errors.Is(err, ErrValue) || bad.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if list, err := a.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%d keys, %v", len(list), err)
	}
	for _, name := range []string{"<b>kept</b>", "Ännchen 2", "日本語"} {
		if _, _, err := a.Create(t.Context(), NewKey{Name: name}); err != nil {
			t.Error(err)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	now := newClock().now()
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "never": "0001-01-01T00:00:00Z", "90d": "2027-02-27T12:00:00Z", "2w": "2026-12-13T12:00:00Z", "1h30m": "2026-11-29T13:30:00Z",
		"2027-01-31": "2027-02-01T00:00:00Z", "2027-01-31T10:00:00+02:00": "2027-01-31T08:00:00Z",
	} {
		if got, err := ParseExpiry(text, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"soon", "-3d", "0d", "3", "d", "9999999d", "1.5d", "-1h", "2027-13-01"} {
		if got, err := ParseExpiry(text, now); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string]string{"": "inference", "admin": "admin", "Models, inference,models": "inference,models"} {
		if got, err := ParseScopes(text); err != nil || got.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, got, err, want)
		}
	}
	if _, err := ParseScopes("admin", "all"); !errors.Is(err, ErrValue) {
		t.Error(err)
	}
	if c := CallerOf(t.Context()); c.May(Inference) || c.Tenant() != "" || c.IsOwner() || c.String() != "nobody" {
		t.Errorf("nobody is %+v", c)
	}
	if c := CallerOf(With(t.Context(), Owner())); !c.May(Admin) || !c.IsOwner() || c.Tenant() != "owner" || c.String() != "owner" {
		t.Errorf("the owner is %+v", c)
	}
}

func TestAllow(t *testing.T) {
	for _, x := range []struct {
		patterns, model string
		want            bool
	}{
		{"", "anything:x", true},
		{"smollm2", "smollm2:latest", true},
		{"smollm2", "SmolLM2", true},
		{"SMOLLM2:latest", "smollm2", true},
		{"smollm2", "smollm2:135m", false},
		{"smollm2:*", "smollm2:135m", true},
		{"smollm2*", "smollm2:135m", true},
		{"*", "a/b:c", true},
		{"deepseek-*:1.5b", "deepseek-r1:1.5b", true},
		{"deepseek-*:1.5b", "deepseek-r1:7b", false},
		{"a*b*a", "abba:latest", true},
		{"a*a", "a", false},
		{"x,smollm2", "smollm2", true},
		{"hf.co/*", "hf.co/a/b:q4", true},
		{"hf.co/*", "xhf.co/a/b", false},
		{"*:latest", "y", true},
	} {
		l := Limits{}
		if x.patterns != "" {
			l.Models = strings.Split(x.patterns, ",")
		}
		if got := l.Allow(x.model); got != x.want {
			t.Errorf("%q allows %s: %v", x.patterns, x.model, got)
		}
	}
}

// FuzzMatch holds matching to its definition, letter by letter.
func FuzzMatch(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Add("a*a*a", "aaaa")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 20 || len(text) > 40 {
			return
		}
		if got, want := match(pattern, text), matchSlowly(pattern, text); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, text, got, want)
		}
	})
}

func matchSlowly(pattern, text string) bool {
	at := map[int]bool{0: true} // places in the text
	for i := range len(pattern) {
		next := map[int]bool{}
		for p := range at {
			if pattern[i] == '*' {
				for q := p; q <= len(text); q++ {
					next[q] = true
				}
			} else if p < len(text) && text[p] == pattern[i] {
				next[p+1] = true
			}
		}
		at = next
	}
	return at[len(text)]
}

// The audit says who did what, is only added to, and knows no keys.
func TestAudit(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	text, ann := a.make(t, NewKey{Name: "ann", Scopes: Scopes{Admin}, Limits: Limits{RequestsPerMinute: 9}})
	if err := a.Audit(With(t.Context(), ann), "model.delete", "smollm2:latest", map[string]int{"freed": 12}); err != nil {
		t.Fatal(err)
	}
	if err := a.Audit(t.Context(), "x", "y", strings.Repeat("z", maxDetail)); err == nil {
		t.Error("an entry without bounds was taken")
	}
	for _, change := range []string{`UPDATE audit SET actor = 'x'`, `DELETE FROM audit`} {
		if _, err := a.db.Exec(change); err == nil || !strings.Contains(err.Error(), "only added to") {
			t.Errorf("%s: %v", change, err)
		}
	}
	list, err := a.Entries(t.Context(), 0, 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	if e := list[0]; e.Actor != "key ann ("+ann.ID+")" || e.Action != "model.delete" || e.Subject != "smollm2:latest" || string(e.Detail) != `{"freed":12}` || !e.At.Equal(c.now()) {
		t.Errorf("%+v", e)
	}
	if e := list[1]; e.Actor != "owner" || e.Action != "key.create" || e.Subject != ann.ID || !strings.Contains(string(e.Detail), `"rpm":9`) || strings.Contains(string(e.Detail), text[shown:]) {
		t.Errorf("%+v: %s", e, e.Detail)
	}
	if older, err := a.Entries(t.Context(), list[0].ID, 10); err != nil || len(older) != 1 || older[0].ID != list[1].ID {
		t.Errorf("%+v, %v", older, err)
	}
}

// The file of the first release is opened by this one.
func TestOldFile(t *testing.T) {
	path, c := newFile(t), newClock()
	old, err := os.ReadFile("testdata/account-1.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	a := open(t, path, c, nil)
	caller, err := a.Find(oldKey)
	if err != nil || caller.Name != "old" || caller.Limits.MonthlyTokens != 1000 || caller.Scopes.String() != "inference,admin" {
		t.Errorf("%+v, %v", caller, err)
	}
	totals, err := a.Usage(t.Context(), Query{By: []string{"key", "day", "model"}})
	if err != nil || len(totals) != 1 || totals[0].Key != "old" || totals[0].Prompt != 10 || totals[0].Model != "m:latest" || totals[0].Day != "2026-11-29" {
		t.Errorf("%+v, %v", totals, err)
	}
	if list, err := a.Entries(t.Context(), 0, 10); err != nil || len(list) != 1 {
		t.Errorf("%d entries, %v", len(list), err)
	}
}

// A server that is killed loses no usage that it wrote, and doubles none: what it said it
// wrote is there, and what is there was used.
func TestKilled(t *testing.T) {
	if path := os.Getenv("BLITZ_TEST_ACCOUNT"); path != "" {
		useUp(t, path)
		return
	}
	if testing.Short() {
		t.Skip("kills processes, which takes seconds")
	}
	path, c := newFile(t), &clock{t: time.Now()}
	a := open(t, path, c, nil)
	var want, most int64
	for range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "BLITZ_TEST_ACCOUNT="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var written, used int64
		lines := bufio.NewScanner(out)
		for n := 0; n < 20 && lines.Scan(); n++ {
			fmt.Sscanf(lines.Text(), "written %d used %d", &written, &used)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it was gone
			fmt.Sscanf(lines.Text(), "written %d used %d", &written, &used)
		}
		_ = cmd.Wait()
		if written == 0 {
			t.Fatal("the process said nothing")
		}
		want, most = want+written, most+used+1 // it may have been killed before it told of the last
		totals, err := a.Usage(t.Context(), Query{})
		if err != nil || len(totals) != 1 || totals[0].Requests < want || totals[0].Requests > most || totals[0].Prompt != 7*totals[0].Requests {
			t.Errorf("%+v, %v; want %d to %d requests", totals, err, want, most)
		}
		if len(totals) == 1 {
			want, most = totals[0].Requests, totals[0].Requests
		}
	}
}

// useUp uses something again and again, and says how much of it is written.
func useUp(t *testing.T, path string) {
	a := open(t, path, &clock{t: time.Now()}, nil)
	for n := int64(1); ; n++ {
		adm, err := a.Begin(Owner(), "m:latest")
		if err != nil {
			t.Fatal(err)
		}
		adm.End(Usage{Model: "m:latest", Prompt: 7})
		if err := a.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("written %d used %d\n", n, n)
	}
}
