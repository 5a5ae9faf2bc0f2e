package ui

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

func (u *UI) pullRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/pulls", wire.Models, u.listPulls),
		route("POST /ui/api/pulls", wire.Models, u.beginPull),
		route("POST /ui/api/pulls/{id}/pause", wire.Models, u.pausePull),
		route("POST /ui/api/pulls/{id}/resume", wire.Models, u.resumePull),
		route("DELETE /ui/api/pulls/{id}", wire.Models, u.dropPull),
	}
}

// pullList is all pulls, as an answer and as an event.
type pullList struct {
	Pulls []Pull `json:"pulls"`
}

func (u *UI) listPulls(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, pullList{u.pulls.snapshot()})
	return nil
}

// beginPull begins to fetch a model: of a source, whose address has to be a public one, of a
// name of the catalogue, or of a stored name, which moves to what its source has.
func (u *UI) beginPull(w http.ResponseWriter, r *http.Request) error {
	name, err := readName(r)
	if err != nil {
		return err
	}
	p, err := u.pulls.begin(r.Context(), name)
	return answerPull(w, p, err)
}

func (u *UI) pausePull(w http.ResponseWriter, r *http.Request) error {
	p, err := u.pulls.pause(r.PathValue("id"))
	return answerPull(w, p, err)
}

func (u *UI) resumePull(w http.ResponseWriter, r *http.Request) error {
	p, err := u.pulls.resume(r.Context(), r.PathValue("id"))
	return answerPull(w, p, err)
}

func answerPull(w http.ResponseWriter, p Pull, err error) error {
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, p)
	return nil
}

func (u *UI) dropPull(w http.ResponseWriter, r *http.Request) error {
	if err := u.pulls.drop(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
