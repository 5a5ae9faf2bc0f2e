package account

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func (a *Accounts) signIn(t *testing.T, key string) string {
	t.Helper()
	_, token, err := a.SignIn(t.Context(), "here", key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A session stands for its key until one of the two ends.
func TestSession(t *testing.T) {
	c := newClock()
	path := newFile(t)
	a := open(t, path, c, nil)
	key, ann := a.make(t, NewKey{Name: "ann", Expires: c.now().Add(60 * 24 * time.Hour)})
	token := a.signIn(t, key)
	resumes := func(a *Accounts, token string, want error) {
		t.Helper()
		got, err := a.Resume(t.Context(), token)
		if !errors.Is(err, want) || err == nil && got.ID != ann.ID {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	resumes(a, token, nil)
	resumes(a, token+"x", ErrUnknown)
	resumes(a, "", ErrUnknown)
	resumes(a, strings.Repeat("x", 1<<20), ErrUnknown)
	resumes(a, key, ErrUnknown)
	resumes(open(t, path, c, nil), token, nil) // another process, or a later one

	for range 2 { // a use within its life makes it last
		c.pass(29 * 24 * time.Hour)
		resumes(a, token, nil)
	}
	c.pass(3 * 24 * time.Hour)
	resumes(a, token, ErrExpired) // the key is
	key, ann = a.make(t, NewKey{Name: "ann again"})
	token = a.signIn(t, key)
	c.pass(sessionLife + time.Second)
	resumes(a, token, ErrUnknown)
	token, other := a.signIn(t, key), a.signIn(t, key)
	if err := a.SignOut(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	resumes(a, token, ErrUnknown)
	resumes(a, other, nil)
	if _, err := a.Revoke(t.Context(), "ann again"); err != nil {
		t.Fatal(err)
	}
	resumes(a, other, ErrRevoked)
	if _, _, err := a.SignIn(t.Context(), "here", key); !errors.Is(err, ErrRevoked) {
		t.Errorf("%v, want ErrRevoked", err)
	}
}

// What the file has of a session does not open it.
func TestSessionIsHashed(t *testing.T) {
	a := open(t, newFile(t), newClock(), nil)
	key, _ := a.make(t, NewKey{Name: "ann"})
	token := a.signIn(t, key)
	var rows, found int
	if err := a.db.QueryRow(`SELECT count(*), sum(instr(hash, ?)) FROM sessions`, token).Scan(&rows, &found); err != nil || rows != 1 || found != 0 {
		t.Errorf("%d sessions, %d with their text, %v", rows, found, err)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	key, _ := a.make(t, NewKey{Name: "ann"})
	first := a.signIn(t, key)
	for range maxSessions {
		c.pass(time.Second)
		a.signIn(t, key)
	}
	var n int
	if err := a.db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&n); err != nil || n != maxSessions {
		t.Errorf("%d sessions, %v; want %d", n, err, maxSessions)
	}
	if _, err := a.Resume(t.Context(), first); !errors.Is(err, ErrUnknown) {
		t.Errorf("the oldest: %v, want ErrUnknown", err)
	}
}

// The word is the session's own, lasts through a restart, and tells callers apart.
func TestWord(t *testing.T) {
	path, c := newFile(t), newClock()
	a := open(t, path, c, nil)
	owner, ann := With(t.Context(), Owner()), With(t.Context(), Caller{ID: "key_ann"})
	words := map[string]bool{}
	for _, ctx := range []struct {
		caller Caller
		token  string
	}{{Owner(), ""}, {Caller{ID: "key_ann"}, ""}, {Caller{ID: "key_ann"}, "one"}, {Caller{ID: "key_ann"}, "two"}} {
		in := With(t.Context(), ctx.caller)
		if ctx.token != "" {
			in = InSession(in, ctx.token)
		}
		words[a.Word(in)] = true
		if !a.Knows(in, a.Word(in)) || a.Knows(in, "") {
			t.Errorf("%v: its word is not known, or none is", ctx)
		}
	}
	if len(words) != 4 || a.Knows(owner, a.Word(ann)) {
		t.Errorf("%d words, want 4", len(words))
	}
	if again := open(t, path, c, nil); again.Word(owner) != a.Word(owner) {
		t.Error("another word behind a restart")
	}
	if other := open(t, newFile(t), c, nil); other.Word(owner) == a.Word(owner) {
		t.Error("two servers have the same word")
	}
}

// Wrong keys are bounded by where they come from, and nobody else waits for them.
func TestAttempts(t *testing.T) {
	c := newClock()
	a := open(t, newFile(t), c, nil)
	key, _ := a.make(t, NewKey{Name: "ann"})
	try := func(from, key string) error {
		_, _, err := a.SignIn(t.Context(), from, key)
		return err
	}
	for range maxAttempts {
		if err := try("there", "wrong"); !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
	var limit *LimitError
	if err := try("there", key); !errors.As(err, &limit) || limit.Wait <= 0 {
		t.Errorf("%v, want a LimitError even for a key that counts", err)
	}
	if err := try("here", key); err != nil {
		t.Error(err)
	}
	c.pass(limit.Wait)
	if err := try("there", key); err != nil {
		t.Error(err)
	}
	for i := range 3 * maxPlaces {
		a.attempts.count(fmt.Sprint(i), c.now())
	}
	if n := len(a.attempts.places); n > maxPlaces {
		t.Errorf("%d places, want at most %d", n, maxPlaces)
	}
}
