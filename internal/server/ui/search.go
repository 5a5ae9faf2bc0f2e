package ui

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of a search.
const (
	usualFound = 20
	maxFound   = 200
)

func (u *UI) searchRoutes() []wire.Route {
	return []wire.Route{route("GET /ui/api/search", wire.Inference, u.search)}
}

// search returns where words stand in titles and messages.
func (u *UI) search(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, usualFound, maxFound)
	if err != nil {
		return err
	}
	found, err := u.o.Store.Search(r.Context(), tenantOf(r), r.URL.Query().Get("q"), limit)
	if err != nil {
		return chatError(err)
	}
	return writeLarge(w, r, map[string]any{"results": append([]history.Found{}, found...)})
}
