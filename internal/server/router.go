package server

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Guard says who asks.
type Guard interface {
	// Admit returns the request with its caller in the context. The error says why the
	// caller may not do what the route is for. done, not nil, is called behind the answer.
	Admit(w http.ResponseWriter, r *http.Request, scope wire.Scope) (admitted *http.Request, done func(), err error)
	// Preflight answers a browser that asks whether a page may ask, and says whether it
	// did.
	Preflight(w http.ResponseWriter, r *http.Request) bool
}

// entry is a route and the dialect it belongs to.
type entry struct {
	wire.Route
	method  string
	dialect *wire.Dialect
}

// router finds the route of a request.
type router struct {
	mux      *http.ServeMux
	guard    Guard
	dialects []*wire.Dialect // the first is spoken to who says nothing of his own
}

// endpoint is the routes of one path.
type endpoint struct {
	router *router
	path   string
	routes []entry
}

func newRouter(guard Guard, dialects []*wire.Dialect) *router {
	rt := &router{mux: http.NewServeMux(), guard: guard, dialects: dialects}
	endpoints := map[string]*endpoint{}
	var paths []string
	for _, d := range dialects {
		for _, route := range d.Routes {
			method, p, _ := strings.Cut(route.Pattern, " ")
			e := endpoints[p]
			if e == nil {
				e = &endpoint{router: rt, path: p}
				endpoints[p] = e
				paths = append(paths, p)
			}
			e.routes = append(e.routes, entry{route, method, d})
		}
	}
	for _, p := range paths {
		rt.mux.Handle(p, endpoints[p])
	}
	return rt
}

func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rt.guard != nil && rt.guard.Preflight(w, r) {
		return
	}
	// The mux would send a client on to the path that it thinks was meant.
	if clean := path.Clean(r.URL.Path); r.URL.Path == clean || r.URL.Path == clean+"/" {
		if _, pattern := rt.mux.Handler(r); pattern != "" {
			rt.mux.ServeHTTP(w, r)
			return
		}
	}
	rt.refuse(w, r, nil, wire.Open, &wire.Error{Kind: wire.NotFound, Message: "there is nothing at " + wire.Quote(r.URL.Path)})
}

// refuse answers with an error, unless the guard has one of its own: who may not ask
// does not learn what there is.
func (rt *router) refuse(w http.ResponseWriter, r *http.Request, d *wire.Dialect, scope wire.Scope, e *wire.Error) {
	if d == nil {
		d = rt.spoken(r)
	}
	if rt.guard != nil {
		_, done, err := rt.guard.Admit(w, r, scope)
		if err != nil {
			e = wire.AsError(err)
		} else if done != nil {
			defer done()
		}
	}
	writeError(w, r, d, e)
}

// spoken returns the dialect that a client speaks, as far as it can be told.
func (rt *router) spoken(r *http.Request) *wire.Dialect {
	name := "openai"
	switch {
	case r.Header.Get("Anthropic-Version") != "", strings.HasPrefix(r.URL.Path, "/v1/messages"):
		name = "anthropic"
	case strings.HasPrefix(r.URL.Path, ui.API):
		name = ui.Name
	case strings.HasPrefix(r.URL.Path, "/api/"), r.URL.Path == "/":
		name = "ollama"
	}
	if i := slices.IndexFunc(rt.dialects, func(d *wire.Dialect) bool { return d.Name == name }); i >= 0 {
		return rt.dialects[i]
	}
	return rt.dialects[0]
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, allowed := e.route(r)
	if route == nil {
		e.router.refuse(w, r, e.routes[0].dialect, wire.Open, &wire.Error{
			Kind: wire.NoMethod, Allow: strings.Join(allowed, ", "),
			Message: "the method " + wire.Quote(r.Method) + " is not for this path, want " + strings.Join(allowed, " or "),
		})
		return
	}
	noteRoute(r, e.path)
	if e.router.guard != nil {
		admitted, done, err := e.router.guard.Admit(w, r, route.Scope)
		if err != nil {
			writeError(w, r, route.dialect, wire.AsError(err))
			return
		}
		r = admitted
		if done != nil {
			defer done()
		}
	}
	limitBody(w, r, route.MaxBody)
	if err := route.Handle(w, r); err != nil {
		writeError(w, r, route.dialect, wire.AsError(err))
	}
}

// route returns the route of a request, or the methods that there are.
func (e *endpoint) route(r *http.Request) (found *entry, allowed []string) {
	for i := range e.routes {
		x := &e.routes[i]
		switch {
		case x.method != r.Method && !(x.method == http.MethodGet && r.Method == http.MethodHead):
			if !slices.Contains(allowed, x.method) {
				allowed = append(allowed, x.method)
			}
		case x.Header != "" && r.Header.Get(x.Header) != "":
			return x, nil
		case x.Header == "" && found == nil:
			found = x
		}
	}
	return found, allowed
}

// writeError writes an error in the form of a dialect.
func writeError(w http.ResponseWriter, r *http.Request, d *wire.Dialect, e *wire.Error) {
	noteError(r, e)
	h := w.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if e.Allow != "" {
		h.Set("Allow", e.Allow)
	}
	if e.Payment != "" {
		h.Set(paymentHeader, e.Payment)
	}
	d.WriteError(w, r, e)
}
