package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// Overview is what the page of a node shows.
type Overview struct {
	Pool    string     `json:"pool"`
	Nodes   []Presence `json:"nodes"`
	Waiting int        `json:"waiting"` // jobs
	Working int        `json:"working"`
	Audits  int        `json:"audits"` // that wait or are computed
	Done    int        `json:"done"`   // results in the bucket
	Faults  []string   `json:"faults"` // jobs
	Dead    int        `json:"dead"`
	Own     Counted    `json:"own"`
}

// Presence is a node that answers.
type Presence struct {
	Node  string `json:"node"`
	Name  string `json:"name"`
	Pool  string `json:"pool"`
	Slots string `json:"slots"`
	Peer  bool   `json:"peer"` // its key is one of a peer that works
}

// Counted are the counts of the node whose page it is, since it started.
type Counted struct {
	Done    int64 `json:"done"`
	Audited int64 `json:"audited"`
	Faults  int64 `json:"faults"`
	Dead    int64 `json:"dead"`
	Failed  int64 `json:"failed"`
}

// mostShown bounds the nodes and the faults of a page.
const mostShown = 1000

// present asks who is there, and waits a moment for answers.
func (q *JetStream) present(ctx context.Context, peers *Peers) ([]Presence, error) {
	inbox := q.nc.NewInbox()
	sub, err := q.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := q.nc.PublishRequest("$SRV.INFO."+serviceName, inbox, nil); err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, 500*time.Millisecond)
	defer stop()
	all := []Presence{}
	for len(all) < mostShown {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break // all who answered in time
		}
		var i micro.Info
		if json.Unmarshal(m.Data, &i) != nil || m.Header.Get("Status") != "" {
			continue
		}
		p := peers.ByKey(i.Metadata["node"])
		all = append(all, Presence{Node: i.Metadata["node"], Name: i.Metadata["name"], Pool: i.Metadata["pool"], Slots: i.Metadata["slots"], Peer: p != nil && p.May(Work)})
	}
	slices.SortFunc(all, func(a, b Presence) int { return strings.Compare(a.Name+a.Node, b.Name+b.Node) })
	return all, nil
}

// count returns how many keys a bucket has.
func (q *JetStream) count(ctx context.Context, b Bucket) (int, error) {
	st, err := q.bucket(b).Status(ctx)
	if err != nil {
		return 0, err
	}
	return int(st.Values()), nil
}

// Keys returns the keys of a bucket, at most so many.
func Keys(ctx context.Context, q Queue, b Bucket, most int) ([]string, error) {
	keys := []string{}
	err := q.Watch(ctx, b, func(key string) error {
		if key == "" || len(keys) == most {
			return errAll
		}
		keys = append(keys, key)
		return nil
	})
	if !errors.Is(err, errAll) {
		return nil, err
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// Overview returns what is going on in the pool.
func (n *Node) Overview(ctx context.Context) (*Overview, error) {
	o := &Overview{Pool: n.Pool}
	var err error
	if o.Nodes, err = n.queue.present(ctx, n.Peers); err != nil {
		return nil, err
	}
	if o.Waiting, o.Working, err = n.queue.Depth(ctx, Jobs, n.Pool); err != nil {
		return nil, err
	}
	if n.Self.May(Audit) {
		waiting, working, err := n.queue.Depth(ctx, Audits, n.Pool)
		if err != nil {
			return nil, err
		}
		o.Audits = waiting + working
	}
	if o.Done, err = n.queue.count(ctx, Results); err != nil {
		return nil, err
	}
	if o.Dead, err = n.queue.count(ctx, Lost); err != nil {
		return nil, err
	}
	if o.Faults, err = Keys(ctx, n.queue, Faults, mostShown); err != nil {
		return nil, err
	}
	c := &n.worker.Counts
	o.Own = Counted{c.Done.Load(), c.Audited.Load(), c.Faults.Load(), c.Dead.Load(), c.Failed.Load()}
	return o, nil
}

// pages serves the page, and the same as JSON.
func (n *Node) pages() http.Handler {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, r *http.Request, kind string, write func(o *Overview) error) {
		ctx, stop := context.WithTimeout(r.Context(), 2*tryFor)
		defer stop()
		o, err := n.Overview(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = write(o) // who left does not hear it
	}
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, r *http.Request) {
		show(w, r, "application/json", func(o *Overview) error { return json.NewEncoder(w).Encode(o) })
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		show(w, r, "text/html; charset=utf-8", func(o *Overview) error { return overviewPage.Execute(w, o) })
	})
	return mux
}

var overviewPage = template.Must(template.New("overview").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>blitz: pool {{.Pool}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left}code{font-size:.85em}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}</style>
<h1>Pool {{.Pool}}</h1>
<h2>Queue</h2>
<table><tr><th scope="row">jobs that wait<td>{{.Waiting}}<tr><th scope="row">jobs that are computed<td>{{.Working}}<tr><th scope="row">audits<td>{{.Audits}}<tr><th scope="row">results<td>{{.Done}}<tr><th scope="row">dropped messages<td>{{.Dead}}</table>
<h2>Nodes</h2>
<table><tr><th>name<th>key<th>pool<th>slots<th>
{{range .Nodes}}<tr><td>{{.Name}}<td><code>{{.Node}}</code><td>{{.Pool}}<td>{{.Slots}}<td>{{if not .Peer}}no peer of this node{{end}}
{{end}}</table>
<h2>Faults</h2>
{{if .Faults}}<p>Results of these jobs differ; <code>blitz jobs faults</code> shows them, and who signed them.</p><ul>{{range .Faults}}<li><code>{{.}}</code>{{end}}</ul>{{else}}<p>None.</p>{{end}}
</html>
`))
