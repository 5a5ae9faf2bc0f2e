package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// fakePeers says that a user, or an error, is at the other end of every connection.
type fakePeers struct {
	user  uint32
	err   error
	asked atomic.Int32
}

func (p *fakePeers) uid(netip.AddrPort, netip.AddrPort) (uint32, error) {
	p.asked.Add(1)
	return p.user, p.err
}

// self is who runs the server in these tests.
const self = 1000

func newAccounts(t *testing.T) *account.Accounts {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), database.FileName), account.Tables)
	if err != nil {
		t.Fatal(err)
	}
	a, err := account.Open(t.Context(), db, account.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(a.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func newTestGate(t *testing.T, p peers, s GateSettings) *Gate {
	t.Helper()
	g := NewGate(newAccounts(t), nil, s)
	g.peers, g.uid = p, self
	return g
}

func newKey(t *testing.T, a *account.Accounts, n account.NewKey) string {
	t.Helper()
	_, text, err := a.Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// between returns a connection between two addresses.
func between(local, remote string) *connection {
	return &connection{local: netip.MustParseAddrPort(local), remote: netip.MustParseAddrPort(remote)}
}

// asks returns a request that comes by a connection; headers are "Name: value".
func asks(c *connection, method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:11434"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r.WithContext(context.WithValue(r.Context(), connectionKey{}, c))
}

// admit returns the status that a request gets, 200 where it is let in, and by whom it is.
func admit(g *Gate, r *http.Request, scope wire.Scope) (int, account.Caller) {
	admitted, done, err := g.Admit(httptest.NewRecorder(), r, scope)
	if err != nil {
		return wire.AsError(err).Kind.Status(), account.Caller{}
	}
	defer done()
	return 200, account.CallerOf(admitted.Context())
}

// The doors: who comes how, with which key and by which name, and whether they get in.
func TestDoors(t *testing.T) {
	loopback := func() *connection { return between("127.0.0.1:11434", "127.0.0.1:50000") }
	v6 := func() *connection { return between("[::1]:11434", "[::1]:50000") }
	lan := func() *connection { return between("192.168.1.5:11434", "192.168.1.9:50000") }
	sameMachine := func() *connection { return between("192.168.1.5:11434", "192.168.1.5:50000") }
	unknown := func() *connection { return &connection{} }
	own, other, gone, silent := &fakePeers{user: self}, &fakePeers{user: self + 1}, &fakePeers{err: errNoPeer}, &fakePeers{err: errCannotTell}
	root, broken := &fakePeers{user: 0}, &fakePeers{err: errors.New("no memory")}
	accounts := []*account.Accounts{newAccounts(t), newAccounts(t)}
	newKey(t, accounts[1], account.NewKey{Name: "somebody"})
	for _, c := range []struct {
		name        string
		conn        *connection
		peers       peers
		settings    GateSettings
		headers     []string
		open, keyed int // the status while there is no key, and while there is one
	}{
		{"the user", loopback(), own, GateSettings{}, nil, 200, 200},
		{"the user by IPv6", v6(), own, GateSettings{}, []string{"Host: [::1]:11434"}, 200, 200},
		{"the user by the number", loopback(), own, GateSettings{}, []string{"Host: 127.0.0.1"}, 200, 200},
		{"the user's own socket", &connection{unix: true}, other, GateSettings{}, []string{"Host: blitz"}, 200, 200},
		{"another user", loopback(), other, GateSettings{}, nil, 401, 401},
		{"root", loopback(), root, GateSettings{}, nil, 401, 401},
		{"nobody any more", loopback(), gone, GateSettings{}, nil, 401, 401},
		{"a kernel that fails", loopback(), broken, GateSettings{}, nil, 401, 401},
		{"a system that does not tell", loopback(), silent, GateSettings{}, nil, 200, 401},
		{"another machine", lan(), own, GateSettings{}, []string{"Host: 192.168.1.5:11434"}, 401, 401},
		{"this machine by its address", sameMachine(), own, GateSettings{}, []string{"Host: 192.168.1.5:11434"}, 401, 401},
		{"a connection of which nothing is known", unknown(), own, GateSettings{}, nil, 401, 401},
		{"keys are required", loopback(), own, GateSettings{RequireKeys: true}, nil, 401, 401},
		{"keys are required, by the socket", &connection{unix: true}, own, GateSettings{RequireKeys: true}, nil, 200, 200},
		{"another name", loopback(), own, GateSettings{Hosts: []string{"box.example.org"}}, []string{"Host: box.example.org"}, 401, 401},
		{"a proxy says so", loopback(), own, GateSettings{}, []string{"X-Forwarded-For: 127.0.0.1"}, 401, 401},
		{"a proxy says so elsewhere", loopback(), own, GateSettings{}, []string{"X-Forwarded-Whatever: x"}, 401, 401},
		{"a proxy by the standard", loopback(), own, GateSettings{}, []string{"Forwarded: for=127.0.0.1"}, 401, 401},
		{"a proxy that gives its name", loopback(), own, GateSettings{}, []string{"Via: 1.1 x"}, 401, 401},
		{"a proxy with the address alone", loopback(), own, GateSettings{}, []string{"X-Real-IP: 127.0.0.1"}, 401, 401},
		{"an empty word of a proxy", loopback(), own, GateSettings{}, []string{"X-Forwarded-For: "}, 401, 401},
		{"a proxy that is trusted", loopback(), own, GateSettings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, nil, 401, 401},
		{"a stand-in", loopback(), own, GateSettings{}, []string{"Authorization: Bearer sk-no-key-required"}, 200, 401},
		{"a stand-in, empty", loopback(), own, GateSettings{}, []string{"Authorization: Bearer"}, 200, 401},
		{"a stand-in of another user", loopback(), other, GateSettings{}, []string{"X-Api-Key: ollama"}, 401, 401},
		{"a stand-in of another machine", lan(), own, GateSettings{}, []string{"Host: 192.168.1.5", "X-Api-Key: ollama"}, 401, 401},
		{"another scheme", loopback(), own, GateSettings{}, []string{"Authorization: Basic eDp5"}, 401, 401},
		{"everybody", lan(), own, GateSettings{Insecure: true}, []string{"Host: 192.168.1.5"}, 200, 401},
		{"everybody with a stand-in", lan(), own, GateSettings{Insecure: true}, []string{"Host: 192.168.1.5", "X-Api-Key: ollama"}, 200, 401},
	} {
		for i, want := range []int{c.open, c.keyed} {
			g := NewGate(accounts[i], nil, c.settings)
			g.peers, g.uid = c.peers, self
			got, caller := admit(g, asks(c.conn, "POST", "/v1/chat/completions", c.headers...), wire.Inference)
			if got != want || got == 200 && caller.IsOwner() == c.settings.Insecure {
				t.Errorf("%s, keys %d: %d by %s, want %d", c.name, i, got, caller, want)
			}
			if got, _ := admit(g, asks(c.conn, "GET", "/health", c.headers...), wire.Open); got != 200 {
				t.Errorf("%s: /health gives %d", c.name, got)
			}
			if got, _ := admit(g, asks(c.conn, "GET", "/admin/keys", c.headers...), wire.Admin); want == 200 && c.settings.Insecure != (got == 403) {
				t.Errorf("%s: of the admin's routes %d", c.name, got)
			}
		}
	}
}

// The system is asked once for a connection.
func TestPeerIsAskedOnce(t *testing.T) {
	p := &fakePeers{user: self}
	g := newTestGate(t, p, GateSettings{})
	c := between("127.0.0.1:1", "127.0.0.1:2")
	for range 5 {
		if got, _ := admit(g, asks(c, "GET", "/v1/models"), wire.Inference); got != 200 {
			t.Fatal(got)
		}
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

// A key that is sent decides, wherever the request comes from.
func TestKeys(t *testing.T) {
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{Hosts: []string{"box"}})
	lan, own := between("192.168.1.5:11434", "192.168.1.9:50000"), between("127.0.0.1:11434", "127.0.0.1:50000")
	ann := newKey(t, g.accounts, account.NewKey{Name: "ann"})
	admin := newKey(t, g.accounts, account.NewKey{Name: "admin", Scopes: account.Scopes{account.Admin}})
	old := newKey(t, g.accounts, account.NewKey{Name: "old"})
	if _, err := g.accounts.Revoke(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		headers []string
		scope   wire.Scope
		want    int
	}{
		{"none", nil, wire.Inference, 401},
		{"a bearer", []string{"Authorization: Bearer " + ann}, wire.Inference, 200},
		{"a bearer in other letters", []string{"Authorization: bEARER   " + ann + " "}, wire.Inference, 200},
		{"in its own header", []string{"X-Api-Key: " + ann}, wire.Inference, 200},
		{"in both", []string{"X-Api-Key: " + ann, "Authorization: Bearer " + ann}, wire.Inference, 200},
		{"in both, one empty", []string{"X-Api-Key: " + ann, "Authorization: Bearer"}, wire.Inference, 200},
		{"two that differ", []string{"X-Api-Key: " + ann, "Authorization: Bearer " + admin}, wire.Inference, 401},
		{"two that differ in one header", []string{"X-Api-Key: " + ann, "X-Api-Key: " + admin}, wire.Inference, 401},
		{"a scheme beside", []string{"Authorization: Bearer " + ann, "Authorization: Basic eDp5"}, wire.Inference, 401},
		{"revoked", []string{"Authorization: Bearer " + old}, wire.Inference, 401},
		{"half", []string{"Authorization: Bearer " + ann[:len(ann)-1]}, wire.Inference, 401},
		{"longer", []string{"Authorization: Bearer " + ann + "x"}, wire.Inference, 401},
		{"with more behind", []string{"Authorization: Bearer " + ann + " x"}, wire.Inference, 401},
		{"1 MB", []string{"Authorization: Bearer " + strings.Repeat("x", 1<<20)}, wire.Inference, 401},
		{"without a scheme", []string{"Authorization: " + ann}, wire.Inference, 401},
		{"NUL", []string{"X-Api-Key: " + ann + "\x00"}, wire.Inference, 401},
		{"without the scope models", []string{"X-Api-Key: " + ann}, wire.Models, 403},
		{"without the scope admin", []string{"X-Api-Key: " + ann}, wire.Admin, 403},
		{"without the scope inference", []string{"X-Api-Key: " + admin}, wire.Inference, 403},
		{"the scope admin", []string{"X-Api-Key: " + admin}, wire.Admin, 200},
		{"any scope", []string{"X-Api-Key: " + ann}, wire.AnyKey, 200},
		{"any scope, of admin", []string{"X-Api-Key: " + admin}, wire.AnyKey, 200},
		{"any scope, without a key", nil, wire.AnyKey, 401},
		{"by a proxy", []string{"X-Api-Key: " + ann, "X-Forwarded-For: 1.2.3.4", "Via: x"}, wire.Inference, 200},
		{"open, with a wrong key", []string{"X-Api-Key: wrong"}, wire.Open, 200},
	} {
		got, caller := admit(g, asks(lan, "POST", "/v1/chat/completions?key="+ann, append(c.headers, "Host: box")...), c.scope)
		if got != c.want || got == 200 && c.scope != wire.Open && caller.ID == "" {
			t.Errorf("%s: %d by %s, want %d", c.name, got, caller, c.want)
		}
		// The same from the user's own programs: with a key that is sent, the door is shut.
		want := c.want
		if c.headers == nil {
			want = 200
		}
		if got, _ := admit(g, asks(own, "POST", "/v1/chat/completions", c.headers...), c.scope); got != want {
			t.Errorf("%s, by the user: %d, want %d", c.name, got, want)
		}
	}
	// A revoked key is refused also when it was the last.
	for _, name := range []string{"ann", "admin"} {
		if _, err := g.accounts.Revoke(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{ann: 401, old: 401, "stand-in": 200} {
		if got, _ := admit(g, asks(own, "POST", "/v1/chat/completions", "X-Api-Key: "+key), wire.Inference); got != want {
			t.Errorf("%.8s without live keys: %d, want %d", key, got, want)
		}
	}
}

func TestHosts(t *testing.T) {
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{Hosts: []string{"box", "*.example.org", "10.1.2.3", "[fd00::1]"}})
	g.names = func() []string { return []string{"cert.example.net", "*.cert.example.net", "192.0.2.7"} }
	conn := between("192.168.1.5:11434", "192.168.1.9:50000")
	for host, want := range map[string]bool{
		"localhost": true, "localhost:11434": true, "LOCALHOST:1": true, "127.0.0.1:11434": true, "[::1]:11434": true, "[::1]": true, "[0:0:0:0:0:0:0:1]": true,
		"192.168.1.5": true, "192.168.1.5:11434": true, "192.168.1.6": false, "169.254.169.254": false, "127.0.0.2": false, "[::2]": false,
		"[::ffff:127.0.0.1]:1": true, "[::ffff:192.168.1.5]": true,
		"box": true, "BOX:80": true, "a.example.org": true, "a.b.example.org": false, "example.org": false, "10.1.2.3:9": true, "[fd00::1]:9": true, "[fd00:0::1]": true,
		"cert.example.net": true, "x.cert.example.net": true, "x.y.cert.example.net": false, "192.0.2.7": true,
		"evil.com": false, "evil.com:80": false, "127.0.0.1.evil.com:11434": false, "localhost.evil.com:1": false, "localhost@evil.com": false, "evil.com@localhost": false,
		"127.0.0.1:99999": false, "127.0.0.1:0": false, "127.0.0.1:": false, "127.0.0.1:+80": false, "127.0.0.1:8 0": false, "[::1].evil.com": false, "[::1": false, "::1": false, "": false,
		"localhost.": false, " localhost": false, "localhost,evil.com": false, "[localhost]": false, "[127.0.0.1]": false, "lоcalhost": false, "0x7f.1": false, "2130706433": false,
		"*.example.org": false, strings.Repeat("x", 300) + ".example.org": false,
	} {
		got, _ := admit(g, asks(conn, "GET", "/health", "Host: "+host), wire.Open)
		if (got == 200) != want || got != 200 && got != 403 {
			t.Errorf("%q: %d, let in: want %v", host, got, want)
		}
	}
}

func TestOrigins(t *testing.T) {
	loopback := "127.0.0.1:11434"
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{Hosts: []string{"box"}, Origins: []string{"https://friend.example.org"}})
	for _, c := range []struct {
		host    string
		headers []string
		want    int
	}{
		{"localhost:11434", []string{"Origin: http://localhost:11434"}, 200},
		{"127.0.0.1:11434", []string{"Origin: http://127.0.0.1:11434", "Sec-Fetch-Site: same-origin"}, 200},
		{"[::1]:11434", []string{"Origin: http://[::1]:11434"}, 200},
		{"localhost", []string{"Origin: http://localhost"}, 200},
		{"localhost:443", []string{"Origin: https://localhost"}, 200},
		{"box", []string{"Origin: https://box"}, 200},
		{"localhost:11434", []string{"Sec-Fetch-Mode: cors"}, 200}, // Node
		{"localhost:11434", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 200},
		{"localhost:11434", []string{"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"}, 200},
		{"localhost:11434", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"localhost:11434", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"localhost:11434", []string{"Origin: http://localhost:3000"}, 403},
		{"localhost:11434", []string{"Origin: http://localhost"}, 403},
		{"localhost:11434", []string{"Origin: http://127.0.0.1:11434"}, 403},
		{"localhost:11434", []string{"Origin: null"}, 403},
		{"localhost:11434", []string{"Origin: file://"}, 403},
		{"localhost:11434", []string{"Origin: "}, 403},
		{"localhost:11434", []string{"Origin: chrome-extension://abcdefghijklmnop"}, 403},
		{"localhost:11434", []string{"Origin: http://evil.com"}, 403},
		{"localhost:11434", []string{"Origin: http://evil.com:11434"}, 403},
		{"localhost:11434", []string{"Origin: http://localhost.evil.com:11434"}, 403},
		{"localhost:11434", []string{"Origin: http://[::1].evil.com:11434"}, 403},
		{"localhost:11434", []string{"Origin: http://user@localhost:11434"}, 403},
		{"localhost:11434", []string{"Origin: http://localhost:11434/"}, 403},
		{"localhost:11434", []string{"Origin: http://localhost:11434", "Origin: http://evil.com"}, 403},
		{"localhost:11434", []string{"Origin: https://friend.example.org"}, 200},
		{"localhost:11434", []string{"Origin: https://Friend.example.org"}, 200},
		{"localhost:11434", []string{"Origin: http://friend.example.org"}, 403},
		{"localhost:11434", []string{"Origin: https://friend.example.org:444"}, 403},
	} {
		w := httptest.NewRecorder()
		r := asks(between(loopback, "127.0.0.1:50000"), "POST", "/v1/chat/completions", append(c.headers, "Host: "+c.host)...)
		_, done, err := g.Admit(w, r, wire.Open)
		got := 200
		if err != nil {
			got = wire.AsError(err).Kind.Status()
		} else {
			done()
		}
		foreign := strings.Contains(strings.ToLower(c.headers[0]), "friend")
		if got != c.want || (w.Header().Get("Access-Control-Allow-Origin") != "") != (foreign && got == 200) {
			t.Errorf("%s %q: %d, %q; want %d", c.host, c.headers, got, w.Header(), c.want)
		}
	}
}

// What a page of another origin may do: as much as the owner let it, and no more.
func TestCORS(t *testing.T) {
	ask := func(g *Gate, method, origin string, scope wire.Scope, headers ...string) (*httptest.ResponseRecorder, int) {
		w := httptest.NewRecorder()
		r := asks(between("127.0.0.1:1", "127.0.0.1:2"), method, "/v1/chat/completions", append(headers, "Origin: "+origin)...)
		if g.Preflight(w, r) {
			return w, w.Code
		}
		_, done, err := g.Admit(w, r, scope)
		if err != nil {
			return w, wire.AsError(err).Kind.Status()
		}
		done()
		return w, 200
	}
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{Origins: []string{"https://a.example.org"}})
	asked := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type, x-stainless-os", "Access-Control-Request-Private-Network: true"}
	w, code := ask(g, "OPTIONS", "https://a.example.org", wire.Open, asked...)
	if h := w.Header(); code != 204 || h.Get("Access-Control-Allow-Origin") != "https://a.example.org" || h.Get("Access-Control-Allow-Headers") != "content-type, x-stainless-os" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Access-Control-Allow-Private-Network") != "true" || !slices.Contains(h.Values("Vary"), "Origin") {
		t.Errorf("preflight: %d %v", code, h)
	}
	if w, code := ask(g, "OPTIONS", "https://b.example.org", wire.Open, asked...); code != 403 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's preflight: %d %v", code, w.Header())
	}
	for scope, want := range map[wire.Scope]int{wire.Inference: 200, wire.Models: 403, wire.Admin: 403} {
		if _, code := ask(g, "POST", "https://a.example.org", scope); code != want {
			t.Errorf("%s for a page: %d, want %d", scope, code, want)
		}
	}
	g.Set(GateSettings{Origins: []string{"*"}})
	key := newKey(t, g.accounts, account.NewKey{Name: "x"})
	for _, c := range []struct {
		origin  string
		headers []string
		want    int
	}{{"https://any.example.org", nil, 401}, {"https://any.example.org", []string{"X-Api-Key: " + key}, 200}, {"null", []string{"X-Api-Key: " + key}, 403}, {"file://", []string{"X-Api-Key: " + key}, 403}} {
		if _, code := ask(g, "POST", c.origin, wire.Inference, c.headers...); code != c.want {
			t.Errorf("any page, %s, %d headers: %d, want %d", c.origin, len(c.headers), code, c.want)
		}
	}
	g.Set(GateSettings{})
	if w, code := ask(g, "POST", "https://a.example.org", wire.Inference); code != 403 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("after the settings changed: %d", code)
	}
}

func TestForwarded(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		remote  string
		headers []string
		want    string // the client, and the host
	}{
		{"10.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4"}, "1.2.3.4 "},
		{"10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.9.9.9"}, "1.2.3.4 "},
		{"10.0.0.1:5", []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: [2001:db8::1]:80"}, "2001:db8::1 "},
		{"10.0.0.1:5", []string{"X-Forwarded-For: nonsense"}, "invalid IP "},
		{"10.0.0.1:5", nil, "invalid IP "},
		{"[::1]:5", []string{"X-Forwarded-Host: evil.com, box:8443"}, "invalid IP box:8443"},
		{"10.0.0.1:5", []string{"X-Forwarded-Host: bad host"}, "refused"},
		{"11.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: box"}, "invalid IP "},
		{"11.0.0.1:5", nil, "none"},
	} {
		conn := between("10.0.0.2:80", c.remote)
		f, err := readForwarded(asks(conn, "GET", "/", c.headers...), conn, trusted)
		got := "none"
		if err != nil {
			got = "refused"
		} else if f != nil {
			got = f.client.String() + " " + f.host
		}
		if got != c.want {
			t.Errorf("%s %q: %s, want %s", c.remote, c.headers, got, c.want)
		}
	}
	// Behind a proxy that is trusted, the page's origin is the name that the proxy was
	// called by; that of another is not.
	for remote, want := range map[string]int{"10.0.0.1:5": 200, "11.0.0.1:5": 403} {
		g := newTestGate(t, &fakePeers{user: self}, GateSettings{TrustedProxies: trusted, Hosts: []string{"box"}})
		r := asks(between("10.0.0.2:80", remote), "GET", "/health", "Host: 10.0.0.2", "Origin: https://box", "X-Forwarded-Host: box")
		if got, _ := admit(g, r, wire.Open); got != want {
			t.Errorf("from %s: %d, want %d", remote, got, want)
		}
	}
}

// open are the routes that need no key. Whoever adds one has to say so here.
var open = []string{"GET /health", "GET /ready", "GET /{$}", "HEAD /{$}", "GET /chat/{id}", "GET /view/models", "GET /view/admin", "GET /ui/api/session", "POST /ui/api/session", "DELETE /ui/api/session", "GET /log/{path...}"}

// TestEveryRouteIsClosed asks for each route that there is as a stranger does.
func TestEveryRouteIsClosed(t *testing.T) {
	s, err := OpenSite(SiteOptions{Host: host.Options{Home: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	s.gate.peers = &fakePeers{user: self + 1}
	n := 0
	for _, d := range append(s.dialects(), s.own()) {
		for _, route := range d.Routes {
			n++
			if isOpen := slices.Contains(open, route.Pattern); isOpen != (route.Scope == wire.Open) {
				t.Errorf("%s has the scope %s", route.Pattern, route.Scope)
			} else if isOpen {
				continue
			}
			method, target, _ := strings.Cut(route.Pattern, " ")
			target = strings.NewReplacer("{", "", "}", "", "...", "", "$", "").Replace(target)
			r := asks(between("127.0.0.1:1", "127.0.0.1:2"), method, target)
			if route.Header != "" {
				r.Header.Set(route.Header, "x")
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %s, want 401", route.Pattern, w.Code, w.Body)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d routes", n)
	}
}

// The headers of limits are there where there is a limit, in the form of the dialect.
func TestShowLimits(t *testing.T) {
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{})
	limited := newKey(t, g.accounts, account.NewKey{Name: "limited", Limits: account.Limits{RequestsPerMinute: 6, TokensPerMinute: 600}})
	free := newKey(t, g.accounts, account.NewKey{Name: "free"})
	ask := func(method, path, key string) http.Header {
		w := httptest.NewRecorder()
		_, done, err := g.Admit(w, asks(between("127.0.0.1:1", "127.0.0.1:2"), method, path, "X-Api-Key: "+key), wire.Inference)
		if err != nil {
			t.Fatal(err)
		}
		done()
		return w.Header()
	}
	if h := ask("POST", "/v1/chat/completions", free); len(h) != 0 {
		t.Errorf("without limits: %v", h)
	}
	h := ask("POST", "/v1/chat/completions", limited)
	for name, want := range map[string]string{
		"X-Ratelimit-Limit-Requests": "6", "X-Ratelimit-Remaining-Requests": "5", "X-Ratelimit-Reset-Requests": "0ms",
		"X-Ratelimit-Limit-Tokens": "600", "X-Ratelimit-Remaining-Tokens": "600", "X-Ratelimit-Reset-Tokens": "0ms",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if h := ask("GET", "/v1/models", limited); h.Get("X-Ratelimit-Remaining-Requests") != "6" {
		t.Errorf("a list of models counts: %v", h)
	}
	h = ask("POST", "/v1/messages", limited)
	if h.Get("Anthropic-Ratelimit-Requests-Remaining") != "5" || h.Get("X-Ratelimit-Limit-Requests") != "" {
		t.Errorf("Anthropic's: %v", h)
	}
	if _, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-Tokens-Reset")); err != nil {
		t.Error(err)
	}
	for d, want := range map[time.Duration]string{0: "0ms", 1500 * time.Microsecond: "2ms", time.Second: "1000ms", 1001 * time.Millisecond: "2s", 6 * time.Minute: "6m0s"} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// What a panic says gets into no log: neither its value nor those of arguments.
func TestPanicIsQuiet(t *testing.T) {
	var log strings.Builder
	d := &wire.Dialect{Name: "openai", Routes: []wire.Route{{Pattern: "GET /x", Scope: wire.Open, Handle: func(http.ResponseWriter, *http.Request) error {
		panic("the prompt was secret")
	}}}, WriteError: writeOwnError}
	s := New(Options{Dialects: []*wire.Dialect{d}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if said := log.String(); w.Code != 500 || strings.Contains(said, "secret") || strings.Contains(said, "0x") || !strings.Contains(said, "TestPanicIsQuiet") {
		t.Errorf("%d, the log says %s", w.Code, said)
	}
}

// A file of keys that cannot be read lets nobody in who has a key.
func TestUnreadableKeys(t *testing.T) {
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{})
	key := newKey(t, g.accounts, account.NewKey{Name: "x"})
	if _, err := g.accounts.Database().Exec(`ALTER TABLE keys RENAME TO elsewhere; UPDATE key_changes SET count = count + 1`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, _ := admit(g, asks(between("10.0.0.1:1", "10.0.0.2:2"), "POST", "/x", "Host: 10.0.0.1", "X-Api-Key: "+key), wire.Inference); got != 503 {
			t.Errorf("%d, want 503", got)
		}
	}
}

func FuzzSplitHost(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:80", "127.0.0.1", "a:b:c", "[", "]:1", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, port, ok := splitHost(text)
		if !ok {
			return
		}
		// What was taken apart and put together is taken apart the same way.
		again := host
		if strings.Contains(host, ":") {
			again = "[" + host + "]"
		}
		if h, p, ok := splitHost(again); !ok || h != host || p != 0 {
			t.Errorf("%q: host %q, port %d; again %q, %d, %v", text, host, port, h, p, ok)
		}
	})
}
