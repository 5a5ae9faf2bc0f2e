package cluster

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
)

// newJetStream returns the queue of a server of NATS of its own, in this process.
func newJetStream(t *testing.T, wait time.Duration) *JetStream {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 8 << 30})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	nc, err := Connect(t.Context(), Address{URLs: s.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewJetStream(t.Context(), nc, JetStreamOptions{Wait: wait})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// TestRetention: streams and buckets that are made are bounded, in bytes and in time.
func TestRetention(t *testing.T) {
	q := newJetStream(t, time.Minute)
	for _, name := range []string{"BLITZ_JOBS", "BLITZ_AUDITS", "KV_blitz_results", "KV_blitz_faults", "KV_blitz_audits", "KV_blitz_dead"} {
		s, err := q.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if c := s.CachedInfo().Config; c.MaxBytes <= 0 || c.MaxAge <= 0 || c.Discard != jetstream.DiscardNew || c.MaxMsgSize != MaxMessage {
			t.Errorf("%s: at most %d bytes for %v, messages of %d: want bounds, and what is there to stay", name, c.MaxBytes, c.MaxAge, c.MaxMsgSize)
		}
	}
}

// TestSweep: a job, or an audit, that was delivered as often as it may be by nodes that died of
// it is given up, and who waits for it hears that.
func TestSweep(t *testing.T) {
	const wait = 50 * time.Millisecond
	q := newJetStream(t, wait)
	jobs := newJobs(t, rand.New(rand.NewPCG(1, 1)), strings.Repeat("a", 64), 2, 5)
	for _, c := range []struct {
		line Line
		job  *Job
		in   Bucket
	}{{Jobs, jobs[0], Lost}, {Audits, jobs[1], Audited}} {
		if err := q.Submit(t.Context(), c.line, "p", c.job.ID, c.job.Text()); err != nil {
			t.Fatal(err)
		}
		for range deliveries(c.line) {
			d, err := q.Receive(t.Context(), c.line, "p")
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Again(time.Millisecond); err != nil { // as one that nobody ends, but sooner
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		asking := make(chan error, 1)
		go func() { // as nodes do all the time, who get it no more
			_, err := q.Receive(ctx, c.line, "p")
			asking <- err
		}()
		for {
			if err := q.Sweep(t.Context(), c.line, "p"); err != nil {
				t.Fatal(err)
			}
			value, err := q.Get(t.Context(), c.in, c.job.ID)
			if err == nil {
				var dead Dead
				if json.Unmarshal(value, &dead) != nil || dead.Reason != string(Deliveries) {
					t.Errorf("%s: %s, want the reason %s", c.line, value, Deliveries)
				}
				break
			}
			select {
			case <-time.After(wait):
			case <-t.Context().Done():
				t.Fatalf("%s: not given up", c.line)
			}
		}
		stop()
		if err := <-asking; err == nil {
			t.Errorf("%s: it was delivered once more", c.line)
		}
		if waiting, working, err := q.Depth(t.Context(), c.line, "p"); err != nil || waiting+working != 0 {
			t.Errorf("%s: %d wait, %d are worked on, %v; want none", c.line, waiting, working, err)
		}
	}
}

// TestPage: the page of a node and its JSON show who is there, the queue, results, faults and
// what was dropped; what others say of themselves is text.
func TestPage(t *testing.T) {
	a := newAlone(t)
	q := newJetStream(t, time.Minute)
	evil := `<script>alert(1)</script>`
	stranger, err := micro.AddService(q.nc, micro.Config{Name: serviceName, Version: "1.0.0", Metadata: map[string]string{"node": "k", "name": evil, "pool": evil, "slots": evil}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Stop() }()
	self := a.peers.ByKey(a.id)
	n := &Node{Pool: "p", ID: a.id, Self: self, Peers: a.peers, Runner: a.models, Slots: 3, Wait: time.Minute, Note: t.Logf}
	n.Use(q)
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- n.Run(ctx, func() error { close(ready); return nil }) }()
	<-ready
	defer func() {
		stop()
		<-ended
	}()
	rng := rand.New(rand.NewPCG(2, 2))
	jobs := newJobs(t, rng, a.root, 4, 5)
	liar := newKey(t)
	honest, err := a.models.Run(ctx, jobs[0])
	if err != nil {
		t.Fatal(err)
	}
	lie, err := forge(jobs[0], honest, liar, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Create(ctx, Results, jobs[0].ID, lie.Text()); err != nil {
		t.Fatal(err)
	}
	other := newJobs(t, rng, strings.Repeat("b", 64), 1, 5)[0]
	ids := submit(t, q, append(jobs, other)...)
	if err := Wait(ctx, q, ids[1:], nil); err != nil {
		t.Fatal(err)
	}
	for look(t, q, ids[0]).State != IsFault {
		time.Sleep(time.Millisecond)
	}
	web := httptest.NewServer(n.pages())
	defer web.Close()
	var o Overview
	for o.Own.Done < 4 || o.Waiting+o.Working > 0 { // the last is acknowledged behind its result
		o = Overview{}
		if err := json.Unmarshal([]byte(fetchText(t, web.URL+"/status.json")), &o); err != nil {
			t.Fatal(err)
		}
	}
	page := fetchText(t, web.URL+"/")
	if o.Pool != "p" || len(o.Nodes) != 2 || o.Done != 4 || o.Dead != 1 || len(o.Faults) != 1 || o.Faults[0] != ids[0] || o.Own.Faults != 1 || o.Own.Dead != 1 || o.Own.Done != 4 {
		t.Errorf("%+v", o)
	}
	for _, x := range o.Nodes {
		if x.Peer != (x.Node == a.id) {
			t.Errorf("%+v: a peer or not", x)
		}
	}
	for _, want := range []string{"Pool p", a.id, "self", ids[0], "results<td>4", "dropped messages<td>1", "no peer of this node", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, evil) {
		t.Errorf("what a node says of itself is no text:\n%s", page)
	}
}

// fetchText returns what stands at an address, which may be kept by nobody and runs nothing.
func fetchText(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", address, answer.StatusCode, err)
	}
	if h := answer.Header; h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%s: %v", address, h)
	}
	return string(text)
}
