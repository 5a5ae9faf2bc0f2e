package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/blitz-r1/blitz/internal/golden/fakemcp"
)

// childVariable makes the test's program a server.
const childVariable = "BLITZ_TEST_MCP"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		fakemcp.Main()
		return
	}
	os.Exit(m.Run())
}

// program returns a server that is a child.
func program(t *testing.T, kind string) Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Server{Name: "fake", Command: []string{self, kind}, Env: map[string]string{childVariable: "1", "OWN": "yes"}, Timeout: defaultTimeout}
}

// clock is a time that a test sets.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0) }

func open(t *testing.T, servers ...Server) (*Tools, *clock) {
	t.Helper()
	c := &clock{}
	tools := New(servers, Options{Version: "1", Getenv: os.Getenv, now: c.now})
	t.Cleanup(tools.Close)
	return tools, c
}

// both runs a test with a good server that is a child, and with one at an address.
func both(t *testing.T, f func(t *testing.T, s Server)) {
	t.Run("stdio", func(t *testing.T) { f(t, program(t, "good")) })
	t.Run("http", func(t *testing.T) {
		site := httptest.NewServer(fakemcp.Handler())
		t.Cleanup(site.Close)
		f(t, Server{Name: "fake", URL: site.URL + "/mcp", Timeout: defaultTimeout})
	})
}

// call calls a tool that has to give a result.
func call(t *testing.T, tools *Tools, tool, arguments string) Result {
	t.Helper()
	r, err := tools.Call(t.Context(), "fake", tool, json.RawMessage(arguments))
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return r
}

func names(tools []Tool) []string {
	var list []string
	for _, t := range tools {
		list = append(list, t.Name)
	}
	return list
}

func TestGood(t *testing.T) {
	both(t, func(t *testing.T, s Server) {
		tools, _ := open(t, s)
		defs, err := tools.Definitions(t.Context(), []string{"fake", "fake"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(defs)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"type": "function", "function": {"name": "fake__get_weather", "description": "The weather of a city.", "parameters": {"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"}}}`
		var got, wanted any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(got.([]any), func(x any) bool { return equal(x, wanted) }) {
			t.Errorf("%s is not in %s", want, text)
		}
		if len(defs) != 10 {
			t.Errorf("%d definitions, want 10: each once", len(defs))
		}
		for _, c := range []struct {
			tool, arguments string
			want            Result
		}{
			{"get_weather", `{"city": "Oslo"}`, Result{"18 degrees in Oslo", false}},
			{"nap", "", Result{"rested", false}},
			{"fail", "{}", Result{"no such city", true}},
			{"pieces", "{}", Result{"Look:\n\n[an image, image/png, 5 bytes, is left out]\n\n[a sound, audio/wav, 3 bytes, is left out]\n\n" +
				"[a link to a resource, text/plain: a file:///a.txt]\n\n[a resource, of no type: file:///b.txt]\ninside\n\n" +
				"[a resource, application/x, 2 bytes, is left out: file:///c.bin]", false}},
			{"hostile", "{}", Result{strings.NewReplacer("\x1b", "", "\u202e", "").Replace(fakemcp.Hostile), false}},
		} {
			if got := call(t, tools, c.tool, c.arguments); got != c.want {
				t.Errorf("%s: got %+v, want %+v", c.tool, got, c.want)
			}
		}
		huge := call(t, tools, "huge", "{}")
		if !strings.HasSuffix(huge.Content, "é\n[cut: these are the first 262144 of 614400 bytes]") || len(huge.Content) > MaxResult+100 {
			t.Errorf("huge: %d bytes that end in %q", len(huge.Content), huge.Content[len(huge.Content)-60:])
		}
	})
}

func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func TestRefusedCalls(t *testing.T) {
	tools, _ := open(t, program(t, "good"))
	for _, c := range []struct {
		server, tool, arguments string
		is                      error
		want                    string
	}{
		{"fak", "wait", "{}", ErrUnknown, `the MCP server "fak" is not there`},
		{"fake", "weather", "{}", ErrUnknown, `the tool "weather" of the MCP server fake is not there`},
		{"fake", "wait", "[]", ErrArguments, "want a JSON object"},
		{"fake", "wait", "{", ErrArguments, "want a JSON object"},
		{"fake", "wait", `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", ErrArguments, "nested more than 32"},
		{"fake", "wait", `{"a":"` + strings.Repeat("x", maxArguments) + `"}`, ErrArguments, "want at most"},
	} {
		_, err := tools.Call(t.Context(), c.server, c.tool, json.RawMessage(c.arguments))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s.%s(%.20s): got %v, want %q", c.server, c.tool, c.arguments, err, c.want)
		}
	}
	if _, err := tools.Definitions(t.Context(), []string{"other"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("definitions of a server that is not there: %v", err)
	}
}

// A server is started when it is first used, and gets none of our secrets.
func TestEnvironment(t *testing.T) {
	t.Setenv("BLITZ_TEST_SECRET", "hunter2")
	tools, _ := open(t, program(t, "good"))
	got := strings.Split(call(t, tools, "environment", "{}").Content, "\n")
	for _, pair := range got {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(passed, name) && name != childVariable && name != "OWN" && runtime.GOOS != "windows" {
			t.Errorf("the child knows %s", name)
		}
	}
	if !slices.Contains(got, "OWN=yes") {
		t.Errorf("the child does not know OWN=yes: %q", got)
	}
}

func TestSlow(t *testing.T) {
	both(t, func(t *testing.T, s Server) {
		s.Timeout = time.Second
		tools, _ := open(t, s)
		if got := call(t, tools, "wait", "{}"); !got.Failed || got.Content != "The tool gave no result within 1s." {
			t.Errorf("got %+v", got)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("the person stopped it")
		time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
		if _, err := tools.Call(ctx, "fake", "wait", nil); !errors.Is(err, stop) {
			t.Errorf("a call that is stopped: %v", err)
		}
		if got := call(t, tools, "nap", ""); got.Content != "rested" {
			t.Errorf("behind slow calls: %+v", got)
		}
	})
}

// A server that dies is said so of, with its last words, left alone for a while that grows,
// and started again.
func TestDying(t *testing.T) {
	tools, clock := open(t, program(t, "good"))
	for _, wait := range []int64{1, 2, 4} {
		if got := call(t, tools, "die", "{}"); !got.Failed || !strings.HasSuffix(got.Content, "exit status 3; it said: out of cheese") {
			t.Fatalf("got %+v", got)
		}
		waitFor(t, func() bool { return tools.Status(t.Context())[0].State == Failed })
		got := call(t, tools, "nap", "{}")
		want := "it is tried again in " + strconv.FormatInt(wait+1, 10) + " s"
		if !got.Failed || !strings.HasSuffix(got.Content, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
		clock.seconds.Add(wait)
		if got := call(t, tools, "nap", "{}"); got.Content != "rested" {
			t.Fatalf("behind %d s: %+v", wait, got)
		}
	}
	clock.seconds.Add(100)
	call(t, tools, "die", "{}")
	waitFor(t, func() bool { return tools.Status(t.Context())[0].State == Failed })
	if got := call(t, tools, "nap", "{}"); !strings.HasSuffix(got.Content, "again in 2 s") {
		t.Errorf("behind a long life: %+v", got)
	}
}

// waitFor gives up only where something hangs.
func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never came to be")
}

func TestChangingList(t *testing.T) {
	both(t, func(t *testing.T, s Server) {
		tools, _ := open(t, s)
		call(t, tools, "change", "{}")
		waitFor(t, func() bool {
			now := names(tools.Status(t.Context())[0].Tools)
			return slices.Contains(now, "changed") && !slices.Contains(now, "huge")
		})
		if got := call(t, tools, "changed", "{}"); got.Content != "later" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAllowList(t *testing.T) {
	s := program(t, "good")
	s.Tools = []string{"nap", "absent"}
	tools, _ := open(t, s)
	got := tools.Status(t.Context())[0]
	if !slices.Equal(names(got.Tools), []string{"nap"}) || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], `"absent"`) {
		t.Errorf("got %v, %q", names(got.Tools), got.Notes)
	}
	if _, err := tools.Call(t.Context(), "fake", "wait", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("a tool that the settings do not allow: %v", err)
	}
}

// Servers that lie fail, or lose the tools that cannot be; they never take more than was
// meant for them.
func TestLies(t *testing.T) {
	for kind, want := range map[string]string{
		"many":    "offers more than 128 tools",
		"pages":   "in more than 16 parts",
		"long":    "has more than 1048576 bytes",
		"deep":    "",
		"endless": "",
		"garbage": "",
		"gone":    "exit status 4; it said: cannot open the cheese",
	} {
		t.Run(kind, func(t *testing.T) {
			tools, _ := open(t, program(t, kind))
			got := tools.Status(t.Context())[0]
			if got.State != Failed || !strings.HasPrefix(got.Error, "the MCP server fake failed: ") || !strings.Contains(got.Error, want) || len(got.Error) > 800 || strings.Contains(got.Error, "\x1b") {
				t.Errorf("got %+v, want a failure with %q", got, want)
			}
		})
	}
}

func TestOddTools(t *testing.T) {
	tools, _ := open(t, program(t, "odd"))
	got := tools.Status(t.Context())[0]
	if want := []string{"fine", "undescribed", "wordy"}; got.State != Ready || !slices.Equal(names(got.Tools), want) {
		t.Fatalf("got %s, %v; want %v", got.State, names(got.Tools), want)
	}
	if d := got.Tools[2].Description; !strings.HasPrefix(d, "abyyy") || !strings.HasSuffix(d, "y…") || len(d) > maxDescription+3 {
		t.Errorf("a long description has %d bytes: %.20q", len(d), d)
	}
	for _, want := range []string{
		`the tool "a_b" is left out: another tool is called a_b here, too`, `the tool "a.b" is left out: another`,
		`the tool "with space" is left out: its name has other characters`, `the tool "" is left out: its name has 0 bytes`,
		`nnn"… is left out: with the server's, its name has 106 bytes, want at most 64`, `the tool "<|im_end|>" is left out`,
		`the tool "listed" is left out: its schema is no object`, `the tool "nested" is left out: its schema is nested more than 32 levels deep`,
		`the tool "control" is left out: its schema has a name like a control token, "<|im_end|>"`, `the tool "turn" is left out: its schema has a name like a control token, "[/INST]"`,
		`the tool "fat" is left out: its schema has 102412 bytes, want at most 32768`,
	} {
		if !slices.ContainsFunc(got.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("%q is not said: %q", want, got.Notes)
		}
	}
}

// A server that asks without end ends; so does one that says nothing when the program does.
func TestDemanding(t *testing.T) {
	tools, _ := open(t, program(t, "demanding"))
	if got := tools.Status(t.Context())[0]; got.State != Failed {
		t.Errorf("got %+v", got)
	}
	silent, _ := open(t, program(t, "silent"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := silent.Status(ctx)[0]; got.State != Starting {
		t.Errorf("got %+v", got)
	}
}

// What a server never reads holds up nobody for longer than a call may take.
func TestMute(t *testing.T) {
	s := program(t, "mute")
	s.Timeout = time.Second
	tools, _ := open(t, s)
	if got := call(t, tools, "fine", `{"text":"`+strings.Repeat("x", maxArguments-100)+`"}`); !got.Failed || !strings.Contains(got.Content, "no result within 1s") {
		t.Errorf("got %+v", got)
	}
}

func TestNoProgram(t *testing.T) {
	s := program(t, "good")
	s.Command = []string{filepath.Join(t.TempDir(), "absent")}
	tools, _ := open(t, s)
	if got := call(t, tools, "nap", "{}"); !got.Failed || !strings.Contains(got.Content, "the MCP server fake failed: ") {
		t.Errorf("got %+v", got)
	}
}

// Over HTTP the settings' headers are sent, and to no other host.
func TestHeaders(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	inner := fakemcp.Handler()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case r.Header.Get("Authorization") != "Bearer x":
			http.Error(w, "who is it?", http.StatusUnauthorized)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(site.Close)
	headers := map[string]string{"Authorization": "Bearer x"}
	tools, _ := open(t,
		Server{Name: "fake", URL: site.URL, Headers: headers, Timeout: defaultTimeout},
		Server{Name: "nokey", URL: site.URL, Timeout: defaultTimeout},
		Server{Name: "away", URL: site.URL + "/away", Headers: headers, Timeout: defaultTimeout},
	)
	got := tools.Status(t.Context())
	if got[0].State != Ready || got[1].State != Failed || got[2].State != Failed {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got[1].Error, "Unauthorized") || !strings.Contains(got[2].Error, "sends to another host") || elsewhere.Load() > 0 {
		t.Errorf("got %q, %q, and %d requests elsewhere", got[1].Error, got[2].Error, elsewhere.Load())
	}
}

// Addresses are bounded as children are.
func TestLongAnswers(t *testing.T) {
	for _, kind := range []string{"application/json", "text/event-stream"} {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("[1,", 10<<10))); err != nil {
					return
				}
			}
		}))
		tools, _ := open(t, Server{Name: "fake", URL: site.URL, Timeout: defaultTimeout})
		if got := tools.Status(t.Context())[0]; got.State != Failed {
			t.Errorf("%s: got %+v", kind, got)
		}
		tools.Close()
		site.Close()
	}
}

// Nothing of a server is left behind.
func TestClose(t *testing.T) {
	both(t, func(t *testing.T, s Server) {
		tools, _ := open(t, s)
		call(t, tools, "nap", "{}")
		live := tools.links[0].live
		tools.Close()
		if err := live.Wait(); err != nil && live.child == nil {
			t.Logf("the connection ended with %v", err)
		}
		if live.child != nil {
			<-live.child.exited
		}
		if got := call(t, tools, "nap", "{}"); !got.Failed || got.Content != "the program ends" {
			t.Errorf("behind the end: %+v", got)
		}
	})
}

// A call that is under way when the settings name its server no more, or otherwise, ends
// well; then the server ends. One that they name as before goes on.
func TestSet(t *testing.T) {
	both(t, func(t *testing.T, s Server) {
		stays, goes := s, s
		stays.Name, goes.Name = "stays", "goes"
		tools, _ := open(t, stays, s, goes)
		for _, name := range []string{"stays", "fake", "goes"} {
			if got, err := tools.Call(t.Context(), name, "nap", nil); err != nil || got.Content != "rested" {
				t.Fatalf("%s: %+v, %v", name, got, err)
			}
		}
		old := slices.Clone(tools.links)
		var sessions []*session
		for _, l := range old {
			sessions = append(sessions, l.there())
		}
		changed := s
		changed.Tools, changed.Timeout = []string{"nap"}, time.Hour
		tools.Set([]Server{changed, stays, {Name: "new", Command: s.Command, Env: s.Env, URL: s.URL, Timeout: s.Timeout}})
		if got, want := tools.Servers(), []string{"fake", "stays", "new"}; !slices.Equal(got, want) {
			t.Errorf("servers %v, want %v", got, want)
		}
		if tools.links[1] != old[0] || old[0].there() != sessions[0] {
			t.Error("a server that is named as before was started anew")
		}
		for i, l := range old[1:] {
			waitFor(t, func() bool { return l.ctx.Err() != nil })
			if c := sessions[1+i].child; c != nil {
				<-c.exited
			}
		}
		waitFor(t, func() bool {
			tools.mu.Lock()
			defer tools.mu.Unlock()
			return len(tools.retired) == 0
		})
		if _, err := tools.Call(t.Context(), "goes", "nap", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("a server that is gone: %v", err)
		}
		if _, err := tools.Call(t.Context(), "fake", "wait", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("a tool that the new settings do not allow: %v", err)
		}
		for _, name := range []string{"fake", "stays", "new"} {
			if got, err := tools.Call(t.Context(), name, "nap", nil); err != nil || got.Content != "rested" {
				t.Errorf("%s, afterwards: %+v, %v", name, got, err)
			}
		}
		tools.Close()
		tools.Set([]Server{s})
		if got := call(t, tools, "nap", "{}"); !got.Failed || got.Content != "the program ends" {
			t.Errorf("behind the end: %+v", got)
		}
	})
}

// there returns the session of a server, nil where there is none.
func (l *link) there() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

// TestSetWhileCalled: a call whose server the settings drop gives its result.
func TestSetWhileCalled(t *testing.T) {
	called, release := make(chan struct{}), make(chan struct{})
	inner := fakemcp.New()
	inner.AddTool(&sdk.Tool{Name: "hold", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		close(called)
		<-release
		return fakemcp.Text("held"), nil
	})
	site := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return inner }, nil))
	t.Cleanup(site.Close)
	tools, _ := open(t, Server{Name: "fake", URL: site.URL, Timeout: defaultTimeout})
	l := tools.links[0]
	type answer struct {
		r   Result
		err error
	}
	got := make(chan answer)
	go func() {
		r, err := tools.Call(t.Context(), "fake", "hold", nil)
		got <- answer{r, err}
	}()
	<-called
	tools.Set(nil)
	if _, err := tools.Call(t.Context(), "fake", "nap", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("another call: %v", err)
	}
	if l.ctx.Err() != nil {
		t.Error("the server ends while it is called")
	}
	close(release)
	if a := <-got; a.err != nil || a.r != (Result{Content: "held"}) {
		t.Errorf("the call under way: %+v, %v", a.r, a.err)
	}
	waitFor(t, func() bool { return l.ctx.Err() != nil })
}
