package batch

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Routes returns the routes of files and batches, whose errors have OpenAI's form.
func (b *Batches) Routes() []wire.Route {
	routes := []wire.Route{
		{Pattern: "POST /v1/files", Handle: b.upload, MaxBody: maxUpload},
		{Pattern: "GET /v1/files", Handle: b.listFiles},
		{Pattern: "GET /v1/files/{id}", Handle: b.showFile},
		{Pattern: "DELETE /v1/files/{id}", Handle: b.removeFile},
		{Pattern: "GET /v1/files/{id}/content", Handle: b.content},
		{Pattern: "POST /v1/batches", Handle: b.create},
		{Pattern: "GET /v1/batches", Handle: b.list},
		{Pattern: "GET /v1/batches/{id}", Handle: b.show},
		{Pattern: "POST /v1/batches/{id}/cancel", Handle: b.cancelBatch},
	}
	for i := range routes {
		routes[i].Scope = wire.Inference
	}
	return routes
}

func (b *Batches) listFiles(w http.ResponseWriter, r *http.Request) error {
	p, err := readPage(r, 10_000)
	if err != nil {
		return err
	}
	all, err := b.files.list(r.Context(), b.o.Tenant(r.Context()), r.FormValue("purpose"))
	if err != nil {
		return err
	}
	writePage(w, p, all, func(f *file) string { return f.ID })
	return nil
}

func (b *Batches) showFile(w http.ResponseWriter, r *http.Request) error {
	f, err := b.files.get(r.Context(), b.o.Tenant(r.Context()), r.PathValue("id"))
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, f)
	}
	return err
}

func (b *Batches) removeFile(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	err := b.files.remove(r.Context(), b.o.Tenant(r.Context()), id)
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "object": "file", "deleted": true})
	}
	return err
}

// content sends what is in a file.
func (b *Batches) content(w http.ResponseWriter, r *http.Request) error {
	f, err := b.files.get(r.Context(), b.o.Tenant(r.Context()), r.PathValue("id"))
	if err != nil {
		return err
	}
	in, err := os.Open(b.files.path(f.ID))
	if err != nil {
		return failed(err)
	}
	defer in.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(f.Bytes, 10))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	out, buf := http.NewResponseController(w), make([]byte, 256<<10)
	for {
		n, err := in.Read(buf)
		_ = out.SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
		if _, gone := w.Write(buf[:n]); gone != nil || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the client must not take what came for whole
		}
	}
}

// create makes a batch.
func (b *Batches) create(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	x, err := readBatch(o, b.o.Now())
	if err != nil {
		return err
	}
	x.tenant, x.once = b.o.Tenant(r.Context()), r.Header.Get("Idempotency-Key")
	if len(x.once) > maxOnce {
		return wire.Refuse("", "the header Idempotency-Key has %d bytes, want at most %d", len(x.once), maxOnce)
	}
	if err := b.files.room(r.Context(), x.tenant); err != nil { // for its results
		return err
	}
	if x, err = b.insert(r.Context(), x); err != nil {
		return err
	}
	b.poke()
	wire.WriteJSON(w, http.StatusOK, x.written())
	return nil
}

func (b *Batches) list(w http.ResponseWriter, r *http.Request) error {
	p, err := readPage(r, 100)
	if err != nil {
		return err
	}
	if p.limit == 0 {
		p.limit = 20
	}
	tenant := b.o.Tenant(r.Context())
	all, err := b.query(r.Context(), `rowid IN (SELECT rowid FROM batches WHERE tenant = ? ORDER BY created_at DESC, rowid DESC LIMIT ?)`, tenant, maxFiles)
	if err != nil {
		return failed(err)
	}
	list := make([]written, len(all))
	for i, x := range all {
		list[i] = x.written()
	}
	writePage(w, p, list, func(x written) string { return x.ID })
	return nil
}

func (b *Batches) show(w http.ResponseWriter, r *http.Request) error {
	x, err := b.get(r.Context(), b.o.Tenant(r.Context()), r.PathValue("id"))
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, x.written())
	}
	return err
}

func (b *Batches) cancelBatch(w http.ResponseWriter, r *http.Request) error {
	x, err := b.cancel(r.Context(), b.o.Tenant(r.Context()), r.PathValue("id"))
	if err != nil {
		return err
	}
	b.interrupt(x.id)
	wire.WriteJSON(w, http.StatusOK, x.written())
	return nil
}

// page is which part of a list is wanted.
type page struct {
	limit int // 0: as many as there may be
	after string
	first bool // the oldest first
}

// readPage reads what a client wants of a list.
func readPage(r *http.Request, most int) (page, error) {
	p := page{after: r.FormValue("after")}
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return p, wire.Refuse("limit", "limit is %s, want 1 to %d", wire.Quote(text), most)
		}
		p.limit = n
	}
	switch order := r.FormValue("order"); order {
	case "", "desc":
	case "asc":
		p.first = true
	default:
		return p, wire.Refuse("order", "order is %s, want asc or desc", wire.Quote(order))
	}
	return p, nil
}

// writePage writes a part of a list, which is in order.
func writePage[T any](w http.ResponseWriter, p page, list []T, id func(T) string) {
	if !p.first {
		slices.Reverse(list)
	}
	if i := slices.IndexFunc(list, func(x T) bool { return id(x) == p.after }); p.after != "" && i >= 0 {
		list = list[i+1:]
	}
	out := struct {
		Object  string  `json:"object"`
		Data    []T     `json:"data"`
		FirstID *string `json:"first_id"`
		LastID  *string `json:"last_id"`
		HasMore bool    `json:"has_more"`
	}{Object: "list"}
	if p.limit > 0 && len(list) > p.limit {
		list, out.HasMore = list[:p.limit], true
	}
	out.Data = list
	if n := len(list); n > 0 {
		out.FirstID, out.LastID = orNull(id(list[0])), orNull(id(list[n-1]))
	}
	wire.WriteJSON(w, http.StatusOK, out)
}
