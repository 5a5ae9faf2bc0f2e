package ollama

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// chat answers a conversation.
func (d *dialect) chat(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a := readAsked(o)
	a.request.Messages, a.request.Tools = readMessages(o), readTools(o)
	if err := o.Err(); err != nil {
		return err
	}
	answer := &reply{asked: a, began: began, writer: chatWriter{}}
	if len(a.request.Messages) == 0 {
		return d.load(w, r, answer)
	}
	return d.answer(w, r, answer)
}
