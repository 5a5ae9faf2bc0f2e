package course

import (
	"encoding/json"
	"io"
)

// Lines writes JSON, a line each and each at once, in which tags stand as they are.
func Lines(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}
