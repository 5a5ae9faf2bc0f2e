package receipts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// site is a server that gives receipts, with the puppet behind it, and an engine of another
// program that computes answers again.
type site struct {
	t *testing.T
	*server.Site
	*httptest.Server
	key   *receipt.PublicKey
	path  string // of the puppet
	log   string // folder; "": none
	vkey  string
	again *blitz.Engine
}

// openSite starts one; change may be nil.
func openSite(t *testing.T, withLog bool, change func(*server.SiteOptions)) *site {
	t.Helper()
	home, path := t.TempDir(), filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	n := &attest.Notary{Key: key}
	if n.Program, err = attest.NewProgram(t.Context(), "1", os.Args[0], ""); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, key: key.Public(), path: path}
	if withLog {
		s.log = filepath.Join(t.TempDir(), "log")
		logKey, err := signed.Generate(signed.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Init(s.log, "example.org/log", logKey); err != nil {
			t.Fatal(err)
		}
		w, err := audit.Open(t.Context(), s.log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		n.Log, s.vkey = audit.Receipts{Writer: w}, w.Verifier().String()
	}
	o := server.SiteOptions{Host: host.Options{Home: home, Threads: 1, Context: 4096, Sequences: 8}, Version: "test", Notary: n}
	if change != nil {
		change(&o)
	}
	if s.Site, err = server.OpenSite(o); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(s.Site.Handler())
	s.Server.Config.ConnContext = s.Gate().ConnContext
	s.Server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Site.Close(ctx)
		s.Server.Close()
	})
	m, err := blitz.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if s.again, err = blitz.NewEngine(m, &blitz.EngineOptions{Threads: 2, Chunk: 7, Speculate: "off", Context: 4096}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.again.Close)
	return s
}

// ask sends a body, and returns the head and the body of the answer.
func (s *site) ask(ctx context.Context, method, path, body string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(text)
}

// URL returns where the server is.
func (s *site) URL() string { return s.Server.URL }

// receipt fetches a receipt and checks all of it: key, fields, openings, the log where there
// is one, and the answer, which is computed again elsewhere.
func (s *site) receipt(name, id string) (*receipt.Statement, *receipt.Opening) {
	s.t.Helper()
	st, o := s.fetched(name, id)
	if err := attest.Again(s.t.Context(), s.again, nil, st, o); err != nil {
		s.t.Errorf("%s: %v\n%s", name, err, st.Finish)
	}
	return st, o
}

// fetched is receipt, but that no answer is computed again.
func (s *site) fetched(name, id string) (*receipt.Statement, *receipt.Opening) {
	s.t.Helper()
	head, text := s.ask(s.t.Context(), "GET", "/v1/receipts/"+id, "")
	if head.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: receipt %q: %d %s", name, id, head.StatusCode, text)
	}
	r, err := receipt.Parse([]byte(text))
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	check := receipt.Check{Keys: []*receipt.PublicKey{s.key}}
	if s.log != "" {
		check.Logs = []string{s.vkey}
	}
	v, err := r.Verify(check)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if v.Statement.Request != id {
		s.t.Errorf("%s: the receipt is of the request %s, want %s", name, v.Statement.Request, id)
	}
	return v.Statement, r.Opening
}

const header = "X-Blitz-Receipt"

// TestDialects: an answer of every dialect has a receipt for each choice, named in its head
// and, in a stream, in its end; all of them hold.
func TestDialects(t *testing.T) {
	s := openSite(t, true, func(o *server.SiteOptions) { o.Host.Speculate = "ngram" })
	const (
		chat     = "/v1/chat/completions"
		complete = "/v1/completions"
		tool     = `{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Kyiv","Oslo"]}},"required":["city"],"additionalProperties":false}}}`
	)
	says := func(script, more string) string {
		return fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play %s"}]%s}`, script, more)
	}
	for _, c := range []struct {
		name, path, body string
		receipts         int
		stream           bool
	}{
		{"chat", chat, says("hello", ""), 1, false},
		{"chat, thoughts", chat, says("think", `,"seed":1`), 1, false},
		{"chat, a budget", chat, says("ponder", `,"reasoning_effort":"minimal","max_tokens":300`), 1, false},
		{"chat, stream", chat, says("dice", `,"temperature":1,"stream":true`), 1, true},
		{"chat, usage", chat, says("dice", `,"temperature":1,"stream":true,"stream_options":{"include_usage":true}`), 1, true},
		{"chat, three", chat, says("dice", `,"temperature":1,"n":3,"seed":5`), 3, false},
		{"chat, three, stream", chat, says("dice", `,"temperature":1,"n":3,"stream":true,"stream_options":{"include_usage":true}`), 3, true},
		{"chat, stop", chat, says("count", `,"stop":["five"]`), 1, false},
		{"chat, length", chat, says("loop", `,"max_tokens":70`), 1, false},
		{"chat, bias", chat, says("dice", `,"temperature":1.5,"logit_bias":{"65":1.25},"frequency_penalty":0.5,"presence_penalty":0.25,"top_p":0.9`), 1, false},
		{"chat, schema", chat, says("hello", `,"temperature":1,"max_tokens":60,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"b":{"type":"boolean"},"a":{"enum":[1,2.5,"x"]}},"required":["b","a"],"additionalProperties":false}}}`), 1, false},
		{"chat, JSON", chat, says("hello", `,"temperature":1,"max_tokens":40,"response_format":{"type":"json_object"}`), 1, false},
		{"chat, a call", chat, says("hello", `,"temperature":1,"max_tokens":200,"tools":[`+tool+`],"tool_choice":"required"`), 1, false},
		{"chat, calls that may come", chat, says("hello", `,"max_tokens":40,"tools":[`+tool+`]`), 1, false},
		{"chat, no call", chat, says("tool", `,"max_tokens":60,"tools":[`+tool+`],"tool_choice":"none"`), 1, false},
		{"chat, called", chat, says("tool", `,"tools":[`+tool+`]`), 1, false},
		{"chat, looks like a call", chat, says("tool", ""), 1, false},
		{"chat, logprobs", chat, says("dice", `,"temperature":1,"logprobs":true,"top_logprobs":3`), 1, false},
		{"completions", complete, `{"model":"puppet","prompt":["a","b"],"n":2,"max_tokens":9,"temperature":1}`, 4, false},
		{"completions, echo", complete, `{"model":"puppet","prompt":"abc","echo":true,"logprobs":1,"max_tokens":5}`, 1, false},
		{"completions, stream", complete, `{"model":"puppet","prompt":"h","max_tokens":9,"stream":true}`, 1, true},
		{"completions, a pattern", complete, `{"model":"puppet","prompt":"h","max_tokens":30,"temperature":1,"guided_regex":"[ab]{3,9}"}`, 1, false},
		{"responses", "/v1/responses", `{"model":"puppet","input":"play hello"}`, 1, false},
		{"responses, stream", "/v1/responses", `{"model":"puppet","input":"play think","stream":true}`, 1, true},
		{"Anthropic", "/v1/messages", `{"model":"puppet","max_tokens":50,"messages":[{"role":"user","content":"play hello"}]}`, 1, false},
		{"Anthropic, stream", "/v1/messages", `{"model":"puppet","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"play think"}]}`, 1, true},
		{"Anthropic, begun", "/v1/messages", `{"model":"puppet","max_tokens":30,"messages":[{"role":"user","content":"play count"},{"role":"assistant","content":"1 2"}]}`, 1, false},
		{"Ollama", "/api/chat", `{"model":"puppet","stream":false,"messages":[{"role":"user","content":"play hello"}]}`, 1, false},
		{"Ollama, stream", "/api/chat", `{"model":"puppet","messages":[{"role":"user","content":"play dice"}]}`, 1, true},
		{"Ollama, a choice of JSON", "/api/generate", `{"model":"puppet","prompt":"play hello","stream":false,"format":"json","options":{"num_predict":30,"temperature":1}}`, 1, false},
		{"Ollama, raw", "/api/generate", `{"model":"puppet","prompt":"h","raw":true,"stream":true,"options":{"num_predict":8}}`, 1, true},
	} {
		head, text := s.ask(t.Context(), "POST", c.path, c.body)
		if head.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", c.name, head.StatusCode, text)
			continue
		}
		named := head.Header.Get(header)
		ids := strings.Split(named, ", ")
		if len(ids) != c.receipts {
			t.Errorf("%s: %d receipts, want %d: %q", c.name, len(ids), c.receipts, named)
			continue
		}
		seeds := map[uint64]bool{}
		for _, id := range ids {
			if strings.Contains(text, id) != c.stream {
				t.Errorf("%s: the receipt is named in the body: %v, want %v\n%s", c.name, !c.stream, c.stream, text)
			}
			st, _ := s.receipt(c.name, id)
			if st.Model.Name != "puppet:latest" || st.Log != "example.org/log" {
				t.Errorf("%s: %+v", c.name, st)
			}
			seeds[st.Parameters.Seed] = true
		}
		if len(seeds) != c.receipts && !strings.HasPrefix(c.name, "completions") {
			t.Errorf("%s: %d seeds of %d answers", c.name, len(seeds), c.receipts)
		}
		if c.stream && !strings.Contains(lastEvent(text), ids[len(ids)-1]) {
			t.Errorf("%s: the last event names no receipt: %s", c.name, lastEvent(text))
		}
	}
}

// lastEvent returns the last line of a stream that says something.
func lastEvent(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "data: ")
		if strings.HasPrefix(line, "{") {
			last = line
		}
	}
	return last
}

// TestHowDoesNotMatter: the receipt of a request is the same, but for its salts and times,
// alone, with what is cached, among others, in a batch, streamed, and with guesses.
func TestHowDoesNotMatter(t *testing.T) {
	body := func(stream bool) string {
		return fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play loop"}],"temperature":1,"seed":9,"max_tokens":100,"stream":%v}`, stream)
	}
	type seen struct {
		receipt.Statement
		ids []uint32
	}
	strip := func(st *receipt.Statement, o *receipt.Opening) string {
		x := seen{*st, o.Output.IDs}
		x.Output, x.Prompt, x.Request, x.Hashes, x.Usage.CachedTokens = "", "", "", nil, 0
		x.Started, x.Finished = time.Time{}, time.Time{}
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := ""
	for _, how := range []string{"off", "ngram"} {
		s := openSite(t, false, func(o *server.SiteOptions) { o.Host.Speculate = how })
		one := func(name string, stream bool) {
			head, text := s.ask(t.Context(), "POST", "/v1/chat/completions", body(stream))
			if head.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", name, head.StatusCode, text)
			}
			got := strip(s.receipt(name, head.Header.Get(header)))
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("guesses %s, %s:\n%s\nwant\n%s", how, name, got, want)
			}
		}
		one("alone", false)
		one("with what is cached", false)
		one("streamed", true)
		done := make(chan struct{})
		for i := range 5 {
			go func() {
				defer func() { done <- struct{}{} }()
				others := fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play loop"}],"temperature":1,"seed":%d,"max_tokens":150}`, i)
				s.ask(t.Context(), "POST", "/v1/chat/completions", others)
			}()
		}
		one("among others", false)
		for range 5 {
			<-done
		}
		if id := s.batch(body(false)); id != "" {
			if got := strip(s.receipt("in a batch", id)); got != want {
				t.Errorf("guesses %s, in a batch:\n%s\nwant\n%s", how, got, want)
			}
		}
	}
}

// batch has a line answered in a batch, and returns the name of its receipt.
func (s *site) batch(body string) string {
	s.t.Helper()
	var form bytes.Buffer
	line := fmt.Sprintf(`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":%s}`, body)
	fmt.Fprintf(&form, "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n%s\n\r\n--x--\r\n", line)
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.URL()+"/v1/files", &form)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var x struct {
		ID     string
		Status string
		Output string `json:"output_file_id"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&x); err != nil || x.ID == "" {
		s.t.Fatalf("%d %+v %v", answer.StatusCode, x, err)
	}
	_, text := s.ask(s.t.Context(), "POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, x.ID))
	for x.Status != "completed" {
		if err := json.Unmarshal([]byte(text), &x); err != nil || s.t.Context().Err() != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		time.Sleep(10 * time.Millisecond)
		_, text = s.ask(s.t.Context(), "GET", "/v1/batches/"+x.ID, "")
	}
	_, text = s.ask(s.t.Context(), "GET", "/v1/files/"+x.Output+"/content", "")
	var result struct{ Response struct{ Receipt string } }
	if err := json.Unmarshal([]byte(text), &result); err != nil || result.Response.Receipt == "" {
		s.t.Fatalf("%s: %v", text, err)
	}
	return result.Response.Receipt
}

// TestLeft: an answer whose client left has a receipt of what came.
func TestLeft(t *testing.T) {
	s := openSite(t, true, nil)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL()+"/v1/chat/completions", strings.NewReader(`{"model":"puppet","messages":[{"role":"user","content":"play loop"}],"stream":true,"max_tokens":4000}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	id := answer.Header.Get(header)
	if _, err := io.ReadFull(answer.Body, make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	leave()
	for { // until the server has seen it
		if head, _ := s.ask(t.Context(), "GET", "/v1/receipts/"+id, ""); head.StatusCode == http.StatusOK {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	st, _ := s.receipt("left", id)
	if st.Finish != "cancelled" && st.Finish != "length" { // it may be over before it is seen
		t.Errorf("finish %s", st.Finish)
	}
}

// TestKept: a receipt is for its tenant alone, is gone once it is erased, and outlives no
// server without a log; the log is served, but for what is private.
func TestKept(t *testing.T) {
	s := openSite(t, true, nil)
	head, _ := s.ask(t.Context(), "POST", "/v1/chat/completions", `{"model":"puppet","messages":[{"role":"user","content":"play hello"}]}`)
	id := head.Header.Get(header)
	s.receipt("mine", id)
	for path, want := range map[string]int{
		"/log/checkpoint": 200, "/log/tile/0/000.p/1": 200, "/log/tile/entries/000.p/1": 200, "/log/tile/0/000.p/2": 404, "/log/tile/0/000": 404,
		"/log/private/key.pem": 404, "/log/private/keys/0": 404, "/log/": 404, "/log/tile/0/../../private/key.pem": 404, "/log/tile/00/000.p/1": 404,
		"/v1/receipts/" + strings.Repeat("0", 32): 404, "/v1/receipts/x": 404,
	} {
		if head, text := s.ask(t.Context(), "GET", path, ""); head.StatusCode != want || strings.Contains(text, "PRIVATE") {
			t.Errorf("%s: %d %s", path, head.StatusCode, text)
		}
	}
	// What is drawn from nothing has none.
	for path, body := range map[string]string{
		"/v1/embeddings": `{"model":"puppet","input":"hello"}`, "/api/embed": `{"model":"puppet","input":"hello"}`,
		"/tokenize": `{"model":"puppet","content":"hello"}`, "/v1/messages/count_tokens": `{"model":"puppet","messages":[{"role":"user","content":"hello"}]}`,
	} {
		if head, text := s.ask(t.Context(), "POST", path, body); head.StatusCode != 200 || head.Header.Get(header) != "" || strings.Contains(text, "receipt") {
			t.Errorf("%s: %d, receipt %q: %s", path, head.StatusCode, head.Header.Get(header), text)
		}
	}
	if log, err := audit.Read(s.log); err != nil || log.Size != 1 {
		t.Errorf("the log has %d leaves, %v, want the one of the answer", log.Size, err)
	}
	if err := audit.Erase(s.log, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	if head, text := s.ask(t.Context(), "GET", "/v1/receipts/"+id, ""); head.StatusCode != 404 || !strings.Contains(text, "erased") {
		t.Errorf("erased: %d %s", head.StatusCode, text)
	}
	other := openSite(t, false, nil)
	if head, _ := other.ask(t.Context(), "GET", "/log/checkpoint", ""); head.StatusCode != 404 {
		t.Errorf("a log is served where there is none: %d", head.StatusCode)
	}
}

// TestAdapterReceipt: the receipt of an answer of an adapter names the adapter's files, and
// holds with it alone.
func TestAdapterReceipt(t *testing.T) {
	s := openSite(t, true, nil)
	folder := filepath.Join(t.TempDir(), "a")
	if err := puppet.WriteAdapter(folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Host().Adapter("puppet", "formal", folder); err != nil {
		t.Fatal(err)
	}
	root, err := attest.AdapterRoot(t.Context(), folder, "")
	if err != nil {
		t.Fatal(err)
	}
	adapted, err := s.again.Model().LoadAdapter(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, root string
		with        *blitz.Adapter
		other       *blitz.Adapter
	}{{"puppet", "", nil, adapted}, {"puppet:formal", root, adapted, nil}, {"puppet", "", nil, adapted}} {
		head, text := s.ask(t.Context(), "POST", "/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"play","max_tokens":12,"temperature":1,"seed":3}`, c.model))
		if head.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", c.model, head.StatusCode, text)
		}
		st, o := s.fetched(c.model, head.Header.Get(header))
		if st.Adapter != c.root {
			t.Errorf("%s: the receipt is of the adapter %q, want %q", c.model, st.Adapter, c.root)
		}
		if err := attest.Again(t.Context(), s.again, c.with, st, o); err != nil {
			t.Errorf("%s: %v", c.model, err)
		}
		if err := attest.Again(t.Context(), s.again, c.other, st, o); signed.ReasonOf(err) != signed.Output && signed.ReasonOf(err) != signed.Chain {
			t.Errorf("%s: computed again with what did not answer: %v, want a refusal", c.model, err)
		}
	}
}
