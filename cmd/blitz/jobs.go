package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
)

func newJobs() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Hand answers out to the nodes of a cluster, and collect them",
		Long: `Hands jobs out to the nodes of a cluster (blitz node), and collects results. A
job is a line of JSON: a model by its root, token ids, settings, a salt; its id
is the sum of its text. Each result has a receipt that its node signed, and is
created once: nodes compute the same bits, so two results of a job are compared,
and one that differs is the proof against its node. docs/CLUSTER.md has more.`,
		Example: `  blitz jobs submit jobs.jsonl --nats nats://127.0.0.1:4222 --pool p
  blitz jobs run -h`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newJobsSubmit(), newJobsWait(), newJobsResults(), newJobsFaults(), newJobsRun())
	return cmd
}

// queueFlags say where the queue is.
type queueFlags struct {
	urls, creds, cluster string
}

func (f *queueFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.urls, "nats", "", "`addresses` of a NATS cluster: nats://HOST:PORT, with commas between")
	cmd.Flags().StringVar(&f.creds, "creds", "", "`file` of credentials for it, as nsc writes it")
	cmd.Flags().StringVar(&f.cluster, "cluster", "", "`file` of a node (node1.toml), in place of --nats: its cluster is used")
}

// clusterError returns an error of a cluster as commands tell it.
func clusterError(err error) error {
	switch {
	case errors.Is(err, cluster.ErrConfig):
		return fault.Misuse(err)
	case errors.Is(err, cluster.ErrNATS):
		return fault.WithHint(err, "docs/CLUSTER.md lists what a NATS account must allow")
	}
	return err
}

// startWithin bounds how long commands wait for a cluster.
const startWithin = time.Minute

// open connects to the queue.
func (f *queueFlags) open(cmd *cobra.Command, wait time.Duration) (*cluster.JetStream, error) {
	var at cluster.Address
	switch {
	case (f.urls == "") == (f.cluster == ""):
		return nil, fault.Misuse(fmt.Errorf("%s: want one of --nats URLS and --cluster FILE: where is the queue?", cmd.CommandPath()[len("blitz "):]))
	case f.cluster != "":
		c, err := cluster.ReadConfig(f.cluster)
		if err == nil {
			at, err = c.ClientAddress("blitz jobs")
		}
		if err != nil {
			return nil, clusterError(err)
		}
	default:
		at = cluster.Address{URLs: f.urls, Credentials: f.creds, Name: "blitz " + cmd.Name()}
	}
	ctx, stop := context.WithTimeout(cmd.Context(), startWithin)
	defer stop()
	nc, err := cluster.Connect(ctx, at)
	if err != nil {
		return nil, clusterError(err)
	}
	q, err := cluster.NewJetStream(ctx, nc, cluster.JetStreamOptions{Wait: wait, Note: noteTo(cmd)})
	if err != nil {
		nc.Close()
		return nil, clusterError(err)
	}
	return q, nil
}

// noteTo returns what tells notes on stderr.
func noteTo(cmd *cobra.Command) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s\n", printable(fmt.Sprintf(format, args...)))
	}
}

// jobLine is a line of a file of jobs: a job, or what is wrong with it.
type jobLine struct {
	job *cluster.Job
	err error
}

// readJobs reads a file of jobs; - is the standard input.
func readJobs(cmd *cobra.Command, path string) ([]jobLine, error) {
	in := cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	lines := newLineReader(newInput(cmd.Context(), in, nil), cluster.MaxMessage)
	var all []jobLine
	err := lines.each(func(line []byte, long error) error {
		l := jobLine{err: long}
		if long == nil {
			l.job, l.err = cluster.ParseJob(line)
		}
		all = append(all, l)
		return nil
	})
	return all, err
}

// needPool checks --pool.
func needPool(cmd *cobra.Command, pool string) error {
	if pool == "" {
		return fault.Misuse(fmt.Errorf("jobs %s: --pool NAME is missing: which nodes?", cmd.Name()))
	}
	if err := cluster.CheckPool(pool); err != nil {
		return fault.Misuse(fmt.Errorf("jobs %s: --%w", cmd.Name(), err))
	}
	return nil
}

func newJobsSubmit() *cobra.Command {
	var q queueFlags
	var pool, share, plan string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "submit FILE.jsonl --pool NAME",
		Short: "Put jobs into the queue",
		Long: `Puts jobs into the queue: each line of the file is one. For each comes its id
once the queue has it for good; one that was there is there once. A line that is
no job gives an error, and the rest goes on; the exit code is 1 then.

With --audit a share of the jobs will be computed again by other nodes (jobs
wait --audit): which, says a seed, whose sum is published now. It is written to
a file that stays secret until the results are there.`,
		Example: `  blitz jobs submit jobs.jsonl --pool p --nats nats://127.0.0.1:4222
  blitz jobs submit jobs.jsonl --pool p --cluster node1.toml --json`,
		Args: exactly("FILE.jsonl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needPool(cmd, pool); err != nil {
				return err
			}
			if (share == "") != (plan == "") {
				return fault.Misuse(errors.New("jobs submit: --audit SHARE and --audit-file FILE go together"))
			}
			all, err := readJobs(cmd, args[0])
			if err != nil {
				return err
			}
			queue, err := q.open(cmd, 0)
			if err != nil {
				return err
			}
			defer queue.Close()
			if share != "" {
				if err := planAudit(cmd.Context(), queue, share, plan, len(all)); err != nil {
					return err
				}
			}
			return submitJobs(cmd, queue, pool, all, asJSON)
		},
	}
	q.add(cmd)
	cmd.Flags().StringVar(&pool, "pool", "", "`name` of the nodes that get the jobs")
	cmd.Flags().StringVar(&share, "audit", "", "`share` of the jobs that is computed again, from 0 to 1")
	cmd.Flags().StringVar(&plan, "audit-file", "", "new `file` for the seed that says which")
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"id": …} or {"error": …} for each line`)
	return cmd
}

// submitAtOnce is how many jobs are on their way into the queue at once.
const submitAtOnce = 64

// submitJobs puts jobs into a queue, and prints their ids in their order.
func submitJobs(cmd *cobra.Command, q cluster.Queue, pool string, all []jobLine, asJSON bool) error {
	ctx := cmd.Context()
	answers := make([]chan error, len(all))
	for i := range answers {
		answers[i] = make(chan error, 1)
	}
	room := make(chan struct{}, submitAtOnce)
	go func() {
		for i, l := range all {
			if l.err != nil {
				answers[i] <- l.err
				continue
			}
			room <- struct{}{}
			go func() {
				answers[i] <- cluster.Hand(ctx, q, pool, l.job)
				<-room
			}()
		}
	}()
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	defer out.Flush()
	failed := 0
	for i, l := range all {
		err := <-answers[i]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case err != nil && asJSON:
			_, err = out.Write(append(append(appendString([]byte(`{"error": `), err.Error()), '}'), '\n'))
			failed++
		case err != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "blitz: line %d: %s\n", i+1, printable(err.Error()))
			failed++
			err = nil
		case asJSON:
			_, err = fmt.Fprintf(out, "{\"id\": %q}\n", l.job.ID)
		default:
			_, err = fmt.Fprintln(out, l.job.ID)
		}
		if err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil || failed == 0 {
		return err
	}
	return fmt.Errorf("%s: %d of %d lines failed", cmd.CommandPath(), failed, len(all))
}

func newJobsResults() *cobra.Command {
	var q queueFlags
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "results --jsonl",
		Short: "Print what there is of jobs",
		Long: `Prints what there is of jobs: each line of the standard input is an id, for each
comes an object with job, state (done, pending, fault, dead), result and fault.

` + jsonLinesHelp,
		Example: `  blitz jobs results --jsonl --nats nats://127.0.0.1:4222 < ids.jsonl
  blitz jobs results --jsonl --cluster node1.toml < ids.jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.Misuse(errors.New("jobs results: --jsonl is missing"))
			}
			queue, err := q.open(cmd, 0)
			if err != nil {
				return err
			}
			defer queue.Close()
			return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
				id, err := parseString(line, "the id of a job")
				if err == nil && !signed.IsDigest(id) {
					err = fmt.Errorf("%.80q is no id of a job", id)
				}
				if err != nil {
					return dst, err
				}
				s, err := cluster.Look(cmd.Context(), queue, id)
				if err != nil {
					return dst, err
				}
				return appendJSON(dst, s)
			})
		},
	}
	q.add(cmd)
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is the id of a job")
	return cmd
}

// jobsRunFlags are the flags of jobs run.
type jobsRunFlags struct {
	models servedFlags
	key    string
}

func newJobsRun() *cobra.Command {
	f := &jobsRunFlags{}
	cmd := &cobra.Command{
		Use:   "run FILE.jsonl --model MODEL --key KEY",
		Short: "Compute jobs here, alone",
		Long: `Computes jobs on this machine, by the way that a node has, with the queue in the
process: nothing listens. For each line comes its result.`,
		Example: `  blitz jobs run jobs.jsonl --model ./model --key node.pem
  blitz jobs run - --model smollm2 --key node.pem < jobs.jsonl`,
		Args: exactly("FILE.jsonl"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.key, "key", "", "private ed25519 key `FILE` that signs the receipts")
	f.models.add(cmd)
	return cmd
}

func (f *jobsRunFlags) run(cmd *cobra.Command, path string) error {
	if err := f.models.check(cmd); err != nil {
		return err
	}
	if f.key == "" {
		return fault.Misuse(errors.New("jobs run: --key FILE is missing"))
	}
	all, err := readJobs(cmd, path)
	if err != nil {
		return err
	}
	models, closeModels, err := f.models.open(cmd, f.key)
	if err != nil {
		return err
	}
	defer closeModels()
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	q := cluster.NewMemory()
	defer q.Close()
	key := models.Notary.Key.Public()
	self, err := cluster.NewPeers(&cluster.Peer{Name: "self", Key: key, Roles: []cluster.Role{cluster.Work}})
	if err != nil {
		return err
	}
	w := &cluster.Worker{Queue: q, Pool: "alone", Node: key.ID(), Peers: self, Runner: models, Slots: f.models.slots.v, Wait: time.Minute}
	worked := make(chan error, 1)
	go func() { worked <- w.Run(ctx) }()
	asker := cluster.NewAsker(q, "alone", self)
	err = collectJobs(cmd, q, asker, all)
	asker.Close()
	stop()
	<-worked
	return err
}

// jobsAhead is how many jobs are in the queue of jobs run before the results in front of them
// are printed.
const jobsAhead = 1024

// collectJobs puts jobs into the queue of this process, and prints their results in their order.
func collectJobs(cmd *cobra.Command, q *cluster.Memory, asker *cluster.Asker, all []jobLine) error {
	ctx := cmd.Context()
	uses := map[string]int{}
	for _, l := range all {
		if l.err == nil {
			uses[l.job.ID]++
		}
	}
	next := 0
	return answerAll(cmd, len(all), func(i int) ([]byte, error) {
		for ; next < min(len(all), i+jobsAhead); next++ {
			if l := all[next]; l.err == nil {
				if err := q.Submit(ctx, cluster.Jobs, "alone", l.job.ID, l.job.Text()); err != nil {
					return nil, err
				}
			}
		}
		if err := all[i].err; err != nil {
			return nil, err
		}
		j := all[i].job
		text, err := jobResult(asker.Settle(ctx, j))
		if uses[j.ID]--; uses[j.ID] == 0 {
			q.Forget(j.ID)
		}
		return text, err
	})
}

// jobResult returns the result of a job that is settled.
func jobResult(s cluster.Status, err error) ([]byte, error) {
	if err != nil || s.State == cluster.IsDone {
		return bytes.Clone(s.Result), err
	}
	var dead cluster.Dead
	if json.Unmarshal(s.Fault, &dead) != nil || dead.Reason == "" {
		return nil, fmt.Errorf("the job is %s", s.State)
	}
	return nil, fmt.Errorf("%s: %s", dead.Reason, dead.Detail)
}
