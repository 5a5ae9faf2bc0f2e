package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// browser asks as the page does: with its cookies, and with the word of its caller.
type browser struct {
	puppetSite
	cookies map[string]string
	word    string
	headers []string // of each request
}

func newBrowser(s puppetSite, headers ...string) *browser {
	return &browser{puppetSite: s, cookies: map[string]string{}, headers: headers}
}

// exchange asks, holds the exchange against the document, and keeps cookies.
func (b *browser) exchange(method, target, body string) (int, map[string]any) {
	b.t.Helper()
	w := b.send(method, target, body)
	if w.Code < 300 {
		b.d.request(b.t, method, target, []byte(body))
	}
	b.d.answer(b.t, method, target, w.Code, w.Header().Get("Content-Type"), w.Body.Bytes())
	var fields map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &fields) // not all answers are objects
	return w.Code, fields
}

func (b *browser) send(method, target, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	headers := b.headers
	for name, value := range b.cookies {
		headers = append(headers, "Cookie: "+name+"="+value)
	}
	if b.word != "" && method != "GET" {
		headers = append(headers, wire.WordHeader+": "+b.word)
	}
	w := b.ask(method, target, body, headers...)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	var me ui.Me
	if w.Code == 200 && (target == "/ui/api/me" || target == "/ui/api/session" && method == "POST") && json.Unmarshal(w.Body.Bytes(), &me) == nil {
		b.word = me.Word
	}
	return w
}

// A key that was typed once is a session: for the page alone, until it ends.
func TestSessions(t *testing.T) {
	s := newPuppetSite(t)
	s.gate.Set(GateSettings{RequireKeys: true})
	key := newKey(t, s.accounts, account.NewKey{Name: "ann", Scopes: account.AllScopes})
	b := newBrowser(s)
	want := func(status int, method, target, body string) map[string]any {
		t.Helper()
		got, fields := b.exchange(method, target, body)
		if got != status {
			t.Errorf("%s %s %s: %d %v, want %d", method, target, body, got, fields, status)
		}
		return fields
	}
	want(401, "GET", "/ui/api/me", "")
	if look := want(200, "GET", "/ui/api/session", ""); look["me"] != nil || !strings.Contains(text(look["refused"]), "key") {
		t.Errorf("nobody: %v", look)
	}
	for body, status := range map[string]int{`{"key":"wrong"}`: 401, `{}`: 401, `{"key":1}`: 400, `{"key":"x","name":"y"}`: 400, `[]`: 400, `{"key":"a","key":"b"}`: 400} {
		want(status, "POST", "/ui/api/session", body)
	}
	if len(b.cookies) > 0 {
		t.Fatalf("%v", b.cookies)
	}
	if me := want(200, "POST", "/ui/api/session", `{"key":" `+key+`\n"}`); me["name"] != "ann" || me["signed_in"] != true || me["owner"] != false {
		t.Errorf("%v", me)
	}
	token := b.cookies["blitz_session_11434"]
	if token == "" || strings.Contains(token, key) {
		t.Fatalf("%v", b.cookies)
	}
	if me := want(200, "GET", "/ui/api/me", ""); me["signed_in"] != true {
		t.Errorf("%v", me)
	}
	if me, _ := want(200, "GET", "/ui/api/session", "")["me"].(map[string]any); me["name"] != "ann" || me["signed_in"] != true || me["csrf"] != b.word {
		t.Errorf("somebody: %v", me)
	}
	want(200, "GET", "/admin/keys", "")
	for _, path := range []string{"/v1/models", "/api/tags", "/blitz/state", "/metrics"} {
		if w := b.send("GET", path, ""); w.Code != 401 {
			t.Errorf("%s: %d, and the cookie is for the page alone", path, w.Code)
		}
	}
	word := b.word
	for _, wrong := range []string{"", "x", s.accounts.Word(account.With(t.Context(), account.Owner()))} {
		b.word = wrong
		if f := want(403, "POST", "/admin/keys", `{"name":"bob"}`); !strings.Contains(text(f["error"]), "load it again") {
			t.Errorf("%q: %v", wrong, f)
		}
	}
	b.word = word
	want(201, "POST", "/admin/keys", `{"name":"bob"}`)
	if w := s.ask("GET", "/ui/api/me", "", "Cookie: blitz_session_11435="+token); w.Code != 401 {
		t.Errorf("the cookie of another port: %d", w.Code)
	}
	if w := s.ask("GET", "/ui/api/me", "", "Cookie: blitz_session_11434="+token, "Authorization: Bearer wrong"); w.Code != 401 {
		t.Errorf("a wrong key beside the cookie: %d", w.Code)
	}
	want(204, "DELETE", "/ui/api/session", "")
	if len(b.cookies) > 0 {
		t.Errorf("%v", b.cookies)
	}
	b.cookies["blitz_session_11434"] = token
	want(401, "GET", "/ui/api/me", "")
	delete(b.cookies, "blitz_session_11434")

	want(200, "POST", "/ui/api/session", `{"key":"`+key+`"}`)
	if _, err := s.accounts.Revoke(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	s.gate.Set(GateSettings{}) // the owner needs no key, and is still not who the page was
	if f := want(401, "GET", "/ui/api/me", ""); !strings.Contains(text(f["error"].(map[string]any)["message"]), "revoked") {
		t.Errorf("%v", f)
	}
	if look := want(200, "GET", "/ui/api/session", ""); look["me"] != nil || !strings.Contains(text(look["refused"]), "revoked") {
		t.Errorf("a revoked key: %v", look)
	}
	want(204, "DELETE", "/ui/api/session", "")
	if me := want(200, "GET", "/ui/api/me", ""); me["owner"] != true || me["signed_in"] != false {
		t.Errorf("%v", me)
	}
}

func TestSessionCookie(t *testing.T) {
	s := newPuppetSite(t)
	key := newKey(t, s.accounts, account.NewKey{Name: "ann"})
	for _, c := range []struct {
		headers []string
		name    string
		secure  bool
	}{
		{nil, "blitz_session_11434", false},
		{[]string{"Origin: http://localhost:11434"}, "blitz_session_11434", false},
		{[]string{"Host: localhost"}, "blitz_session", false},
		{[]string{"Host: localhost", "Origin: https://localhost"}, "blitz_session", true},
		{[]string{"Host: [::1]:80", "Origin: http://[::1]"}, "blitz_session_80", false},
	} {
		w := s.ask("POST", "/ui/api/session", `{"key":"`+key+`"}`, c.headers...)
		list := w.Result().Cookies()
		if w.Code != 200 || len(list) != 1 {
			t.Errorf("%q: %d %s", c.headers, w.Code, w.Body)
			continue
		}
		if g := list[0]; g.Name != c.name || g.Secure != c.secure || !g.HttpOnly || g.SameSite != http.SameSiteStrictMode || g.Path != "/" || g.Domain != "" {
			t.Errorf("%q: %v", c.headers, g)
		}
	}
}

// A page of another site has nothing from a browser that knows a session or sits at this
// machine.
func TestForgery(t *testing.T) {
	s := newPuppetSite(t)
	key := newKey(t, s.accounts, account.NewKey{Name: "ann"})
	b := newBrowser(s)
	b.exchange("POST", "/ui/api/session", `{"key":"`+key+`"}`)
	cookie := "Cookie: blitz_session_11434=" + b.cookies["blitz_session_11434"]
	for _, c := range []struct {
		status  int
		method  string
		headers []string
	}{
		{403, "POST", []string{"Origin: https://evil.example"}},
		{403, "POST", []string{cookie, "Origin: https://evil.example", wire.WordHeader + ": " + b.word}},
		{403, "GET", []string{cookie, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}},
		{403, "POST", []string{cookie}},
		{403, "PUT", nil}, // the owner's browser, without the word
		{400, "PUT", []string{wire.WordHeader + ": " + s.accounts.Word(account.With(t.Context(), account.Owner()))}},
	} {
		target := "/ui/api/me"
		switch c.method {
		case "POST":
			target = "/admin/keys"
		case "PUT":
			target = "/ui/api/presets"
		}
		if w := s.ask(c.method, target, "{}", c.headers...); w.Code != c.status {
			t.Errorf("%s %q: %d %s, want %d", c.method, c.headers, w.Code, w.Body, c.status)
		}
	}
	s.gate.Set(GateSettings{Origins: []string{"https://friend.example"}})
	w := s.ask("GET", "/ui/api/me", "", cookie, "Origin: https://friend.example")
	if w.Code != 200 || strings.Contains(w.Body.String(), "ann") || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("a page that may ask has the session: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

// Wrong keys are bounded.
func TestWrongKeysAreBounded(t *testing.T) {
	s := newPuppetSite(t)
	var last int
	for range 12 {
		last, _ = s.exchange("POST", "/ui/api/session", `{"key":"wrong"}`)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("%d, want 429", last)
	}
}
