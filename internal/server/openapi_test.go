package server

import (
	"bytes"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

func TestDocumentIsServed(t *testing.T) {
	s := newSite(t)
	w := s.ask("GET", "/openapi.yaml", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/yaml" || !bytes.Equal(w.Body.Bytes(), document) {
		t.Errorf("%d, %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}

// own is what the user's own programs speak, which no document describes.
const own = "/blitz/"

// routesOf returns the routes of a server with their scopes, under names such as GET /x.
func routesOf(s *Site) map[string]string {
	routes := map[string]string{}
	for _, d := range append(s.dialects(), s.own()) {
		for _, r := range d.Routes {
			method, path, _ := strings.Cut(r.Pattern, " ")
			path = strings.NewReplacer("{$}", "", "...}", "}").Replace(path)
			if !strings.HasPrefix(path, own) {
				routes[method+" "+path] = string(r.Scope)
			}
		}
	}
	return routes
}

// The lines of the document that name a path, a method and a scope.
var (
	pathLine   = regexp.MustCompile(`^  (/\S*):$`)
	methodLine = regexp.MustCompile(`^    (get|head|post|put|patch|delete|options|trace):$`)
	openLine   = regexp.MustCompile(`^      security: \[\]$`)
	scopeLine  = regexp.MustCompile(`^ +- bearer: \[(\w+)\]$`)
)

// documented returns the routes of the document with their scopes.
func documented() map[string]string {
	routes := map[string]string{}
	var path, route, usual string
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case pathLine.MatchString(line):
			path = pathLine.FindStringSubmatch(line)[1]
		case methodLine.MatchString(line):
			route = strings.ToUpper(methodLine.FindStringSubmatch(line)[1]) + " " + path
			routes[route] = usual
		case openLine.MatchString(line):
			routes[route] = string(wire.Open)
		case scopeLine.MatchString(line):
			scope := scopeLine.FindStringSubmatch(line)[1]
			if path == "" { // in front of all paths
				usual = scope
			} else {
				routes[route] = scope
			}
		}
	}
	return routes
}

// The document has the routes that there are, no more and no fewer, and their scopes.
func TestDocumentHasAllRoutes(t *testing.T) {
	got, want := documented(), routesOf(newSite(t))
	if len(want) < 50 {
		t.Fatalf("the server has %d routes", len(want))
	}
	for _, route := range slices.Sorted(maps.Keys(want)) {
		scope, known := got[route]
		switch {
		case !known:
			t.Errorf("%s is not in the document", route)
		case scope != want[route]:
			t.Errorf("%s: the document says %q, want %q", route, scope, want[route])
		}
	}
	for _, route := range slices.Sorted(maps.Keys(got)) {
		if _, known := want[route]; !known {
			t.Errorf("%s is in the document, and there is no such route", route)
		}
	}
}
