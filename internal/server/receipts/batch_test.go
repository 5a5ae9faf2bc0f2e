package receipts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// asked is a request, alone or as a line of a batch.
type asked struct{ name, path, body string }

const (
	chatPath     = "/v1/chat/completions"
	completePath = "/v1/completions"
)

// deep returns a schema of so many objects, one in the other.
func deep(n int) string {
	if n == 0 {
		return `{"type":"boolean"}`
	}
	return `{"type":"object","properties":{"a":` + deep(n-1) + `},"required":["a"],"additionalProperties":false}`
}

// batches are requests of one path each, all with seeds.
var batches = map[string][]asked{
	chatPath: {
		{"greedy", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play hello"}],"temperature":0}`},
		{"thoughts", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play think"}],"seed":1}`},
		{"a budget", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play ponder"}],"reasoning_effort":"minimal","max_tokens":300,"seed":2}`},
		{"three", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play dice"}],"temperature":1,"n":3,"seed":5}`},
		{"stop", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play count"}],"stop":["five"],"seed":3}`},
		{"length", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play loop"}],"max_tokens":70,"seed":4}`},
		{"a form", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play hello"}],"temperature":1,"seed":6,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"b":{"type":"boolean"}},"required":["b"],"additionalProperties":false}}}}`},
		{"a call", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"hello"}],"temperature":1,"seed":7,"max_tokens":200,"tool_choice":"required","tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Kyiv","Oslo"]}},"required":["city"],"additionalProperties":false}}}]}`},
		{"called", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play tool"}],"seed":8,"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]}`},
		{"a form no job has", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play hello"}],"temperature":1,"seed":6,"max_tokens":300,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":` + deep(20) + `}}}`},
		{"log-probabilities", chatPath, `{"model":"puppet","messages":[{"role":"user","content":"play dice"}],"temperature":1,"logprobs":true,"top_logprobs":3,"seed":9}`},
		{"no model", chatPath, `{"model":"nothing","messages":[{"role":"user","content":"x"}]}`},
		{"too long", chatPath, fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":%q}]}`, strings.Repeat("x ", 5000))},
	},
	completePath: {
		{"two prompts", completePath, `{"model":"puppet","prompt":["a","b"],"n":2,"max_tokens":9,"temperature":1,"seed":1}`},
		{"ids", completePath, `{"model":"puppet","prompt":[104,101],"max_tokens":9,"temperature":1,"seed":2}`},
		{"a pattern", completePath, `{"model":"puppet","prompt":"h","max_tokens":30,"temperature":1,"guided_regex":"[ab]{3,9}","seed":3}`},
		{"echo", completePath, `{"model":"puppet","prompt":"abc","echo":true,"logprobs":1,"max_tokens":5,"seed":4}`},
	},
}

// outside are those of batches that are no jobs, and answers the answers of those that are.
var (
	outside = []string{"a form no job has", "log-probabilities", "a pattern", "echo", "no model", "too long"}
	answers = map[string]int{"three": 3, "two prompts": 4}
)

// ofItsOwn is what an answer has of its own each time: names and times, and what was cached.
var ofItsOwn = regexp.MustCompile(`"(id|created|created_at|system_fingerprint|cached_tokens)": ?("[^"]*"|[0-9.]+)`)

func strip(body []byte) string {
	var b bytes.Buffer
	_ = json.Compact(&b, body)
	return ofItsOwn.ReplaceAllString(b.String(), `"$1":0`)
}

// batched has requests answered in a batch, and returns status, body and receipt of each.
func (s *site) batched(path string, all []asked) map[string]answered {
	s.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("purpose", "batch")
	file, _ := w.CreateFormFile("file", "lines.jsonl")
	for _, a := range all {
		fmt.Fprintf(file, `{"custom_id":%q,"method":"POST","url":%q,"body":%s}`+"\n", a.name, a.path, a.body)
	}
	w.Close()
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.URL()+"/v1/files", &form)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var x struct {
		ID, Status string
		Output     string `json:"output_file_id"`
		Errors     string `json:"error_file_id"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&x); err != nil {
		s.t.Fatal(err)
	}
	_, text := s.ask(s.t.Context(), "POST", "/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":%q,"completion_window":"24h"}`, x.ID, path))
	for x.Status != "completed" {
		if err := json.Unmarshal([]byte(text), &x); err != nil || s.t.Context().Err() != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		time.Sleep(10 * time.Millisecond)
		_, text = s.ask(s.t.Context(), "GET", "/v1/batches/"+x.ID, "")
	}
	results := map[string]answered{}
	for _, id := range []string{x.Output, x.Errors} {
		if id == "" {
			continue
		}
		_, text := s.ask(s.t.Context(), "GET", "/v1/files/"+id+"/content", "")
		for line := range strings.Lines(text) {
			var l struct {
				CustomID string `json:"custom_id"`
				Response answered
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				s.t.Fatal(err)
			}
			results[l.CustomID] = l.Response
		}
	}
	return results
}

// answered is the response of a line.
type answered struct {
	Status  int `json:"status_code"`
	Body    json.RawMessage
	Receipt string
}

// compare has all batches answered, and compares each answer with that to the request alone.
func (s *site) compare(how string) (jobs int, receipts []string) {
	s.t.Helper()
	for path, all := range batches {
		got := s.batched(path, all)
		for _, a := range all {
			head, body := s.ask(s.t.Context(), "POST", a.path, a.body)
			one := got[a.name]
			if one.Status != head.StatusCode || strip(one.Body) != strip([]byte(body)) {
				s.t.Errorf("%s, %s: in a batch %d\n%s\nalone %d\n%s", how, a.name, one.Status, one.Body, head.StatusCode, body)
			}
			if slices.Contains(outside, a.name) {
				continue
			}
			jobs += max(1, answers[a.name])
			receipts = append(receipts, strings.Split(one.Receipt, ", ")...)
		}
	}
	return jobs, receipts
}

// nodes are one node, in this process, with the puppet of a site.
type nodes struct {
	queue  *cluster.Memory
	key    *signed.PrivateKey
	peers  *cluster.Peers
	runner cluster.Runner
	model  *blitz.Model
}

// newNodes opens the puppet; start begins to work.
func newNodes(t *testing.T, path string, change func(r cluster.Runner, key *signed.PrivateKey) cluster.Runner) *nodes {
	t.Helper()
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	m, err := blitz.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	root, err := m.Root(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	models := &cluster.Models{Notary: &attest.Notary{Key: key, Program: receipt.Program{Version: "1", SHA256: root}}, Served: []*cluster.Served{{
		Root: root, Context: 4096, Open: func(ctx context.Context, _, cache string) (*blitz.Engine, *attest.Subject, error) {
			subject, err := attest.NewSubject(ctx, m, "puppet", "", "")
			if err != nil {
				return nil, nil, err
			}
			e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: 1, Cache: cache, Context: 4096})
			return e, subject, err
		},
	}}}
	t.Cleanup(models.Close)
	n := &nodes{queue: cluster.NewMemory(), key: key, runner: models, model: m}
	if change != nil {
		n.runner = change(models, key)
	}
	if n.peers, err = cluster.NewPeers(&cluster.Peer{Name: "n", Key: key.Public(), Roles: []cluster.Role{cluster.Work}}); err != nil {
		t.Fatal(err)
	}
	return n
}

// start works until the test ends.
func (n *nodes) start(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	w := &cluster.Worker{Queue: n.queue, Pool: "p", Node: n.key.Public().ID(), Peers: n.peers, Runner: n.runner, Slots: 4, Wait: time.Minute}
	var working sync.WaitGroup
	working.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(func() {
		stop()
		working.Wait()
	})
}

// results returns how many results there are.
func (n *nodes) results(t *testing.T) int {
	t.Helper()
	keys, err := cluster.Keys(t.Context(), n.queue, cluster.Results, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// TestBatchByQueue: batches go through the queue, in this process or to nodes; what comes is what
// comes of the request alone, with its receipt.
func TestBatchByQueue(t *testing.T) {
	s := openSite(t, true, nil)
	_, ids := s.compare("here")
	for _, id := range ids {
		s.receipt("here", id)
	}
	without := openSite(t, false, func(o *server.SiteOptions) { o.Notary = nil })
	if _, ids := without.compare("without receipts"); strings.Join(ids, "") != "" {
		t.Errorf("receipts that nobody asked for: %q", ids)
	}
	n := newNodes(t, s.path, nil)
	n.start(t)
	far := openSite(t, false, func(o *server.SiteOptions) {
		o.Nodes = &inference.Nodes{Queue: n.queue, Pool: "p", Peers: n.peers}
	})
	jobs, ids := far.compare("nodes")
	if got := n.results(t); got != jobs || len(ids) != jobs {
		t.Errorf("%d results, %d receipts, want %d", got, len(ids), jobs)
	}
	for _, id := range ids {
		_, text := far.ask(t.Context(), "GET", "/v1/receipts/"+id, "")
		one, err := receipt.Parse([]byte(text))
		if err == nil {
			_, err = one.Verify(receipt.Check{Keys: []*receipt.PublicKey{n.key.Public()}})
		}
		if err != nil {
			t.Errorf("the receipt of a node's answer: %v", err)
		}
	}
}

// liar is a node whose answers end one token early.
type liar struct{ cluster.Runner }

func (l liar) Run(ctx context.Context, j *cluster.Job) (*cluster.Result, error) {
	short := *j
	short.Parameters.MaxTokens = max(1, j.Parameters.MaxTokens-1)
	return l.Runner.Run(ctx, &short)
}

// refuser is a node that refuses all.
type refuser struct {
	cluster.Runner
	reason signed.Reason
}

func (r refuser) Run(context.Context, *cluster.Job) (*cluster.Result, error) {
	return nil, signed.Refuse(r.reason, "no")
}

// forger is a node that signs another answer than it came to.
type forger struct {
	cluster.Runner
	key    *signed.PrivateKey
	change func(s *receipt.Statement, ids []uint32) (other []uint32, proof string)
}

func (f forger) Run(ctx context.Context, j *cluster.Job) (*cluster.Result, error) {
	r, err := f.Runner.Run(ctx, j)
	if err != nil {
		return nil, err
	}
	s, err := r.Receipt.Statement()
	if err != nil {
		return nil, err
	}
	ids, proof := f.change(s, slices.Clone(r.Output))
	o := *r.Receipt.Opening
	o.Output = &receipt.Tokens{Salt: o.Output.Salt, IDs: ids}
	s.Output, s.Usage.OutputTokens = receipt.CommitIDs("output", o.Output), int64(len(ids))
	blocks := (len(ids) + receipt.Every - 1) / receipt.Every
	s.Hashes = slices.Concat(s.Hashes, slices.Repeat(s.Hashes[:1], blocks))[:blocks]
	one, err := receipt.Sign(s, f.key, &o)
	if err != nil {
		return nil, err
	}
	one.Proof = proof
	text, err := json.Marshal(map[string]any{"version": 1, "job": j.ID, "node": r.Node, "output_ids": ids, "receipt": json.RawMessage(one.Text())})
	if err != nil {
		return nil, err
	}
	return cluster.ParseResult(text)
}

// forging returns what has a node sign other answers.
func forging(change func(s *receipt.Statement, ids []uint32) (other []uint32, proof string)) func(cluster.Runner, *signed.PrivateKey) cluster.Runner {
	return func(r cluster.Runner, key *signed.PrivateKey) cluster.Runner { return forger{r, key, change} }
}

// log collects what a server says.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestBatchOfLiars: an answer of a node that is none of the job or none at all, or a wrong one
// that is computed again, is not the client's; the log names it. What nodes do not have the
// model for, the server answers.
func TestBatchOfLiars(t *testing.T) {
	s := openSite(t, false, nil)
	for name, c := range map[string]struct {
		change func(r cluster.Runner, key *signed.PrivateKey) cluster.Runner
		audit  int64
		says   string
	}{
		"another job's": {func(r cluster.Runner, _ *signed.PrivateKey) cluster.Runner { return liar{r} }, cluster.Millionths, "outside of the queue"},
		"another model": {func(cluster.Runner, *signed.PrivateKey) cluster.Runner { return &cluster.Models{} }, 0, "outside of the queue"},
		"a lie": {forging(func(_ *receipt.Statement, ids []uint32) ([]uint32, string) {
			ids[max(0, len(ids)-2)]++
			return ids, ""
		}), cluster.Millionths, "a wrong answer"},
		"no end": {forging(func(s *receipt.Statement, ids []uint32) ([]uint32, string) {
			s.Finish = "stop"
			return ids[:len(ids)-1], ""
		}), 0, "outside of the queue"},
		"refused": {func(r cluster.Runner, _ *signed.PrivateKey) cluster.Runner { return refuser{r, signed.Opening} }, 0, "outside of the queue"},
		"no token": {forging(func(s *receipt.Statement, ids []uint32) ([]uint32, string) {
			s.Vocabulary, ids[0] = 1<<21, 1<<20
			return ids, ""
		}), 0, "outside of the queue"},
		"too long": {forging(func(s *receipt.Statement, ids []uint32) ([]uint32, string) {
			s.Finish = "length"
			for int64(len(ids)) <= s.Parameters.MaxTokens {
				ids = append(ids, ids[0])
			}
			return ids, ""
		}), 0, "outside of the queue"},
	} {
		n := newNodes(t, s.path, c.change)
		said := &log{}
		n.start(t)
		plan, err := cluster.NewPlan(c.audit)
		if err != nil {
			t.Fatal(err)
		}
		far := openSite(t, false, func(o *server.SiteOptions) {
			o.Nodes, o.Log = &inference.Nodes{Queue: n.queue, Pool: "p", Peers: n.peers, Audit: plan}, slog.New(slog.NewTextHandler(said, nil))
		})
		all := []asked{batches[chatPath][3], batches[chatPath][5]}
		got := far.batched(chatPath, all)
		for _, a := range all {
			_, body := far.ask(t.Context(), "POST", a.path, a.body)
			if strip(got[a.name].Body) != strip([]byte(body)) {
				t.Errorf("%s, %s: in a batch\n%s\nalone\n%s", name, a.name, got[a.name].Body, body)
			}
		}
		if !strings.Contains(said.String(), c.says) {
			t.Errorf("%s: the log does not say %q:\n%s", name, c.says, said)
		}
	}
}

// TestBatchOfAnotherLog: a node that says that its receipt stands in the server's log, where
// somebody else's does, shows nobody that one.
func TestBatchOfAnotherLog(t *testing.T) {
	var proof string
	s := openSite(t, false, nil)
	n := newNodes(t, s.path, forging(func(s *receipt.Statement, ids []uint32) ([]uint32, string) {
		s.Log = "example.org/log"
		return ids, proof
	}))
	far := openSite(t, true, func(o *server.SiteOptions) { o.Nodes = &inference.Nodes{Queue: n.queue, Pool: "p", Peers: n.peers} })
	a := batches[chatPath][0]
	head, _ := far.ask(t.Context(), "POST", a.path, a.body)
	_, text := far.ask(t.Context(), "GET", "/v1/receipts/"+head.Header.Get(header), "")
	one, err := receipt.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	proof = one.Proof
	n.start(t)
	got := far.batched(a.path, []asked{a})[a.name]
	_, text = far.ask(t.Context(), "GET", "/v1/receipts/"+got.Receipt, "")
	if one, err = receipt.Parse([]byte(text)); err == nil {
		_, err = one.Verify(receipt.Check{Keys: []*receipt.PublicKey{n.key.Public()}})
	}
	if err != nil || got.Status != http.StatusOK {
		t.Errorf("status %d; the receipt of the line is not the node's: %v\n%s", got.Status, err, text)
	}
}

// full is a queue that is full at first.
type full struct {
	*cluster.Memory
	left atomic.Int64 // messages that it does not take
}

func (f *full) Submit(ctx context.Context, to cluster.Line, pool, id string, text []byte) error {
	if f.left.Add(-1) >= 0 {
		return cluster.ErrFull
	}
	return f.Memory.Submit(ctx, to, pool, id, text)
}

// TestBatchWaits: lines wait for a queue that is full.
func TestBatchWaits(t *testing.T) {
	s := openSite(t, false, nil)
	n := newNodes(t, s.path, nil)
	n.start(t)
	q := &full{Memory: n.queue}
	q.left.Store(1)
	far := openSite(t, false, func(o *server.SiteOptions) { o.Nodes = &inference.Nodes{Queue: q, Pool: "p", Peers: n.peers} })
	a := batches[chatPath][0]
	if got := far.batched(a.path, []asked{a})[a.name]; got.Status != http.StatusOK || n.results(t) != 1 {
		t.Errorf("status %d, %d results, want those of a node: %s", got.Status, n.results(t), got.Body)
	}
}

// TestBatchGivenUp: what nodes died of is not computed by the server, and is not the client's
// fault.
func TestBatchGivenUp(t *testing.T) {
	s := openSite(t, false, nil)
	n := newNodes(t, s.path, func(r cluster.Runner, _ *signed.PrivateKey) cluster.Runner { return refuser{r, cluster.Deliveries} })
	n.start(t)
	far := openSite(t, false, func(o *server.SiteOptions) { o.Nodes = &inference.Nodes{Queue: n.queue, Pool: "p", Peers: n.peers} })
	a := batches[chatPath][0]
	if got := far.batched(a.path, []asked{a})[a.name]; got.Status != http.StatusInternalServerError {
		t.Errorf("status %d, want %d: %s", got.Status, http.StatusInternalServerError, got.Body)
	}
}
