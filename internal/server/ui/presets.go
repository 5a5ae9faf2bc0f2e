package ui

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

func (u *UI) presetRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/presets", wire.Inference, u.presets),
		route("PUT /ui/api/presets", wire.Inference, u.setPreset),
		route("DELETE /ui/api/presets", wire.Inference, u.deletePreset),
	}
}

// presets returns the parameters that were kept under names.
func (u *UI) presets(w http.ResponseWriter, r *http.Request) error {
	list, err := u.o.Store.Presets(r.Context(), tenantOf(r))
	if err != nil {
		return chatError(err)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"presets": list})
	return nil
}

// setPreset keeps parameters under a name.
func (u *UI) setPreset(w http.ResponseWriter, r *http.Request) error {
	var p history.Preset
	if err := readBody(r, &p); err != nil {
		return err
	}
	if err := u.o.Store.SetPreset(r.Context(), tenantOf(r), p); err != nil {
		return chatError(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deletePreset forgets a preset.
func (u *UI) deletePreset(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("name")
	if name == "" {
		return wire.Refuse("name", "name is missing")
	}
	if err := u.o.Store.DeletePreset(r.Context(), tenantOf(r), name); err != nil {
		return chatError(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
