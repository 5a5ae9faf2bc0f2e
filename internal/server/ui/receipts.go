package ui

import (
	"errors"
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/receipt"
)

func (u *UI) receiptRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/receipts/{id}", wire.Inference, u.receipt),
		route("POST /ui/api/receipts/{id}/check", wire.Inference, u.checkReceipt),
	}
}

// receipt returns the file of a receipt, to be taken away.
func (u *UI) receipt(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id") // of one of ours, if it is found
	one, err := u.service.Receipt(r.Context(), id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+id+`.receipt.json"`)
	_, _ = w.Write(one.Text()) // a client that is gone is nobody's fault
	return nil
}

// receiptCheck is what a check of a receipt found.
type receiptCheck struct {
	OK      bool              `json:"ok"`
	Checked []string          `json:"checked,omitempty"`
	Reason  string            `json:"reason,omitempty"` // why it does not hold
	Detail  string            `json:"detail,omitempty"`
	Token   *int              `json:"first_difference,omitempty"`
	Model   string            `json:"model,omitempty"`
	Root    string            `json:"root,omitempty"`
	Key     string            `json:"key,omitempty"`
	Time    string            `json:"time,omitempty"`
	Log     *receipt.LogEntry `json:"log,omitempty"`
}

// checkReceipt checks a receipt, and has its answer computed again.
func (u *UI) checkReceipt(w http.ResponseWriter, r *http.Request) error {
	v, err := u.service.CheckReceipt(r.Context(), r.PathValue("id"))
	var refused *receipt.Error
	switch {
	case errors.As(err, &refused):
		wire.WriteJSON(w, http.StatusOK, receiptCheck{Reason: string(refused.Reason), Detail: refused.Detail, Token: refused.First})
		return nil
	case err != nil:
		return err
	}
	s := v.Statement
	wire.WriteJSON(w, http.StatusOK, receiptCheck{OK: true, Checked: v.Checked, Model: s.Model.Name, Root: v.Model, Key: v.Key, Time: v.Time, Log: v.Log})
	return nil
}
