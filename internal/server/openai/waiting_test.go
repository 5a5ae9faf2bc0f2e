package openai_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// refusing refuses everything, after a while.
type refusing struct {
	nobody
	after time.Duration
}

func (m refusing) Begin(context.Context, string) (func(inference.Use), error) {
	time.Sleep(m.after)
	return nil, &wire.Error{Kind: wire.Overloaded, Message: "too late"}
}

// Who waits long for an answer to begin, as for a model that is loaded, hears that the
// server lives. What fails then is told in the stream.
func TestWaiting(t *testing.T) {
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"m","messages":[{"role":"user","content":"hello"}]`,
		"/v1/completions":      `{"model":"m","prompt":"hello"`,
		"/v1/responses":        `{"model":"m","input":"hello","store":false`,
		"/infill":              `{"model":"m","input_prefix":"a","input_suffix":"b"`,
	} {
		for _, c := range []struct {
			after  time.Duration
			stream string
			status int
			pings  int
		}{
			{time.Second, "true", http.StatusTooManyRequests, 0},
			{40 * time.Second, "true", http.StatusOK, 2},
			{40 * time.Second, "false", http.StatusTooManyRequests, 0},
		} {
			synctest.Test(t, func(t *testing.T) {
				service := inference.New(inference.Options{Host: h, Meter: refusing{after: c.after}})
				d := openai.New(service, openai.Responses(service, nil)...) // no response is kept
				handler := server.New(server.Options{Dialects: []*wire.Dialect{d}}).Handler()
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body+`,"stream":`+c.stream+`}`)))
				text := w.Body.String()
				if w.Code != c.status || strings.Count(text, ": ping\n\n") != c.pings || !strings.Contains(text, "too late") {
					t.Errorf("%s, stream %s, refused after %v: status %d, want %d: %s", path, c.stream, c.after, w.Code, c.status, text)
				}
			})
		}
	}
}
