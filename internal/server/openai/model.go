package openai

import (
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// modelEntry is what is said of a model.
type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Context int64  `json:"context_length,omitempty"` // positions that it was made for
}

func entryOf(e host.Entry) modelEntry {
	return modelEntry{shortName(e.Name), "model", e.Modified.Unix(), "blitz", e.Context}
}

// shortName leaves out the tag that a name without one has.
func shortName(name string) string { return strings.TrimSuffix(name, ":latest") }

// models lists the models that there are.
func (d *dialect) models(w http.ResponseWriter, r *http.Request) error {
	entries, err := d.service.Models(r.Context())
	if err != nil {
		return err
	}
	list := []modelEntry{}
	for _, e := range entries {
		list = append(list, entryOf(e))
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
	return nil
}

// model tells of one.
func (d *dialect) model(w http.ResponseWriter, r *http.Request) error {
	e, err := d.service.Entry(r.Context(), r.PathValue("model"))
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, entryOf(e))
	}
	return err
}
