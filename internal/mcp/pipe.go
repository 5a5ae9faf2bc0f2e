package mcp

import (
	"context"
	"fmt"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of what comes over the wire.
const (
	maxFrame    = 8 << 20 // bytes of one message; images come in them, too
	maxListing  = 1 << 20 // bytes of one part of a list of tools
	maxStream   = 64 << 20
	maxAsked    = 64 // what a server asks of us and has no answer yet
	methodTools = "tools/list"
)

// pipe is how a child is spoken with.
type pipe struct{ c *child }

func (p pipe) Connect(ctx context.Context) (sdk.Connection, error) {
	t := sdk.IOTransport{Reader: readOnly{p.c}, Writer: p.c, MaxLineLength: maxFrame}
	inner, err := t.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &frames{Connection: inner, child: p.c, listings: map[jsonrpc.ID]bool{}}, nil
}

// readOnly is a child's output; closing its input ends both.
type readOnly struct{ *child }

func (readOnly) Close() error { return nil }

// frames bounds what a server may send and ask for.
type frames struct {
	sdk.Connection
	child    *child
	mu       sync.Mutex
	listings map[jsonrpc.ID]bool // requests for lists of tools, until they are answered
	asked    int
}

func (f *frames) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := f.Connection.Read(ctx)
	if err == nil {
		err = f.bound(m)
	}
	if err != nil {
		go f.child.Close() // which ends the writes that it does not read
		return nil, err
	}
	return m, nil
}

// bound looks at a message of the server's.
func (f *frames) bound(m jsonrpc.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m := m.(type) {
	case *jsonrpc.Response:
		if f.listings[m.ID] && len(m.Result) > maxListing {
			m.Result, m.Error = nil, errLongListing
		}
		delete(f.listings, m.ID)
	case *jsonrpc.Request:
		if m.IsCall() {
			if f.asked++; f.asked > maxAsked {
				return errAsks
			}
		}
	}
	return nil
}

func (f *frames) Write(ctx context.Context, m jsonrpc.Message) error {
	f.mu.Lock()
	switch m := m.(type) {
	case *jsonrpc.Request:
		if m.IsCall() && m.Method == methodTools {
			f.listings[m.ID] = true
		}
	case *jsonrpc.Response:
		f.asked--
	}
	f.mu.Unlock()
	return f.Connection.Write(ctx, m)
}

var (
	errLongListing = fmt.Errorf("a list of tools has more than %d bytes", maxListing)
	errAsks        = fmt.Errorf("the server asks for more than %d things at once", maxAsked)
)
