package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// Node is a machine that computes jobs of a pool.
type Node struct {
	Pool   string
	ID     string // of its key
	Self   *Peer
	Peers  *Peers
	Runner Runner
	Models []string // roots
	Slots  int
	Wait   time.Duration // until a message that nobody holds is delivered again
	Page   string        // address; "": none
	// Weights, where not nil, are served to peers at the address that the configuration of
	// Embed has.
	Weights *Weights
	Note    func(format string, args ...any)

	server *Server // nil: the queue is elsewhere
	blobs  *http.Server
	queue  *JetStream
	worker *Worker
}

// Embed starts a server in this process, and takes jobs from its cluster. It waits until
// there are enough of the others. The error wraps ErrNATS or ErrConfig.
func (n *Node) Embed(ctx context.Context, c *Config) error {
	s, err := StartServer(c, n.Note)
	if err != nil {
		return err
	}
	nc, err := s.Connect(ctx)
	if err == nil {
		n.queue, err = NewJetStream(ctx, nc, JetStreamOptions{Wait: n.Wait, Note: n.Note})
	}
	if err == nil && c.Blobs != "" && n.Weights != nil {
		err = n.serveWeights(ctx, c)
	}
	if err != nil {
		if n.queue != nil {
			n.queue.Close()
		}
		s.Close()
		return err
	}
	n.server = s
	return nil
}

// serveWeights serves weights to peers, who are known by their certificates.
func (n *Node) serveWeights(ctx context.Context, c *Config) error {
	with, err := c.tls()
	if err == nil && with == nil {
		err = fmt.Errorf("blobs: weights go over HTTPS between peers: [tls] is missing: %w", ErrConfig)
	}
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Blobs)
	if err != nil {
		return err
	}
	n.blobs = &http.Server{Handler: n.Weights, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = n.blobs.Serve(tls.NewListener(l, with)) }() // which ends with Close
	return nil
}

// Use takes jobs from a queue that is elsewhere.
func (n *Node) Use(q *JetStream) {
	n.queue = q
	n.Note("whether these servers write to the disk before they acknowledge (sync_interval: always) cannot be seen from here; without it all power at once may lose what is of the last minutes")
}

// Close lets go of the queue, and ends the server.
func (n *Node) Close() {
	if n.blobs != nil {
		_ = n.blobs.Close()
	}
	if n.queue != nil {
		n.queue.Close()
	}
	if n.server != nil {
		n.server.Close()
	}
}

// errDisk is what ends a node whose server cannot write.
var errDisk = errors.New("the server of this node stopped keeping messages (is its disk full?): it takes no part until it is started again")

// Run tells that the node is ready, and works until the context is done or its queue cannot
// go on.
func (n *Node) Run(ctx context.Context, ready func() error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	n.worker = &Worker{
		Queue: n.queue, Pool: n.Pool, Node: n.ID, Peers: n.Peers, Runner: n.Runner, Slots: n.Slots, Wait: n.Wait, Audits: n.Self.May(Audit), Report: n.Note,
	}
	present, err := n.present()
	if err != nil {
		return err
	}
	defer func() { _ = present.Stop() }()
	if n.Page != "" {
		closePage, err := n.servePage(ctx)
		if err != nil {
			return err
		}
		defer closePage()
	}
	if _, err := n.queue.consumer(ctx, Jobs, n.Pool); err != nil {
		return n.queue.explain("the consumer of the pool", err)
	}
	if err := ready(); err != nil {
		return err
	}
	var beside sync.WaitGroup
	beside.Go(func() { n.watch(ctx, stop) })
	defer beside.Wait()
	defer stop(nil)
	return n.worker.Run(ctx)
}

// watch sweeps the queue now and then, and ends the node when its server fails.
func (n *Node) watch(ctx context.Context, stop context.CancelCauseFunc) {
	sweep := time.NewTicker(max(n.Wait, time.Second))
	defer sweep.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-sweep.C:
			once, done := context.WithTimeout(ctx, n.Wait+tryFor)
			for _, line := range n.worker.lines() {
				if err := n.queue.Sweep(once, line, n.Pool); err != nil && ctx.Err() == nil {
					n.Note("sweep of %s: %v", line, err)
				}
			}
			done()
		case <-look.C:
			if n.server != nil && !n.server.Healthy() {
				stop(errDisk)
			}
		case <-ctx.Done():
			return
		}
	}
}

// serviceName is under which name nodes are present.
const serviceName = "blitz-node"

// present tells all who ask that the node is there, and what it does.
func (n *Node) present() (micro.Service, error) {
	return micro.AddService(n.queue.nc, micro.Config{
		Name: serviceName, Version: "1.0.0", Description: "computes jobs",
		Metadata:     map[string]string{"node": n.ID, "name": n.Self.Name, "pool": n.Pool, "slots": strconv.Itoa(n.Slots)},
		ErrorHandler: func(micro.Service, *micro.NATSError) {},
	})
}

// servePage serves the page until the node ends.
func (n *Node) servePage(ctx context.Context) (closePage func(), err error) {
	host, _, err := splitAddress(n.Page)
	if err == nil && !isLoopback(host) {
		err = fmt.Errorf("%s: nobody is asked who he is there, want 127.0.0.1:PORT", n.Page)
	}
	if err != nil {
		return nil, fmt.Errorf("page: %w: %w", err, ErrConfig)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.Page)
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: n.pages(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = s.Serve(l) }() // which ends with Close
	return func() { _ = s.Close() }, nil
}
