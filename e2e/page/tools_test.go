package page

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden/fakemcp"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server"
)

// WithTools has a server know the MCP server fake.
func withTools(t *testing.T) func(*server.SiteOptions) {
	fake := httptest.NewServer(fakemcp.Handler())
	t.Cleanup(fake.Close)
	allowed := mcp.NewAllowed(filepath.Join(t.TempDir(), mcp.AllowedFile))
	return func(o *server.SiteOptions) {
		o.Tools = mcp.New([]mcp.Server{{Name: "fake", URL: fake.URL, Timeout: time.Minute}}, mcp.Options{Version: "test", Getenv: func(string) string { return "" }})
		o.Allowed = allowed
	}
}

// A tool of an MCP server is run when a person says so: once, in this chat, always.
func TestConsent(t *testing.T) {
	s := serve(t, withTools(t))
	tab := browse(t, s, "/", Options{})
	use := func() {
		t.Helper()
		tab.Panel("Parameters")
		tab.Find("checkbox", "fake…").Click()
		tab.Keys("Escape")
	}
	use()
	wants := func() *Element {
		t.Helper()
		tab.Until("consent is asked for", func() bool { return tab.Has("button", "Allow once") })
		answer := tab.Last("article", "Answer…")
		if text := answer.Text(); !strings.Contains(text, "get_weather") || !strings.Contains(text, "Kyiv") {
			t.Errorf("the call is not shown: %q", text)
		}
		if strings.Contains(answer.Text(), "18 degrees in Kyiv") {
			t.Error("the call was run without consent")
		}
		return answer
	}
	finished := func() {
		t.Helper()
		tab.Until("the model goes on", func() bool {
			return !tab.Has("button", "Allow once") && strings.Contains(tab.Answer().Text(), "It is 18 degrees in Paris!")
		})
	}
	tab.Say("play mcp")
	wants().Find("button", "Allow once").Click()
	finished()
	tab.Say("play mcp again")
	wants().Find("button", "Allow in this chat").Click()
	finished()
	before := len(tab.All("article", "Answer…"))
	tab.Say("play mcp a third time")
	tab.Until("a third round needs no question", func() bool { return len(tab.All("article", "Answer…")) == before+2 })
	finished()

	tab.Find("button", "New chat").Click()
	tab.Until("a new chat begins", func() bool { return tab.Path() == "/" })
	use()
	tab.Say("play mcp elsewhere")
	wants().Find("button", "Always allow").Click()
	finished()
	allowed := Eval[string](tab, "fetch('/ui/api/mcp/allowed').then(r => r.text())")
	if !strings.Contains(allowed, `"fake/get_weather"`) {
		t.Errorf("what is allowed is %s", allowed)
	}
}

// What a tool says does nothing.
func TestHostileTool(t *testing.T) {
	s := serve(t, withTools(t))
	tab := browse(t, s, "/", Options{})
	tab.Panel("Parameters")
	tab.Find("checkbox", "fake…").Click()
	tab.Keys("Escape")
	tab.Say("play hostilemcp")
	tab.Find("button", "Allow once").Click()
	tab.Until("the model goes on", func() bool { return strings.Contains(tab.Answer().Text(), "It is 18 degrees in Paris!") })
	harmless(t, tab)
}

// The person's own tools: results are typed in and sent.
func TestOwnTools(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Panel("Parameters")
	tab.Find("textbox", "Tools").Fill(`[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]`)
	tab.Keys("Escape")
	tab.Say("play tool")
	tab.Find("textbox", "Result of get_weather…").Fill("18 degrees")
	tab.Find("button", "Send results").Click()
	tab.Until("the model goes on", func() bool { return strings.Contains(tab.Answer().Text(), "It is 18 degrees in Paris!") })
}

// A call that is declined is not run, and the model is told; what was allowed in a chat is
// asked for again where that is taken back.
func TestDecline(t *testing.T) {
	s := serve(t, withTools(t))
	tab := browse(t, s, "/", Options{})
	tab.Parameters().Find("checkbox", "fake…").Click()
	tab.Say("play mcp")
	tab.Find("button", "Decline").Click()
	tab.Until("the model is told", func() bool {
		all := tab.All("article", "Answer…")
		return len(all) == 2 && strings.Contains(all[0].Text(), "The person declined this call.") && strings.Contains(tab.Answer().Text(), "It is 18 degrees in Paris!")
	})
	if text := Eval[string](tab, "document.body.innerText"); strings.Contains(text, "18 degrees in Kyiv") {
		t.Error("the call was run")
	}
	tab.Say("play mcp again")
	tab.Find("button", "Allow in this chat").Click()
	tab.Until("it is run", func() bool {
		return len(tab.All("article", "Answer…")) == 4 && strings.Contains(Eval[string](tab, "document.body.innerText"), "18 degrees in Kyiv")
	})
	tab.Answer()
	tab.Parameters().Find("button", "Ask again for fake/get_weather").Click()
	tab.Say("play mcp a third time")
	tab.Find("button", "Decline")
}
