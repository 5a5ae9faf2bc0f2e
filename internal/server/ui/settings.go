package ui

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Setting is a setting of the server and where it comes from. A secret has no value here.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`            // FromFlag, FromEnvironment, FromFile or FromDefault
	Where string `json:"where,omitempty"` // the variable, or the file and its key
}

// Where settings come from.
const (
	FromFlag        = "flag"
	FromEnvironment = "environment"
	FromFile        = "file"
	FromDefault     = "default"
)

func (u *UI) settings(w http.ResponseWriter, _ *http.Request) error {
	list := []Setting{}
	if u.o.Settings != nil {
		list = append(list, u.o.Settings()...)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"settings": list})
	return nil
}
