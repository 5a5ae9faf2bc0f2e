package ui_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/golden/fakemcp"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server"
)

// toolSite is a site whose settings have a server of tools called fake, and one called
// dead.
func toolSite(t *testing.T) *site {
	t.Helper()
	good := httptest.NewServer(fakemcp.Handler())
	t.Cleanup(good.Close)
	dead := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(dead.Close)
	home := puppetHome(t, puppet.WithTools())
	return openSiteWith(t, home, func(o *server.SiteOptions) {
		o.Tools = mcp.New([]mcp.Server{
			{Name: "dead", URL: dead.URL, Timeout: time.Minute}, {Name: "fake", URL: good.URL, Timeout: time.Minute},
		}, mcp.Options{Version: "test", Getenv: func(string) string { return "" }})
		o.Allowed = mcp.NewAllowed(filepath.Join(home, mcp.AllowedFile))
	})
}

type toolServer struct {
	Name, State, Error string
	Notes              []string
	Tools              []struct {
		Name, Description string
		Parameters        map[string]any
	}
}

func TestToolServers(t *testing.T) {
	b := toolSite(t).browser()
	if !b.me().MCP {
		t.Error("the owner is not told of tools")
	}
	var got struct{ Servers []toolServer }
	b.get("/ui/api/mcp", &got)
	if len(got.Servers) != 2 || got.Servers[0].Name != "dead" || got.Servers[0].State != "failed" || !strings.Contains(got.Servers[0].Error, "Not Found") || got.Servers[0].Tools == nil {
		t.Errorf("got %+v", got)
	}
	fake := got.Servers[1]
	i := slices.IndexFunc(fake.Tools, func(x struct {
		Name, Description string
		Parameters        map[string]any
	},
	) bool {
		return x.Name == "get_weather"
	})
	if fake.State != "ready" || i < 0 || fake.Tools[i].Description != "The weather of a city." || fake.Tools[i].Parameters["type"] != "object" {
		t.Errorf("got %+v", fake)
	}
}

// A call is asked for by the page, never by the model: an answer with calls waits.
func TestToolCall(t *testing.T) {
	b := toolSite(t).browser()
	w := b.say("chat-tools", question("one", "play mcp", m{"mcp": []string{"fake"}}))
	answer := w.message("one-answer")
	if answer.Status != history.Calls || len(answer.Calls) != 1 || answer.Calls[0].Name != "fake__get_weather" {
		t.Fatalf("got %+v", answer)
	}
	var result struct {
		Content string
		Failed  bool
	}
	b.want(200, "POST", "/ui/api/mcp/call", m{"server": "fake", "tool": "get_weather", "arguments": m{"city": "Kyiv"}}, &result)
	if result.Failed || result.Content != "18 degrees in Kyiv" {
		t.Fatalf("got %+v", result)
	}
	w = b.say("chat-tools", m{
		"messages": []m{{"id": "one-result", "parent": "one-answer", "role": "tool", "content": "", "results": []m{{"call": answer.Calls[0].ID, "name": answer.Calls[0].Name, "content": result.Content}}}},
		"answers":  []m{{"id": "two-answer", "parent": "one-result", "parameters": withModel(m{"mcp": []string{"fake"}})}},
	})
	if got := w.message("two-answer"); got.Status != history.Complete || !strings.HasPrefix(got.Content, "It is 18 degrees") {
		t.Errorf("got %+v", got)
	}
	b.want(200, "POST", "/ui/api/mcp/call", m{"server": "fake", "tool": "fail"}, &result)
	if !result.Failed || result.Content != "no such city" {
		t.Errorf("a tool that fails: %+v", result)
	}
	b.want(200, "POST", "/ui/api/mcp/call", m{"server": "dead", "tool": "x"}, &result)
	if !result.Failed || !strings.Contains(result.Content, "the MCP server dead failed") {
		t.Errorf("a server that fails: %+v", result)
	}
	for want, body := range map[string]m{
		"is not there":        {"server": "fake", "tool": "weather"},
		"MCP server":          {"server": "fak", "tool": "weather"},
		"want a JSON object":  {"server": "fake", "tool": "fail", "arguments": []int{1}},
		"there is no field":   {"server": "fake", "tool": "fail", "consent": true},
		"nested more than 32": {"server": "fake", "tool": "fail", "arguments": deep(40)},
		"is number, want a ":  {"server": 1, "tool": "fail"},
	} {
		status := 400
		if want == "is not there" || want == "MCP server" {
			status = 404
		}
		if text := b.want(status, "POST", "/ui/api/mcp/call", body, nil); !strings.Contains(text, want) {
			t.Errorf("%v: %s, want %q", body, text, want)
		}
	}
}

// deep returns an object of so many levels.
func deep(n int) m {
	if n == 0 {
		return m{}
	}
	return m{"a": deep(n - 1)}
}

// An answer for a server that is not there, or fails, fails with its words.
func TestToolServerOfAnAnswer(t *testing.T) {
	b := toolSite(t).browser()
	for server, want := range map[string]string{"none": "is not there", "dead": "the MCP server dead failed"} {
		w := b.say("chat-"+server, question("ask-"+server, "Hi", m{"mcp": []string{server}}))
		if got := w.message("ask-" + server + "-answer"); got.Status != history.Failed || !strings.Contains(got.Error, want) {
			t.Errorf("%s: got %+v, want %q", server, got, want)
		}
	}
}

func TestAllowedTools(t *testing.T) {
	s := toolSite(t)
	b := s.browser()
	var got struct{ Allowed []string }
	b.get("/ui/api/mcp/allowed", &got)
	if got.Allowed == nil || len(got.Allowed) != 0 {
		t.Errorf("got %+v, want an empty list", got)
	}
	b.want(200, "PUT", "/ui/api/mcp/allowed", m{"allowed": []string{"fake/wait", "fake/nap", "fake/nap"}}, &got)
	if want := []string{"fake/nap", "fake/wait"}; !slices.Equal(got.Allowed, want) {
		t.Errorf("got %q, want %q", got.Allowed, want)
	}
	if text := b.want(400, "PUT", "/ui/api/mcp/allowed", m{"allowed": []string{"all"}}, nil); !strings.Contains(text, "want SERVER/TOOL") {
		t.Errorf("got %s", text)
	}
	admin := s.signedIn(account.NewKey{Name: "root", Scopes: account.Scopes{account.Inference, account.Admin}})
	admin.get("/ui/api/mcp/allowed", &got)
	if len(got.Allowed) != 0 {
		t.Errorf("another person allowed %q", got.Allowed)
	}
}

// Servers run as the owner: a key that may not do all neither sees nor uses them, and no
// page of another site has one called.
func TestToolsAreGuarded(t *testing.T) {
	s := toolSite(t)
	b := s.signedIn(account.NewKey{Name: "ada", Scopes: account.Scopes{account.Inference}})
	if b.me().MCP {
		t.Error("a key without the scope is told of tools")
	}
	b.want(403, "GET", "/ui/api/mcp", nil, nil)
	b.want(403, "GET", "/ui/api/mcp/allowed", nil, nil)
	b.want(403, "POST", "/ui/api/mcp/call", m{"server": "fake", "tool": "nap"}, nil)
	w := b.say("chat-guard", question("ask", "play mcp", m{"mcp": []string{"fake"}}))
	if got := w.message("ask-answer"); got.Status != history.Failed || !strings.Contains(got.Error, "no servers of tools for this key") {
		t.Errorf("got %+v", got)
	}
	owner := s.browser()
	owner.word = "guessed"
	owner.want(403, "POST", "/ui/api/mcp/call", m{"server": "fake", "tool": "nap"}, nil)
	owner.want(403, "PUT", "/ui/api/mcp/allowed", m{"allowed": []string{"fake/nap"}}, nil)
}
