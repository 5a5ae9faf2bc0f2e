package ui

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/document"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Options say what the page stands on.
type Options struct {
	Service  *inference.Service
	Accounts *account.Accounts
	Store    *history.Store // of the chats
	// Tools returns the tools of servers that the settings name, each a function in OpenAI's
	// form; nil: there are none.
	Tools func(ctx context.Context, servers []string) ([]json.RawMessage, error)
	// MCP are the servers of the owner's settings, whose tools are used where Tools is nil;
	// Allowed is what people allow for good. Both may be nil.
	MCP     *mcp.Tools
	Allowed *mcp.Allowed
	// From returns where a request comes from, to count wrong keys; nil: nobody tells.
	From func(r *http.Request) string
	// Caller returns the context of a request with who asks; the error says why nobody does
	// who counts here.
	Caller  func(r *http.Request) (context.Context, error)
	Version string // of the program
	Log     *slog.Logger
	Served  []string // the models that the server was started with, which are offered before others

	DB        *database.DB         // with Tables; nil: pulls are forgotten at the end
	Catalogue *catalogue.Catalogue // of what is offered; nil: nothing is
	Documents []string             // the command that reads PDF files; see document.Reader
	Confine   []string             // the command that confines it; see there
	// Figures of the status, and the settings; nil: there are none.
	Disk     func() Disk
	Failures func() []Failure
	Settings func() []Setting
}

// UI is the page and its API. Any goroutine may use it.
type UI struct {
	o       Options
	service *inference.Service
	page    *page
	hub     *hub
	runs    *runs

	host      *host.Host
	pulls     *pulls
	documents *document.Reader
	reads     chan struct{} // holds a token for each file that is read
	modelBell *bell
	rate      *rate
	began     time.Time
}

// New returns the page.
func New(o Options) (*UI, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	u := &UI{o: o, service: o.Service, hub: newHub(o.Store), runs: newRuns()}
	if o.Tools == nil && o.MCP != nil {
		u.o.Tools = u.serverTools
	}
	var err error
	if u.page, err = readPage(packedPage); err != nil {
		return nil, err
	}
	if u.service == nil { // nothing but the page's file is asked for
		return u, nil
	}
	return u, u.openModels()
}

// openModels begins what the page knows of models: the pulls of the last time, and who is
// told of what.
func (u *UI) openModels() error {
	u.host, u.began = u.service.Host(), time.Now()
	u.documents, u.reads = &document.Reader{Command: u.o.Documents, Confine: u.o.Confine}, make(chan struct{}, maxReads)
	u.pulls = &pulls{host: u.host, audit: u.o.Accounts.Audit, log: u.o.Log}
	if u.o.DB != nil {
		u.pulls.table = &pullTable{u.o.DB}
		var err error
		if u.pulls.list, err = u.pulls.table.all(); err != nil {
			return err
		}
	}
	u.pulls.bell = newBell(func() { u.hub.sayTo(account.Models, eventPulls, pullList{u.pulls.snapshot()}) })
	u.modelBell = newBell(u.hearModels)
	u.host.Notify(u.modelBell.change)
	u.rate = newRate(u.host)
	return nil
}

// Close ends what the pages are told, waits for the answers under way until ctx ends, and
// then has those that are left keep what came.
func (u *UI) Close(ctx context.Context) error {
	u.pulls.close() // they wait at the next start
	u.modelBell.close()
	u.rate.close()
	u.hub.close()
	return u.runs.close(ctx)
}

// Dialect returns the routes. GET / is not among them: Ollama's clients ask there, too,
// and Page answers who wants HTML.
func (u *UI) Dialect() *wire.Dialect {
	routes := slices.Concat(
		u.pageRoutes(),
		u.sessionRoutes(),
		u.streamRoutes(),
		u.chatRoutes(),
		u.turnRoutes(),
		u.searchRoutes(),
		u.transferRoutes(),
		u.presetRoutes(),
		u.privateRoutes(),
		u.mcpRoutes(),
		u.modelRoutes(),
		u.pullRoutes(),
		u.offerRoutes(),
		u.statusRoutes(),
		u.fileRoutes(),
		u.receiptRoutes(),
	)
	return &wire.Dialect{Name: Name, Routes: routes, WriteError: writeError}
}

// from returns where a request comes from.
func (u *UI) from(r *http.Request) string {
	if u.o.From == nil {
		return ""
	}
	return u.o.From(r)
}

// Name is what the router calls the dialect.
const Name = "ui"

// API is how the paths of the API begin.
const API = "/ui/api/"

// route returns a route of the API whose answers nothing on the way may keep.
func route(pattern string, scope wire.Scope, handle func(http.ResponseWriter, *http.Request) error) wire.Route {
	return wire.Route{Pattern: pattern, Scope: scope, Handle: func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		return handle(w, r)
	}}
}

// tenantOf returns whose chats a request is about.
func tenantOf(r *http.Request) string { return account.CallerOf(r.Context()).Tenant() }

// errorBody is an error on the wire.
type errorBody struct {
	Error struct {
		Message string `json:"message"`
		Param   string `json:"param,omitempty"` // the field that is wrong
		Code    string `json:"code,omitempty"`
	} `json:"error"`
}

func bodyOf(e *wire.Error) errorBody {
	var b errorBody
	b.Error.Message, b.Error.Param, b.Error.Code = e.Message, e.Param, e.Code
	return b
}

func writeError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	wire.WriteJSON(w, e.Kind.Status(), bodyOf(e))
}
