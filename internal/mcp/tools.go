package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/jinja"
)

// ErrUnknown says that there is no server or tool of a name.
var ErrUnknown = errors.New("is not there")

// ErrArguments says that arguments are no JSON object, or too much of one.
var ErrArguments = errors.New("arguments of a tool")

// maxArguments bounds the arguments of a call, in bytes.
const maxArguments = 1 << 20

// Options say how servers are started.
type Options struct {
	Version string // of the program, which servers are told
	Getenv  func(string) string
	Log     *slog.Logger // nil: none
	now     func() time.Time
}

// Tools are the servers of the settings. Any goroutine may use them.
type Tools struct {
	o Options

	mu      sync.Mutex
	links   []*link            // in the order of the settings
	retired map[*link]struct{} // no longer named, and still ending
	closed  bool
}

// New returns servers, none of which is started.
func New(servers []Server, o Options) *Tools {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.now == nil {
		o.now = time.Now
	}
	t := &Tools{o: o, retired: map[*link]struct{}{}}
	t.Set(servers)
	return t
}

// Set has the servers be those of new settings. One that the settings name as before goes on
// as it is. One that they name no more, or otherwise than before, is called no more and ends
// behind the calls that are under way.
func (t *Tools) Set(servers []Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	before := t.links
	t.links = nil
	for _, s := range servers {
		i := slices.IndexFunc(before, func(l *link) bool { return reflect.DeepEqual(l.server, s) })
		if i < 0 {
			t.links = append(t.links, newLink(s, &t.o))
			continue
		}
		t.links = append(t.links, before[i])
		before = slices.Delete(before, i, i+1)
	}
	for _, l := range before {
		t.retired[l] = struct{}{}
		go t.retire(l)
	}
}

// retire ends a server when nobody uses it any more.
func (t *Tools) retire(l *link) {
	l.users.Wait()
	l.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.retired, l)
}

// Servers returns the names of the servers, in their order.
func (t *Tools) Servers() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names()
}

// names is Servers where t.mu is held.
func (t *Tools) names() []string {
	var names []string
	for _, l := range t.links {
		names = append(names, l.server.Name)
	}
	return names
}

// use returns a server, which the caller lets go of by its users. The error wraps
// ErrUnknown.
func (t *Tools) use(name string) (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.links {
		if l.server.Name == name {
			l.users.Add(1)
			return l, nil
		}
	}
	return nil, fmt.Errorf("the MCP server %s %w: the settings name it [mcp.NAME]%s", message.Quote(name), ErrUnknown, spelling.Text(name, t.names()))
}

// useAll returns all servers, each of which the caller lets go of by its users.
func (t *Tools) useAll() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.links {
		l.users.Add(1)
	}
	return slices.Clone(t.links)
}

// State is what a server is doing.
type State string

// The states.
const (
	Ready    State = "ready"
	Starting State = "starting"
	Failed   State = "failed"
)

// Status is how a server stands.
type Status struct {
	Name  string
	State State
	Error string   // of one that failed
	Notes []string // what of its tools is left out, and why
	Tools []Tool
}

// Status returns how the servers stand. Those that are not there are started, and waited
// for until ctx ends.
func (t *Tools) Status(ctx context.Context) []Status {
	links := t.useAll()
	list := make([]Status, len(links))
	var wait sync.WaitGroup
	for i, l := range links {
		wait.Go(func() {
			defer l.users.Done()
			list[i] = Status{Name: l.server.Name, State: Ready}
			s, err := l.session(ctx)
			switch {
			case err == nil:
				list[i].Tools, list[i].Notes = s.listed()
			case ctx.Err() != nil:
				list[i].State = Starting
			default:
				list[i].State, list[i].Error = Failed, err.Error()
			}
		})
	}
	wait.Wait()
	return list
}

// Definitions returns the tools of servers as a request has them, which starts those that
// are not there. A server that fails is an error; one that is not in the settings is one
// that wraps ErrUnknown.
func (t *Tools) Definitions(ctx context.Context, servers []string) ([]jinja.Value, error) {
	var all []jinja.Value
	for i, name := range servers {
		if slices.Contains(servers[:i], name) {
			continue
		}
		some, err := t.definitions(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// definitions returns the tools of one server as a request has them.
func (t *Tools) definitions(ctx context.Context, name string) ([]jinja.Value, error) {
	l, err := t.use(name)
	if err != nil {
		return nil, err
	}
	defer l.users.Done()
	s, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	var all []jinja.Value
	tools, _ := s.listed()
	for _, tool := range tools {
		d, err := tool.definition(name)
		if err != nil {
			return nil, fmt.Errorf("the tool %s of the MCP server %s: %w", tool.Name, name, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// Call calls a tool, by its name here. arguments are a JSON object, or nothing for none. A
// call that fails on the server's side, or in its time, has a Result that says so. The error
// wraps ErrUnknown or ErrArguments, or is that of ctx.
func (t *Tools) Call(ctx context.Context, server, tool string, arguments json.RawMessage) (Result, error) {
	arguments, err := checkArguments(arguments)
	if err != nil {
		return Result{}, err
	}
	l, err := t.use(server)
	if err != nil {
		return Result{}, err
	}
	defer l.users.Done()
	s, err := l.session(ctx)
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	} else if err != nil {
		return failure("%v", err), nil
	}
	tools, _ := s.listed()
	i := slices.IndexFunc(tools, func(x Tool) bool { return x.Name == tool })
	if i < 0 {
		var names []string
		for _, x := range tools {
			names = append(names, x.Name)
		}
		return Result{}, fmt.Errorf("the tool %s of the MCP server %s %w%s", message.Quote(tool), server, ErrUnknown, spelling.Text(tool, names))
	}
	return l.call(ctx, s, tools[i].own, arguments)
}

// checkArguments returns arguments as a server gets them.
func checkArguments(text json.RawMessage) (json.RawMessage, error) {
	s := strings.TrimSpace(string(text))
	switch {
	case s == "":
		return json.RawMessage("{}"), nil
	case len(s) > maxArguments:
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrArguments, len(s), maxArguments)
	case !json.Valid([]byte(s)) || s[0] != '{':
		return nil, fmt.Errorf("%w: %s, want a JSON object", ErrArguments, message.Quote(s))
	case depth([]byte(s)) > maxDepth:
		return nil, fmt.Errorf("%w: nested more than %d levels deep", ErrArguments, maxDepth)
	}
	return json.RawMessage(s), nil
}

// Close ends all servers, and the calls under way with them.
func (t *Tools) Close() {
	t.mu.Lock()
	t.closed = true
	all := slices.AppendSeq(slices.Clone(t.links), maps.Keys(t.retired))
	t.mu.Unlock()
	var wait sync.WaitGroup
	for _, l := range all {
		wait.Go(l.close)
	}
	wait.Wait()
}
