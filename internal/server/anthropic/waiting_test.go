package anthropic

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// refusing refuses everything, after a while.
type refusing struct {
	free
	after time.Duration
}

func (m refusing) Begin(context.Context, string) (func(inference.Use), error) {
	time.Sleep(m.after)
	return nil, &wire.Error{Kind: wire.NotFound, Message: "too late"}
}

// Who waits long for a message to begin, as for a model that is loaded, hears that the
// server lives. What fails then is told in the stream.
func TestWaiting(t *testing.T) {
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	for _, c := range []struct {
		after  time.Duration
		stream string
		status int
		pings  int
	}{
		{time.Second, "true", http.StatusNotFound, 0},
		{40 * time.Second, "true", http.StatusOK, 2},
		{40 * time.Second, "false", http.StatusNotFound, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := httptest.NewRecorder()
			body := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}],"stream":` + c.stream + `}`
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/messages", strings.NewReader(body))
			r.Header.Set("anthropic-version", "2023-06-01")
			handler(New(inference.New(inference.Options{Host: h, Meter: refusing{after: c.after}}))).ServeHTTP(w, r)
			text := w.Body.String()
			if w.Code != c.status || strings.Count(text, ": ping\n\n") != c.pings || !strings.Contains(text, "too late") {
				t.Errorf("stream %s, refused after %v: status %d, want %d: %s", c.stream, c.after, w.Code, c.status, text)
			}
		})
	}
}
