package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxImport bounds a file that is taken in, in bytes.
const maxImport = 1 << 30

func (u *UI) transferRoutes() []wire.Route {
	in := route("POST /ui/api/import", wire.Inference, u.takeIn)
	in.MaxBody = maxImport
	return []wire.Route{route("GET /ui/api/export", wire.Inference, u.export), in}
}

// export sends a chat, or all, as a file.
func (u *UI) export(w http.ResponseWriter, r *http.Request) error {
	q, ctx, tenant := r.URL.Query(), r.Context(), tenantOf(r)
	id, c := q.Get("chat"), history.Chat{Title: "blitz-chats-" + time.Now().Format(time.DateOnly)}
	if id != "" {
		var err error
		if c, err = u.o.Store.Chat(ctx, tenant, id); err != nil {
			return chatError(err)
		}
	}
	d := &download{w: w, out: http.NewResponseController(w)}
	var write func(context.Context, string, io.Writer) error
	switch format := q.Get("format"); {
	case format == "json":
		d.kind, d.name = "application/json", c.FileName(".json")
		write = func(ctx context.Context, tenant string, w io.Writer) error {
			return u.o.Store.ExportJSON(ctx, tenant, id, w)
		}
	case format != "markdown":
		return wire.Refuse("format", "format is %s, want json or markdown", wire.Quote(format))
	case id != "":
		d.kind, d.name = "text/markdown; charset=utf-8", c.FileName(".md")
		write = func(ctx context.Context, tenant string, w io.Writer) error {
			return u.o.Store.ExportMarkdown(ctx, tenant, id, w)
		}
	default:
		d.kind, d.name = "application/zip", c.FileName(".zip")
		write = u.o.Store.ExportArchive
	}
	err := write(ctx, tenant, d)
	switch {
	case err != nil && d.begun:
		u.o.Log.Warn("an export broke off", "error", err)
		panic(http.ErrAbortHandler) // nobody must take what came for whole
	case err != nil:
		return chatError(err)
	}
	return nil
}

// download is a file on its way to a client, which begins with its first bytes.
type download struct {
	w          http.ResponseWriter
	out        *http.ResponseController
	kind, name string
	begun      bool
}

// Write sends a part.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", d.kind)
		d.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name}))
	}
	_ = d.out.SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	return d.w.Write(p)
}

// takeIn takes in the chats of a file, all or nothing. What follows a fault in the file is
// read, too: browsers listen for an answer only when they have sent all.
func (u *UI) takeIn(w http.ResponseWriter, r *http.Request) error {
	done, err := u.o.Store.Import(r.Context(), tenantOf(r), r.Body)
	if err != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &wire.Error{Kind: wire.TooLarge, Message: fmt.Sprintf("the file is too large, want at most %d MiB", maxImport>>20), Err: err}
	case errors.Is(err, history.ErrFile):
		return &wire.Error{Kind: wire.Invalid, Code: "file", Message: plain(err), Err: err}
	case err != nil:
		return chatError(err)
	}
	wire.WriteJSON(w, http.StatusOK, done)
	return nil
}
