package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
)

// nodeFlags are the flags of node.
type nodeFlags struct {
	queue            queueFlags
	pool, key, peers string
	models           servedFlags
	wait             float64
	page             string
}

func newNode() *cobra.Command {
	f := &nodeFlags{}
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Compute jobs as a node of a cluster",
		Long: `Computes jobs of a pool as a node of a cluster: takes them from the queue, signs
a receipt of each answer, and creates its result, once. Where a result is there
that differs, both are kept as a fault. The queue is NATS: with --cluster FILE a
server of it is part of this process, and two more machines run the like; with
--nats URLS it is one that is there.

The first line that is printed is "node KEYID ready". docs/CLUSTER.md is the
guide: files, keys, what an account of NATS must allow.`,
		Example: `  blitz node --cluster node1.toml
  blitz node --nats nats://127.0.0.1:4222 --pool p --key node.pem \
    --peers peers.toml --model ./model`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.queue.add(cmd)
	cmd.Flags().StringVar(&f.pool, "pool", "", "`name` of the nodes that share jobs, and have the same models")
	cmd.Flags().StringVar(&f.key, "key", "", "private ed25519 key `FILE` that signs the receipts")
	cmd.Flags().StringVar(&f.peers, "peers", "", "`file` with the keys and roles of all who take part")
	f.models.add(cmd)
	cmd.Flags().Float64Var(&f.wait, "ack-wait", 30, "`seconds` until a job is given to another node when nothing is heard of this one")
	cmd.Flags().StringVar(&f.page, "page", "", "`address` of a page with nodes, queue and faults, on this machine only, such as 127.0.0.1:7320")
	return cmd
}

// configure reads the file of the node into the flags that were not given.
func (f *nodeFlags) configure(cmd *cobra.Command) (*cluster.Config, error) {
	if f.queue.cluster == "" {
		return nil, nil
	}
	if f.queue.urls != "" {
		return nil, fault.Misuse(errors.New("node: --cluster and --nats are two queues, want one"))
	}
	c, err := cluster.ReadConfig(f.queue.cluster)
	if err != nil {
		return nil, clusterError(err)
	}
	for _, x := range []struct {
		flag, v string
		into    *string
	}{{"pool", c.Pool, &f.pool}, {"key", c.Beside(c.Key), &f.key}, {"peers", c.Beside(c.Peers), &f.peers}, {"page", c.Page, &f.page}} {
		if !cmd.Flags().Changed(x.flag) {
			*x.into = x.v
		}
	}
	if len(f.models.names) == 0 {
		for _, m := range c.Models {
			if root, ok := strings.CutPrefix(m, "root:"); ok && signed.IsDigest(root) {
				if m, err = c.FetchModel(cmd.Context(), root); err != nil {
					return nil, clusterError(err)
				}
				f.models.names = append(f.models.names, m)
				continue
			}
			if _, err := os.Stat(c.Beside(m)); err == nil {
				m = c.Beside(m)
			}
			f.models.names = append(f.models.names, m)
		}
	}
	if !cmd.Flags().Changed("slots") {
		f.models.slots.v = c.Slots
	}
	if !cmd.Flags().Changed("ack-wait") {
		f.wait = c.Wait
	}
	return c, nil
}

// check checks what the flags say.
func (f *nodeFlags) check(cmd *cobra.Command) error {
	for _, x := range []struct{ flag, v string }{{"pool", f.pool}, {"key", f.key}, {"peers", f.peers}} {
		if x.v == "" {
			return fault.Misuse(fmt.Errorf("node: --%s is missing", x.flag))
		}
	}
	if err := cluster.CheckPool(f.pool); err != nil {
		return fault.Misuse(fmt.Errorf("node: --%w", err))
	}
	if !(f.wait >= 1 && f.wait <= 3600) {
		return fault.Misuse(fmt.Errorf("node: --ack-wait %v, want 1 to 3600 seconds", f.wait))
	}
	return f.models.check(cmd)
}

func (f *nodeFlags) run(cmd *cobra.Command) error {
	c, err := f.configure(cmd)
	if err != nil {
		return err
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	peers, err := cluster.ReadPeers(f.peers)
	if err != nil {
		return clusterError(err)
	}
	models, closeModels, err := f.models.open(cmd, f.key)
	if err != nil {
		return err
	}
	defer closeModels()
	id := models.Notary.Key.Public().ID()
	self := peers.ByKey(id)
	if self == nil || !self.May(cluster.Work) {
		return fault.Misuse(fmt.Errorf("node: the key %s (%s) is none of a peer with the role work, in %s: nobody would believe it", id, f.key, f.peers))
	}
	wait := time.Duration(f.wait * float64(time.Second))
	n := &cluster.Node{Pool: f.pool, ID: id, Self: self, Peers: peers, Runner: models, Slots: f.models.slots.v, Wait: wait, Page: f.page, Note: noteTo(cmd)}
	for _, s := range models.Served {
		n.Models = append(n.Models, s.Root)
	}
	if c != nil {
		if c.Blobs != "" {
			n.Weights, err = f.models.weights(cmd)
		}
		if err == nil {
			err = n.Embed(cmd.Context(), c)
		}
	} else {
		var q *cluster.JetStream
		if q, err = f.queue.open(cmd, wait); err == nil {
			n.Use(q)
		}
	}
	if err != nil {
		return clusterError(err)
	}
	defer n.Close()
	return f.serve(cmd, n)
}

// serve works until the command is interrupted.
func (f *nodeFlags) serve(cmd *cobra.Command, n *cluster.Node) error {
	err := n.Run(cmd.Context(), func() error {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "node %s ready\n", n.ID)
		return err
	})
	if errors.Is(err, context.Canceled) {
		return cmd.Context().Err()
	}
	return clusterError(err)
}
