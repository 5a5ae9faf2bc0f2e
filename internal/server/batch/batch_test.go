package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

type tenantKey struct{}

func tenantOf(ctx context.Context) string {
	name, _ := ctx.Value(tenantKey{}).(string)
	return name
}

// bench is a server of files and batches.
type bench struct {
	t   *testing.T
	b   *Batches
	mux *http.ServeMux
}

func openBench(t *testing.T, home string, now func() time.Time) *bench {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(home, database.FileName), Tables)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), Options{
		Database: db, Home: home, Tenant: tenantOf, Now: now,
		As: func(ctx context.Context, tenant string) (context.Context, error) {
			if tenant == "revoked" {
				return nil, &wire.Error{Kind: wire.Key, Message: "the key was revoked"}
			}
			return context.WithValue(ctx, tenantKey{}, tenant), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := &bench{t, b, http.NewServeMux()}
	for _, route := range b.Routes() {
		x.mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Handle(w, r); err != nil {
				e := wire.AsError(err)
				wire.WriteJSON(w, e.Kind.Status(), map[string]any{"error": map[string]any{"message": e.Message, "param": e.Param}})
			}
		})
	}
	t.Cleanup(func() {
		x.close()
		db.Close()
	})
	return x
}

// close ends the runner at once.
func (x *bench) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = x.b.Close(ctx)
}

func (x *bench) send(tenant, method, path, contentType, body string) (int, string) {
	x.t.Helper()
	r := httptest.NewRequestWithContext(context.WithValue(x.t.Context(), tenantKey{}, tenant), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	x.mux.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// form writes a form of fields and a file.
func form(fields map[string]string, name, contents string) (contentType, body string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		_ = w.WriteField(k, v)
	}
	if name != "" {
		p, _ := w.CreateFormFile("file", name)
		_, _ = io.WriteString(p, contents)
	}
	w.Close()
	return w.FormDataContentType(), b.String()
}

func decoded[T any](t *testing.T, status int, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return v
}

func (x *bench) put(tenant, contents string) *file {
	x.t.Helper()
	kind, body := form(map[string]string{"purpose": "batch"}, "lines.jsonl", contents)
	status, text := x.send(tenant, "POST", "/v1/files", kind, body)
	return decoded[*file](x.t, status, text)
}

func (x *bench) start(tenant, id string) written {
	x.t.Helper()
	status, text := x.send(tenant, "POST", "/v1/batches", "application/json", `{"input_file_id":"`+id+`","endpoint":"/v1/completions","completion_window":"24h","metadata":{"k":"v"}}`)
	return decoded[written](x.t, status, text)
}

func (x *bench) get(tenant, id string) written {
	x.t.Helper()
	status, text := x.send(tenant, "GET", "/v1/batches/"+id, "", "")
	return decoded[written](x.t, status, text)
}

// over waits for a batch to be over.
func (x *bench) over(tenant, id string) written {
	x.t.Helper()
	for {
		if w := x.get(tenant, id); w.CompletedAt != nil || w.FailedAt != nil || w.ExpiredAt != nil || w.CancelledAt != nil {
			return w
		}
		select {
		case <-x.t.Context().Done():
			x.t.Fatal("the batch is not over")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// results returns the lines of a file of results by their ids; one that is there twice
// fails the test.
func (x *bench) results(tenant string, id *string) map[string]result {
	x.t.Helper()
	all := map[string]result{}
	if id == nil {
		return all
	}
	status, text := x.send(tenant, "GET", "/v1/files/"+*id+"/content", "", "")
	if status != http.StatusOK {
		x.t.Fatalf("%d %s", status, text)
	}
	for l := range strings.Lines(text) {
		r := decoded[result](x.t, status, l)
		if _, ok := all[r.CustomID]; ok {
			x.t.Errorf("%s is there twice", r.CustomID)
		}
		all[r.CustomID] = r
	}
	return all
}

// lines returns n lines; those with an odd number are refused by echo.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"custom_id":"line-%d","method":"POST","url":"/v1/completions","body":{"n":%d}}`+"\n", i, i)
	}
	return b.String()
}

// echo answers with what it was asked, and whose it was; odd numbers are refused.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	var asked struct{ N int }
	_ = json.NewDecoder(r.Body).Decode(&asked)
	w.Header().Set("X-Request-Id", fmt.Sprintf("req_%d", asked.N))
	status := http.StatusOK
	if asked.N%2 == 1 {
		status = http.StatusBadRequest
	}
	wire.WriteJSON(w, status, map[string]any{"n": asked.N, "tenant": tenantOf(r.Context()), "path": r.URL.Path})
})

func TestBatch(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	f := x.put("a", "\n"+lines(41)+"  \n")
	w := x.start("a", f.ID)
	if w.Status != validating || w.Object != "batch" || w.Endpoint != "/v1/completions" || string(w.Metadata) != `{"k":"v"}` || w.OutputFile != nil {
		t.Errorf("%+v", w)
	}
	if status, text := x.send("a", "DELETE", "/v1/files/"+f.ID, "", ""); status != http.StatusBadRequest {
		t.Errorf("a file that is to be read: deleted with %d %s", status, text)
	}
	x.b.Start(echo)
	w = x.over("a", w.ID)
	if w.Status != completed || w.Counts != (counts{41, 21, 20}) || w.InProgressAt == nil || w.FinalizingAt == nil || w.CancelledAt != nil {
		t.Errorf("%+v", w)
	}
	good, bad := x.results("a", w.OutputFile), x.results("a", w.ErrorFile)
	if len(good) != 21 || len(bad) != 20 {
		t.Fatalf("%d results, %d errors", len(good), len(bad))
	}
	if r := good["line-4"]; r.Response.Status != 200 || r.Response.RequestID != "req_4" || string(r.Response.Body) != `{"n":4,"path":"/v1/completions","tenant":"a"}` || r.Error != nil || !strings.HasPrefix(r.ID, "batch_req_") {
		t.Errorf("%+v %s", r, r.Response.Body)
	}
	if r := bad["line-5"]; r.Response.Status != 400 {
		t.Errorf("%+v", r)
	}
	var left int
	if err := x.b.db.QueryRow(`SELECT count(*) FROM batch_lines`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows of lines are left, %v", left, err)
	}
	if status, text := x.send("a", "POST", "/v1/batches/"+w.ID+"/cancel", "", ""); status != http.StatusBadRequest {
		t.Errorf("one that is over: cancelled with %d %s", status, text)
	}
	if status, text := x.send("a", "DELETE", "/v1/files/"+f.ID, "", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if _, err := os.Stat(x.b.files.path(f.ID)); err == nil {
		t.Error("a deleted file is there")
	}
}

// A file whose lines are no requests fails as a whole, and its lines are told.
func TestInvalid(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	x.b.Start(echo)
	for contents, want := range map[string]string{
		"":                         "empty_file -",
		"\n \n":                    "empty_file -",
		"no JSON\n":                "invalid_json_line 1",
		"{}\n[]\n":                 "invalid_json_line 1 invalid_json_line 2",
		lines(1) + "\n" + lines(1): "duplicate_custom_id 3",
		`{"custom_id":"","method":"POST","url":"/v1/completions","body":{}}`:                                 "invalid_json_line 1",
		`{"custom_id":7,"method":"POST","url":"/v1/completions","body":{}}`:                                  "invalid_json_line 1",
		`{"custom_id":"a","method":"GET","url":"/v1/completions","body":{}}`:                                 "invalid_json_line 1",
		`{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}}`:                                 "invalid_json_line 1",
		`{"custom_id":"a","method":"POST","url":"/v1/completions","body":[]}`:                                "invalid_json_line 1",
		`{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"stream":true}}`:                   "invalid_json_line 1",
		`{"custom_id":"` + strings.Repeat("x", 513) + `","method":"POST","url":"/v1/completions","body":{}}`: "invalid_json_line 1",
		strings.Repeat(" ", maxLine+1) + lines(1):                                                            "line_too_long 1",
	} {
		if len(contents) > maxLine && testing.Short() {
			continue
		}
		w := x.over("a", x.start("a", x.put("a", contents).ID).ID)
		var got []string
		var e lineErrors
		if err := json.Unmarshal(w.Errors, &e); err != nil {
			t.Fatal(err)
		}
		for _, d := range e.Data {
			number := "-"
			if d.Line != nil {
				number = fmt.Sprint(*d.Line)
			}
			got = append(got, d.Code+" "+number)
		}
		if w.Status != broken || w.FailedAt == nil || e.Object != "list" || strings.Join(got, " ") != want {
			t.Errorf("%.60q: %s %s, want %s", contents, w.Status, w.Errors, want)
		}
	}
}

// What a server that ended had not answered is answered by the next one; what it had
// stays.
func TestResume(t *testing.T) {
	home := t.TempDir()
	var asked atomic.Int64
	x := openBench(t, home, nil)
	reached := make(chan struct{})
	x.b.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := asked.Add(1); n > 10 {
			if n == 11 {
				close(reached)
			}
			<-r.Context().Done() // as an answer that is under way when the server ends
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		echo(w, r)
	}))
	id := x.start("a", x.put("a", lines(100)).ID).ID
	<-reached
	x.close()
	kept := x.get("a", id)
	had := kept.Counts.Completed + kept.Counts.Failed // what had not got this far when it ended is asked again
	if kept.Status != inProgress || had > 10 {
		t.Errorf("%+v", kept)
	}
	var again atomic.Int64
	y := openBench(t, home, nil)
	y.b.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		again.Add(1)
		echo(w, r)
	}))
	w := y.over("a", id)
	if got := len(y.results("a", w.OutputFile)) + len(y.results("a", w.ErrorFile)); w.Status != completed || got != 100 || w.Counts != (counts{100, 50, 50}) || again.Load() != 100-had {
		t.Errorf("%+v, %d results, %d lines asked again", w, got, again.Load())
	}
}

func TestCancel(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	early := x.start("a", x.put("a", lines(3)).ID).ID
	if status, text := x.send("a", "POST", "/v1/batches/"+early+"/cancel", "", ""); status != http.StatusOK || !strings.Contains(text, `"status":"cancelling"`) {
		t.Errorf("%d %s", status, text)
	}
	reached := make(chan struct{}, 100)
	x.b.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) == `{"n":0}` {
			wire.WriteJSON(w, http.StatusOK, 0)
			return
		}
		reached <- struct{}{}
		<-r.Context().Done()
		w.WriteHeader(http.StatusInternalServerError)
	}))
	if w := x.over("a", early); w.Status != cancelled || w.OutputFile != nil || w.ErrorFile != nil {
		t.Errorf("%+v", w)
	}
	id := x.start("a", x.put("a", lines(100)).ID).ID
	for range maxAtOnce {
		<-reached
	}
	if status, text := x.send("a", "POST", "/v1/batches/"+id+"/cancel", "", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	w := x.over("a", id)
	good, bad := x.results("a", w.OutputFile), x.results("a", w.ErrorFile)
	if w.Status != cancelled || w.CancellingAt == nil || w.CancelledAt == nil || len(good) != 1 || len(bad) != 99 || bad["line-50"].Error.Code != "batch_cancelled" {
		t.Errorf("%+v, %d results, %d errors", w, len(good), len(bad))
	}
}

func TestExpire(t *testing.T) {
	var late atomic.Bool
	x := openBench(t, t.TempDir(), func() time.Time {
		if late.Load() {
			return time.Unix(1e9, 0).Add(25 * time.Hour)
		}
		return time.Unix(1e9, 0)
	})
	id := x.start("a", x.put("a", lines(3)).ID).ID
	late.Store(true)
	x.b.Start(echo)
	w := x.over("a", id)
	if bad := x.results("a", w.ErrorFile); w.Status != expired || w.ExpiredAt == nil || w.OutputFile != nil || len(bad) != 3 || bad["line-0"].Error.Code != "batch_expired" {
		t.Errorf("%+v, %v", w, bad)
	}
}

// Whose key is gone gets no answers.
func TestRevoked(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	x.b.Start(echo)
	w := x.over("revoked", x.start("revoked", x.put("revoked", lines(2)).ID).ID)
	if bad := x.results("revoked", w.ErrorFile); w.Status != completed || w.Counts.Failed != 2 || bad["line-0"].Error == nil || bad["line-0"].Error.Message != "the key was revoked" {
		t.Errorf("%+v, %v", w, bad)
	}
}

// What is somebody's is not there for others.
func TestTenants(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	f := x.put("a", lines(1))
	id := x.start("a", f.ID).ID
	for _, c := range [][3]string{
		{"GET", "/v1/files/" + f.ID, ""},
		{"GET", "/v1/files/" + f.ID + "/content", ""},
		{"DELETE", "/v1/files/" + f.ID, ""},
		{"GET", "/v1/batches/" + id, ""},
		{"POST", "/v1/batches/" + id + "/cancel", ""},
		{"POST", "/v1/batches", `{"input_file_id":"` + f.ID + `","endpoint":"/v1/completions","completion_window":"24h"}`},
		{"GET", "/v1/files/file-none", ""},
		{"GET", "/v1/batches/batch_none", ""},
		{"GET", "/v1/files/..%2f..%2fserver.db/content", ""},
	} {
		if status, text := x.send("b", c[0], c[1], "application/json", c[2]); status != http.StatusNotFound {
			t.Errorf("%s %s: %d %s, want 404", c[0], c[1], status, text)
		}
	}
	for _, path := range []string{"/v1/files", "/v1/batches"} {
		if status, text := x.send("b", "GET", path, "", ""); status != http.StatusOK || !strings.Contains(text, `"data":[]`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if status, text := x.send("a", "GET", path, "", ""); status != http.StatusOK || strings.Contains(text, `"data":[]`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// A request that is sent twice under one word makes one batch.
func TestOnce(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	body := `{"input_file_id":"` + x.put("a", lines(1)).ID + `","endpoint":"/v1/completions","completion_window":"24h"}`
	ids := map[string]bool{}
	for _, word := range []string{"w", "w", "other", "", ""} {
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), tenantKey{}, "a"), "POST", "/v1/batches", strings.NewReader(body))
		r.Header.Set("Idempotency-Key", word)
		w := httptest.NewRecorder()
		x.mux.ServeHTTP(w, r)
		ids[decoded[written](t, w.Code, w.Body.String()).ID] = true
	}
	if len(ids) != 4 {
		t.Errorf("%d batches, want 4", len(ids))
	}
}

func TestRefused(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	id := x.put("a", lines(1)).ID
	for body, param := range map[string]string{
		`[]`: "", `{"endpoint":"/v1/completions","completion_window":"24h"}`: "input_file_id", `{"input_file_id":"` + id + `","completion_window":"24h"}`: "endpoint",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions"}`:                                                                                      "completion_window",
		`{"input_file_id":"` + id + `","endpoint":"/api/chat","completion_window":"24h"}`:                                                                  "endpoint",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"31d"}`:                                                            "completion_window",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"soon"}`:                                                           "completion_window",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"24h","metadata":7}`:                                               "metadata",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"24h","metadata":{"a":7}}`:                                         "metadata.a",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"24h","output_expires_after":{"anchor":"created_at","seconds":1}}`: "output_expires_after.seconds",
		`{"input_file_id":"` + id + `","endpoint":"/v1/completions","completion_window":"24h","output_expires_after":{"anchor":"now","seconds":3600}}`:     "output_expires_after.anchor",
	} {
		status, text := x.send("a", "POST", "/v1/batches", "application/json", body)
		if status != http.StatusBadRequest || !strings.Contains(text, `"param":"`+param+`"`) {
			t.Errorf("%s: %d %s, want 400 about %s", body, status, text, param)
		}
	}
	for _, path := range []string{"/v1/files?limit=0", "/v1/files?order=up", "/v1/batches?limit=101", "/v1/batches?limit=x"} {
		if status, text := x.send("a", "GET", path, "", ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// A server that is full is asked again.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string
		wait   time.Duration
		again  bool
	}{
		{200, "", 0, false},
		{400, "5", 0, false},
		{500, "", 0, false},
		{429, "", usualWait, true},
		{429, "7", 7 * time.Second, true},
		{503, "0", time.Second, true},
		{429, "100000", maxWait, true},
		{429, "-1", time.Second, true},
		{429, "soon", usualWait, true},
	} {
		wait, again := retry(&recorder{header: http.Header{"Retry-After": {c.after}}, status: c.status})
		if wait != c.wait || again != c.again {
			t.Errorf("%d after %q: %v, %v; want %v, %v", c.status, c.after, wait, again, c.wait, c.again)
		}
	}
}

// An answer that breaks off, or is no JSON, is an error of its line alone.
func TestBrokenAnswers(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	x.b.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); string(body) {
		case `{"n":0}`:
			panic(http.ErrAbortHandler)
		case `{"n":1}`:
			_, _ = io.WriteString(w, "half of an ans")
		case `{"n":2}`:
			for _, err := w.Write([]byte(`"`)); err == nil; _, err = w.Write(bytes.Repeat([]byte("x"), 1<<20)) {
			}
		default:
			wire.WriteJSON(w, http.StatusOK, "fine")
		}
	}))
	w := x.over("a", x.start("a", x.put("a", lines(4)).ID).ID)
	good, bad := x.results("a", w.OutputFile), x.results("a", w.ErrorFile)
	if w.Counts != (counts{4, 1, 3}) || len(good) != 1 || bad["line-0"].Response.Status != 500 || bad["line-1"].Error == nil || bad["line-2"].Error == nil {
		t.Errorf("%+v %v %v", w, good, bad)
	}
}

// Of two processes that share a folder one answers the lines, and each only once; the other
// may cancel what it runs, and goes on when it ends.
func TestOneProcessRuns(t *testing.T) {
	home := t.TempDir()
	x, y := openBench(t, home, nil), openBench(t, home, nil)
	var asked atomic.Int64
	hang := make(chan struct{}, 100)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if tenantOf(r.Context()) == "slow" {
			hang <- struct{}{}
			<-r.Context().Done()
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		echo(w, r)
	})
	x.b.Start(handler)
	if w := x.over("a", x.start("a", x.put("a", lines(3)).ID).ID); w.Status != completed { // so it is x's turn
		t.Fatalf("%+v", w)
	}
	y.b.Start(handler)
	asked.Store(0)
	id := y.start("a", y.put("a", lines(200)).ID).ID // though y was asked
	if w := y.over("a", id); w.Status != completed || w.Counts.Total != 200 || asked.Load() != 200 {
		t.Errorf("%+v, %d lines asked", w, asked.Load())
	}
	slow := y.start("slow", y.put("slow", lines(1)).ID).ID
	<-hang
	if status, text := y.send("slow", "POST", "/v1/batches/"+slow+"/cancel", "", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if w := y.over("slow", slow); w.Status != cancelled {
		t.Errorf("%+v", w)
	}
	x.close()
	if w := y.over("a", y.start("a", y.put("a", lines(5)).ID).ID); w.Status != completed {
		t.Errorf("when the first is gone: %+v", w)
	}
}
