package receipts

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Routes returns the routes of receipts and of the log. They are there where r is nil, too,
// and say then that there are none. tenant returns who asks.
func (r *Receipts) Routes(tenant func(*http.Request) string) []wire.Route {
	return []wire.Route{
		{Pattern: "GET /v1/receipts/{id}", Scope: wire.Inference, Handle: func(w http.ResponseWriter, q *http.Request) error {
			return r.show(w, q, tenant(q))
		}},
		{Pattern: "GET /log/{path...}", Scope: wire.Open, Handle: r.logFile},
	}
}

// show returns the file of a receipt.
func (r *Receipts) show(w http.ResponseWriter, q *http.Request, tenant string) error {
	id := q.PathValue("id")
	if r == nil {
		return errNone(id, ": this server gives none")
	}
	one, err := r.Find(q.Context(), tenant, id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="`+id+`.receipt.json"`)
	return send(w, one.Text())
}

// logFile serves a file of the log that everybody may see.
func (r *Receipts) logFile(w http.ResponseWriter, q *http.Request) error {
	path := q.PathValue("path")
	none := &wire.Error{Kind: wire.NotFound, Message: "there is nothing at " + wire.Quote(q.URL.Path)}
	if r == nil || r.log == nil {
		return none
	}
	text, final, err := audit.ReadPublic(r.log.Dir(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return none
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if path == audit.CheckpointName {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Cache-Control", "no-store")
	if final { // a tile never changes
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return send(w, text)
}

// send writes a body.
func send(w http.ResponseWriter, text []byte) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // a client that is gone is nobody's fault
	return nil
}
