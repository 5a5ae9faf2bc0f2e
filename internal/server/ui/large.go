package ui

import (
	"compress/gzip"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// packFrom is from how many bytes on an answer is packed.
const packFrom = 4 << 10

// writeLarge writes an answer that may be large: packed where the client takes it.
func writeLarge(w http.ResponseWriter, r *http.Request, v any) error {
	w.Header().Set("Vary", "Accept-Encoding")
	text := wire.Marshal(v)
	if len(text) < packFrom || !takesGzip(r.Header.Values("Accept-Encoding")) {
		wire.WriteJSON(w, http.StatusOK, raw(text))
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Encoding", "gzip")
	out := http.NewResponseController(w)
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	for len(text) > 0 {
		part := text[:min(len(text), 1<<20)]
		text = text[len(part):]
		_ = out.SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
		if _, err := z.Write(part); err != nil {
			return nil // nobody is there any more
		}
	}
	_ = z.Close() // a client that is gone is nobody's fault
	return nil
}

// raw is JSON that is written already.
type raw []byte

// MarshalJSON returns it as it is.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }
