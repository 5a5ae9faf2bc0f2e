package anthropic

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// model is what clients are told of a model.
type model struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	DisplayName    string `json:"display_name"`
	CreatedAt      string `json:"created_at"`
	Lifecycle      string `json:"lifecycle"`
	MaxInputTokens int64  `json:"max_input_tokens,omitempty"`
	MaxTokens      int64  `json:"max_tokens,omitempty"`
}

// shortName leaves out the tag that a name without one has.
func shortName(name string) string { return strings.TrimSuffix(name, ":latest") }

func newModel(e host.Entry) model {
	name := shortName(e.Name)
	return model{
		Type: "model", ID: name, DisplayName: name, CreatedAt: e.Modified.UTC().Format(time.RFC3339), Lifecycle: "active",
		MaxInputTokens: e.Context, MaxTokens: e.Context,
	}
}

// modelPage is a part of the list of models.
type modelPage struct {
	Data    []model `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

// listModels answers GET /v1/models.
func (d *dialect) listModels(w http.ResponseWriter, r *http.Request) error {
	setRequestID(w)
	limit, err := pageLimit(r)
	if err != nil {
		return err
	}
	all, err := d.service.Models(r.Context())
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, newModelPage(all, limit, r.FormValue("after_id"), r.FormValue("before_id")))
	return nil
}

// showModel answers GET /v1/models/NAME.
func (d *dialect) showModel(w http.ResponseWriter, r *http.Request) error {
	setRequestID(w)
	e, err := d.service.Entry(r.Context(), r.PathValue("model"))
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, newModel(e))
	return nil
}

// Bounds of a page, as the API has them.
const (
	usualPage = 20
	maxPage   = 1000
)

func pageLimit(r *http.Request) (int, error) {
	text := r.FormValue("limit")
	if text == "" {
		return usualPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, wire.Refuse("limit", "limit is %s, want 1 to %d", wire.Quote(text), maxPage)
	}
	return n, nil
}

// newModelPage cuts a page out of the models, which are in order: those behind one of
// them, or those before.
func newModelPage(all []host.Entry, limit int, after, before string) modelPage {
	at := func(id string) int {
		return slices.IndexFunc(all, func(e host.Entry) bool { return shortName(e.Name) == shortName(id) })
	}
	page := modelPage{Data: []model{}}
	if i := at(after); after != "" && i >= 0 {
		all = all[i+1:]
	}
	if i := at(before); before != "" && i >= 0 {
		all = all[:i]
		if len(all) > limit {
			all, page.HasMore = all[len(all)-limit:], true
		}
	}
	if len(all) > limit {
		all, page.HasMore = all[:limit], true
	}
	for _, e := range all {
		page.Data = append(page.Data, newModel(e))
	}
	if n := len(page.Data); n > 0 {
		page.FirstID, page.LastID = &page.Data[0].ID, &page.Data[n-1].ID
	}
	return page
}
