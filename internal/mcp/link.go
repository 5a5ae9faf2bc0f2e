package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/blitz-r1/blitz/internal/message"
)

const (
	startPatience = 30 * time.Second
	maxPages      = 16
	maxAtOnce     = 16 // calls of one server
	firstWait     = time.Second
	longestWait   = time.Minute
	relistWait    = time.Second
	stable        = time.Minute // behind which an end counts as the first
)

// link is one server: not started, being started, there, or dead.
type link struct {
	server Server
	o      *Options
	calls  chan struct{}   // a place for each that is under way
	users  sync.WaitGroup  // whoever has it from Tools; added to under Tools.mu
	ctx    context.Context // ends with the program's use of it
	cancel context.CancelFunc

	mu       sync.Mutex
	live     *session      // nil: none
	starting chan struct{} // closed when the start under way is over; nil: none is
	err      error         // why the last start failed, or the last session ended
	failures int           // of that kind, without a stable session between them
	retry    time.Time     // no start before
	closed   bool
}

// session is a server that is there.
type session struct {
	*sdk.ClientSession
	ctx     context.Context // ends with the session
	cancel  context.CancelFunc
	child   *child        // nil: it is at an address
	changed chan struct{} // its tools are others than before
	began   time.Time

	mu    sync.Mutex
	tools []Tool
	notes []string
}

func newLink(s Server, o *Options) *link {
	l := &link{server: s, o: o, calls: make(chan struct{}, maxAtOnce)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// session returns the server, which is started where it is not there. It waits until ctx
// ends; the start goes on behind that.
func (l *link) session(ctx context.Context) (*session, error) {
	l.mu.Lock()
	if l.live != nil || l.closed {
		defer l.mu.Unlock()
		if l.closed {
			return nil, errors.New("the program ends")
		}
		return l.live, nil
	}
	if l.starting == nil {
		if wait := l.retry.Sub(l.o.now()); wait > 0 {
			defer l.mu.Unlock()
			return nil, fmt.Errorf("%w; it is tried again in %d s", l.err, int(wait.Seconds())+1)
		}
		l.starting = make(chan struct{})
		go l.start(l.starting)
	}
	started := l.starting
	l.mu.Unlock()
	select {
	case <-started:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		return nil, l.err
	}
	return l.live, nil
}

// start starts the server, once.
func (l *link) start(done chan struct{}) {
	s, err := l.connect()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(done)
	l.starting = nil
	switch {
	case err != nil:
		l.failed(err)
	case l.closed:
		go s.end()
	default:
		l.live, l.err = s, nil
		go l.watch(s)
		go s.relist(&l.server)
	}
}

// failed notes a failure, and when there may be another.
func (l *link) failed(err error) {
	l.err = fmt.Errorf("the MCP server %s failed: %s", l.server.Name, message.Line(err.Error(), 600))
	wait := min(firstWait<<min(l.failures, 10), longestWait)
	l.failures++
	l.retry = l.o.now().Add(wait)
	l.o.Log.Warn("an MCP server failed", "server", l.server.Name, "error", message.Line(err.Error(), 600), "again_in", wait)
}

// watch waits for the end of a session.
func (l *link) watch(s *session) {
	err := s.Wait()
	if err == nil {
		err = errors.New("the connection ended")
	}
	if s.child != nil {
		err = s.child.reason(err)
	}
	s.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live = nil; l.closed {
		return
	}
	if l.o.now().Sub(s.began) >= stable {
		l.failures = 0
	}
	l.failed(err)
}

// connect starts the program or finds the address, and asks for the tools.
func (l *link) connect() (*session, error) {
	s := &session{changed: make(chan struct{}, 1), began: l.o.now()}
	s.ctx, s.cancel = context.WithCancel(l.ctx)
	late := time.AfterFunc(startPatience, s.cancel)
	var t sdk.Transport
	if l.server.Command != nil {
		var err error
		if s.child, err = startChild(l.server.Command, environment(l.o.Getenv, l.server.Env)); err != nil {
			s.cancel()
			return nil, err
		}
		t = pipe{s.child}
	} else {
		w, client := newWeb(&l.server)
		context.AfterFunc(s.ctx, w.base.CloseIdleConnections)
		t = &sdk.StreamableClientTransport{Endpoint: l.server.URL, HTTPClient: client, MaxEventSize: maxFrame}
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "blitz", Version: l.o.Version}, &sdk.ClientOptions{
		Logger:       slog.New(slog.DiscardHandler), // it has what servers say
		Capabilities: &sdk.ClientCapabilities{},
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) {
			select {
			case s.changed <- struct{}{}:
			default:
			}
		},
		MultiRoundTrip: &sdk.MultiRoundTripOptions{Disabled: true},
	})
	var err error
	if s.ClientSession, err = client.Connect(s.ctx, t, nil); err == nil {
		err = s.list(&l.server)
	}
	if !late.Stop() {
		err = fmt.Errorf("does not start within %v", startPatience)
	}
	if err == nil {
		return s, nil
	}
	if s.child != nil {
		err = s.child.reason(err)
	}
	s.end()
	return nil, err
}

// end ends a session, in the time that a child has for it.
func (s *session) end() {
	s.cancel()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if s.ClientSession != nil {
			s.Close()
		}
	}()
	select {
	case <-closed:
	case <-time.After(endPatience):
	}
	if s.child != nil {
		s.child.Close()
	}
}

// list asks for the tools.
func (s *session) list(server *Server) error {
	var all []*sdk.Tool
	params := &sdk.ListToolsParams{}
	for page := 0; ; page++ {
		if page == maxPages {
			return fmt.Errorf("lists its tools in more than %d parts", maxPages)
		}
		r, err := s.ListTools(s.ctx, params)
		if err != nil {
			return err
		}
		if all = append(all, r.Tools...); r.NextCursor == "" {
			break
		}
		params = &sdk.ListToolsParams{Cursor: r.NextCursor}
	}
	tools, notes, err := readTools(server, all)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tools, s.notes = tools, notes
	return nil
}

// relist asks again for the tools whenever they are others, but not all the time.
func (s *session) relist(server *Server) {
	for {
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			return
		}
		if err := s.list(server); err != nil && s.ctx.Err() == nil {
			s.mu.Lock()
			s.tools, s.notes = nil, []string{"the tools changed and cannot be listed: " + message.Line(err.Error(), 300)}
			s.mu.Unlock()
		}
		select {
		case <-time.After(relistWait):
		case <-s.ctx.Done():
			return
		}
	}
}

// listed returns the tools.
func (s *session) listed() ([]Tool, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tools, s.notes
}

// call calls a tool by its own name. What fails on the server's side is a result, too; the
// error is that of ctx.
func (l *link) call(ctx context.Context, s *session, own string, arguments json.RawMessage) (Result, error) {
	select {
	case l.calls <- struct{}{}:
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, l.server.Timeout)
	type answer struct {
		r   *sdk.CallToolResult
		err error
	}
	done := make(chan answer, 1)
	go func() { // a child that does not read holds up the write of a call
		defer func() { <-l.calls }()
		r, err := s.CallTool(limited, &sdk.CallToolParams{Name: own, Arguments: arguments})
		done <- answer{r, err}
	}()
	defer cancel()
	var a answer
	select {
	case a = <-done:
	case <-limited.Done():
		a.err = limited.Err()
	}
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case limited.Err() != nil:
		return failure("The tool gave no result within %v.", l.server.Timeout), nil
	case a.err != nil:
		var said *jsonrpc.Error
		if !errors.As(a.err, &said) && s.child != nil {
			a.err = s.child.reason(a.err)
		}
		return failure("The MCP server failed: %s", message.Line(a.err.Error(), 600)), nil
	}
	return readResult(a.r), nil
}

// close ends the server for good.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.cancel()
	s, starting := l.live, l.starting
	l.mu.Unlock()
	if s != nil {
		s.end()
	}
	if starting != nil {
		<-starting
	}
}
