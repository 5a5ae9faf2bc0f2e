package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/server/inference"
)

// serveJobs are the flags of serve that have nodes of a cluster answer batches.
type serveJobs struct {
	queue       queueFlags
	pool, peers string
	audit       string
}

func (f *serveJobs) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.queue.urls, "nats", "", "`addresses` of a NATS cluster whose nodes answer batches (blitz node): nats://HOST:PORT, with commas between; without, this server does")
	fl.StringVar(&f.queue.creds, "creds", "", "`file` of credentials for it, as nsc writes it")
	fl.StringVar(&f.queue.cluster, "cluster", "", "`file` of a node (node1.toml), in place of --nats, --pool and --peers")
	fl.StringVar(&f.pool, "pool", "", "`name` of the nodes")
	fl.StringVar(&f.peers, "peers", "", "`file` with the keys and roles of all who take part")
	fl.StringVar(&f.audit, "audit", "0.05", "`share` of the nodes' answers that is computed here again, from 0 to 1")
}

// open connects to the nodes; nil: there are none.
func (f *serveJobs) open(cmd *cobra.Command) (n *inference.Nodes, closeQueue func(), err error) {
	if f.queue.urls == "" && f.queue.cluster == "" {
		if f.pool != "" || f.peers != "" || f.queue.creds != "" || cmd.Flags().Changed("audit") {
			return nil, nil, fault.Misuse(errors.New("serve: --pool, --peers, --creds and --audit are for --nats and --cluster"))
		}
		return nil, func() {}, nil
	}
	share, err := strconv.ParseFloat(f.audit, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return nil, nil, fault.Misuse(fmt.Errorf("serve: --audit %q, want a share from 0 to 1", f.audit))
	}
	n = &inference.Nodes{Pool: f.pool}
	if n.Audit, err = cluster.NewPlan(int64(share*cluster.Millionths + 0.5)); err != nil {
		return nil, nil, err
	}
	if err := f.read(n); err != nil {
		return nil, nil, clusterError(err)
	}
	if n.Pool == "" || n.Peers == nil {
		return nil, nil, fault.Misuse(errors.New("serve: --nats needs --pool NAME and --peers FILE: which nodes, and who is believed?"))
	}
	if err := cluster.CheckPool(n.Pool); err != nil {
		return nil, nil, fault.Misuse(fmt.Errorf("serve: --%w", err))
	}
	q, err := f.queue.open(cmd, 0)
	if err != nil {
		return nil, nil, err
	}
	n.Queue = q
	return n, q.Close, nil
}

// read reads who takes part.
func (f *serveJobs) read(n *inference.Nodes) (err error) {
	if f.queue.cluster != "" {
		c, err := cluster.ReadConfig(f.queue.cluster)
		if err != nil {
			return err
		}
		n.Peers = c.Everyone()
		if n.Pool == "" {
			n.Pool = c.Pool
		}
	}
	if f.peers != "" {
		n.Peers, err = cluster.ReadPeers(f.peers)
	}
	return err
}
