package ui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// startPatience is how long a list of servers waits for those that are being started.
const startPatience = 5 * time.Second

// mcpRoutes are for the owner and for keys that may do all: servers run as the owner. A
// tool is called by a request of its own alone, with the word of the page, so each call is
// one that somebody asked for; nothing here calls one by itself.
func (u *UI) mcpRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/mcp", wire.Admin, u.toolServers),
		route("POST /ui/api/mcp/call", wire.Admin, u.callTool),
		route("GET /ui/api/mcp/allowed", wire.Admin, u.allowedTools),
		route("PUT /ui/api/mcp/allowed", wire.Admin, u.allowTools),
	}
}

// hasTools says whether there are servers of tools that a caller may use.
func (u *UI) hasTools(c account.Caller) bool {
	return u.o.MCP != nil && len(u.o.MCP.Servers()) > 0 && c.May(account.Admin)
}

// toolServer is a server of tools on the wire.
type toolServer struct {
	Name  string    `json:"name"`
	State mcp.State `json:"state"`
	Error string    `json:"error,omitempty"`
	Notes []string  `json:"notes,omitempty"` // what of its tools is left out, and why
	Tools []tool    `json:"tools"`
}

// tool is a tool of a server, by its name here.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// toolServers says how the servers stand, which starts those that are not there.
func (u *UI) toolServers(w http.ResponseWriter, r *http.Request) error {
	list := []toolServer{}
	if u.o.MCP != nil {
		ctx, cancel := context.WithTimeout(r.Context(), startPatience)
		defer cancel()
		for _, s := range u.o.MCP.Status(ctx) {
			t := toolServer{Name: s.Name, State: s.State, Error: s.Error, Notes: s.Notes, Tools: []tool{}}
			for _, x := range s.Tools {
				t.Tools = append(t.Tools, tool{x.Name, x.Description, x.Parameters})
			}
			list = append(list, t)
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"servers": list})
	return nil
}

// callTool runs a call that a person allowed. What it gave is text, whatever it says.
func (u *UI) callTool(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Server    string          `json:"server"`
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	if u.o.MCP == nil {
		return wire.Refuse("server", "this server has no servers of tools")
	}
	if err := u.o.Accounts.Audit(r.Context(), "mcp.call", wire.Quote(mcp.Entry(in.Server, in.Tool)), nil); err != nil {
		return err
	}
	result, err := u.o.MCP.Call(r.Context(), in.Server, in.Tool, in.Arguments)
	if err != nil {
		return toolError(err)
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Content string `json:"content"`
		Failed  bool   `json:"failed"`
	}{result.Content, result.Failed})
	return nil
}

// allowedTools returns the tools that the caller allowed once and for all.
func (u *UI) allowedTools(w http.ResponseWriter, r *http.Request) error {
	list := []string{}
	if u.o.Allowed != nil {
		kept, err := u.o.Allowed.List(tenantOf(r))
		if err != nil {
			return err
		}
		list = append(list, kept...)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"allowed": list})
	return nil
}

// allowTools keeps the tools that the caller allows once and for all.
func (u *UI) allowTools(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Allowed []string `json:"allowed"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	if u.o.Allowed == nil {
		return &wire.Error{Kind: wire.Conflict, Message: "this server has no folder of settings to keep that in"}
	}
	if err := mcp.CheckEntries(in.Allowed); err != nil {
		return &wire.Error{Kind: wire.Invalid, Param: "allowed", Message: err.Error(), Err: err}
	}
	if err := u.o.Accounts.Audit(r.Context(), "mcp.allow", "", in.Allowed); err != nil {
		return err
	}
	if err := u.o.Allowed.Set(tenantOf(r), in.Allowed); err != nil {
		return err
	}
	return u.allowedTools(w, r)
}

// serverTools returns the tools of servers, each a function in OpenAI's form.
func (u *UI) serverTools(ctx context.Context, servers []string) ([]json.RawMessage, error) {
	if !u.hasTools(account.CallerOf(ctx)) {
		return nil, wire.Refuse("mcp", "this server has no servers of tools for this key")
	}
	list, err := u.o.MCP.Definitions(ctx, servers)
	if err != nil {
		return nil, toolError(err)
	}
	var all []json.RawMessage
	for _, v := range list {
		text, err := v.MarshalJSON()
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// toolError returns an error of a server of tools as a client is told.
func toolError(err error) error {
	switch {
	case errors.Is(err, mcp.ErrUnknown):
		return &wire.Error{Kind: wire.NotFound, Param: "mcp", Message: err.Error(), Err: err}
	case errors.Is(err, mcp.ErrArguments):
		return &wire.Error{Kind: wire.Invalid, Param: "arguments", Message: err.Error(), Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &wire.Error{Kind: wire.Unavailable, Param: "mcp", Message: err.Error(), Err: err}
}
