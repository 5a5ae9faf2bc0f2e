package server

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// What failed is kept without what was asked, once, and not for ever.
func TestFailures(t *testing.T) {
	var f failures
	ask := func(status int, e *wire.Error) {
		r := httptest.NewRequest("POST", "/v1/x", nil)
		n := &note{err: e}
		f.done(r.WithContext(context.WithValue(r.Context(), noteKey{}, n)), "/v1/x", status)
	}
	ask(400, &wire.Error{Kind: wire.Invalid, Message: "temperature is too high"})
	ask(200, nil)
	if got := f.recent(); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	secret := &wire.Error{Kind: wire.Internal, Message: "the server failed to answer", Err: errors.New(`model "secret \"words\" of a prompt" is gone`)}
	f.counted(inference.Use{Err: secret})
	ask(500, secret)
	f.counted(inference.Use{Err: context.Canceled})
	f.counted(inference.Use{Err: &wire.Error{Kind: wire.Invalid, Message: "no"}})
	got := f.recent()
	if len(got) != 1 || got[0].Status != 500 || got[0].Route != "POST /v1/x" || strings.Contains(got[0].Message, "secret") || !strings.Contains(got[0].Message, "is gone") {
		t.Fatalf("%v", got)
	}
	for i := range 2 * maxFailures {
		ask(503, &wire.Error{Kind: wire.Unavailable, Message: fmt.Sprint(i)})
	}
	if got = f.recent(); len(got) != maxFailures || got[0].Message != fmt.Sprint(2*maxFailures-1) {
		t.Errorf("%d failures, first %v", len(got), got[0])
	}
	for i := range f.list {
		f.list[i].Time = time.Now().Add(-failureLife)
	}
	if got = f.recent(); len(got) != 0 {
		t.Errorf("%d failures of yesterday are left", len(got))
	}
}
