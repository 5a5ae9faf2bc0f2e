package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// responses answers the requests of /v1/responses: readers are responseask.go,
// responsetool.go and item.go, which put a conversation together (talk.go); what comes is
// cut into items (response.go), which are sent whole or as events (responsestream.go),
// and kept (stored.go).
type responses struct {
	service *inference.Service
	stored  *Stored
}

// Responses returns the routes of responses, for New.
func Responses(service *inference.Service, stored *Stored) []wire.Route {
	d := &responses{service, stored}
	routes := []wire.Route{
		{Pattern: "POST /v1/responses", Handle: d.create},
		{Pattern: "POST /v1/responses/input_tokens", Handle: d.count},
		{Pattern: "GET /v1/responses/{id}", Handle: d.show},
		{Pattern: "DELETE /v1/responses/{id}", Handle: d.remove},
		{Pattern: "GET /v1/responses/{id}/input_items", Handle: d.inputItems},
		{Pattern: "POST /v1/responses/{id}/cancel", Handle: d.cancel},
	}
	for i := range routes {
		routes[i].Scope = wire.Inference
	}
	return routes
}

// read reads what a response is asked for.
func (d *responses) read(r *http.Request) (*responseAsk, error) {
	o, err := wire.ReadObject(r)
	if err != nil {
		return nil, err
	}
	return d.readResponse(r.Context(), o)
}

// create answers.
func (d *responses) create(w http.ResponseWriter, r *http.Request) error {
	a, err := d.read(r)
	if err != nil {
		return err
	}
	events := wire.EventsIf(a.stream, w)
	defer events.Close()
	answers, err := d.service.Answer(r.Context(), &a.Request)
	if err != nil {
		return neverBegun(events, err)
	}
	defer answers.Close()
	answers.Tell(w, events)
	if a.stream {
		return d.streamResponse(events, r, a, answers)
	}
	return d.writeResponse(w, r, a, answers)
}

// count says how many tokens create would read.
func (d *responses) count(w http.ResponseWriter, r *http.Request) error {
	a, err := d.read(r)
	if err != nil {
		return err
	}
	n, err := d.service.Count(r.Context(), &a.Request)
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, map[string]any{"object": "response.input_tokens", "input_tokens": n})
	}
	return err
}

// show returns a response as it was answered.
func (d *responses) show(w http.ResponseWriter, r *http.Request) error {
	if again := r.FormValue("stream"); again != "" && again != "false" {
		return wire.Refuse("stream", "a stored response is not streamed again")
	}
	body, err := d.stored.body(r.Context(), d.service.Tenant(r.Context()), r.PathValue("id"))
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, json.RawMessage(body))
	}
	return err
}

// remove deletes a response, and what it was asked and answered.
func (d *responses) remove(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	err := d.stored.remove(r.Context(), d.service.Tenant(r.Context()), id)
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "object": "response", "deleted": true})
	}
	return err
}

// cancel refuses: what it could end has ended with the request that asked for it.
func (d *responses) cancel(_ http.ResponseWriter, r *http.Request) error {
	if _, err := d.stored.body(r.Context(), d.service.Tenant(r.Context()), r.PathValue("id")); err != nil {
		return err
	}
	return &wire.Error{Kind: wire.Conflict, Message: "only a response in the background can be cancelled, and this one is over"}
}

// itemPage is a part of a list of items.
type itemPage struct {
	Object  string            `json:"object"`
	Data    []json.RawMessage `json:"data"`
	FirstID *string           `json:"first_id"`
	LastID  *string           `json:"last_id"`
	HasMore bool              `json:"has_more"`
}

// Bounds of a page.
const (
	usualPage = 20
	maxPage   = 100
)

// inputItems lists what a response was asked, the last first unless told otherwise.
func (d *responses) inputItems(w http.ResponseWriter, r *http.Request) error {
	limit, order := usualPage, r.FormValue("order")
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return wire.Refuse("limit", "limit is %s, want 1 to %d", wire.Quote(text), maxPage)
		}
		limit = n
	}
	if order != "" && order != "asc" && order != "desc" {
		return wire.Refuse("order", "order is %s, want asc or desc", wire.Quote(order))
	}
	items, err := d.ordered(r.Context(), r.PathValue("id"), order != "asc")
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, newItemPage(items, limit, r.FormValue("after")))
	return nil
}

func (d *responses) ordered(ctx context.Context, id string, last bool) ([]storedItem, error) {
	items, err := d.stored.input(ctx, d.service.Tenant(ctx), id)
	if last {
		slices.Reverse(items)
	}
	return items, err
}

// newItemPage cuts a page out of items: those behind one of them.
func newItemPage(items []storedItem, limit int, after string) itemPage {
	if i := slices.IndexFunc(items, func(item storedItem) bool { return item.id == after }); after != "" && i >= 0 {
		items = items[i+1:]
	}
	page := itemPage{Object: "list", Data: []json.RawMessage{}}
	if len(items) > limit {
		items, page.HasMore = items[:limit], true
	}
	for _, item := range items {
		page.Data = append(page.Data, item.raw())
	}
	if n := len(items); n > 0 {
		page.FirstID, page.LastID = &items[0].id, &items[n-1].id
	}
	return page
}
