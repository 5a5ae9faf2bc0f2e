package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
)

// jobsWaitFlags are the flags of jobs wait.
type jobsWaitFlags struct {
	queue       queueFlags
	pool, peers string
	audit       string
	asJSON      bool
}

func newJobsWait() *cobra.Command {
	f := &jobsWaitFlags{}
	cmd := &cobra.Command{
		Use:   "wait FILE.jsonl",
		Short: "Wait until jobs are done",
		Long: `Waits until each job of a file is done, disputed or dropped, and says which.
With --peers each result has to be signed by a peer, and to be one of its job.

With --audit, of a file that submit --audit made, jobs that nobody could know
before are computed again by other nodes, which have the role audit: a node that
gave another answer is found, and both receipts are the proof (jobs faults). A
share of p leaves k wrong answers of a batch undetected with (1 - p)^k.`,
		Example: `  blitz jobs wait jobs.jsonl --cluster node1.toml
  blitz jobs wait jobs.jsonl --nats nats://127.0.0.1:4222 --pool p \
    --peers peers.toml --audit audit.json`,
		Args: exactly("FILE.jsonl"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.queue.add(cmd)
	cmd.Flags().StringVar(&f.pool, "pool", "", "`name` of the nodes that audit")
	cmd.Flags().StringVar(&f.peers, "peers", "", "`file` with the keys and roles of all who take part")
	cmd.Flags().StringVar(&f.audit, "audit", "", "`file` of submit --audit: have its share of the jobs computed again")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print an object for each job")
	return cmd
}

// waited is the JSON of a job of wait.
type waited struct {
	Job     string        `json:"job"`
	State   cluster.State `json:"state"`
	Node    string        `json:"node,omitempty"`
	Audited string        `json:"audited,omitempty"` // by which node
	Wrong   string        `json:"wrong,omitempty"`
}

func (f *jobsWaitFlags) run(cmd *cobra.Command, path string) error {
	ctx := cmd.Context()
	plan, peers, err := f.read(cmd)
	if err != nil {
		return err
	}
	lines, err := readJobs(cmd, path)
	if err != nil {
		return err
	}
	var jobs []*cluster.Job
	var ids []string
	for i, l := range lines {
		if l.err != nil {
			return fmt.Errorf("%s: line %d: %w", path, i+1, l.err)
		}
		jobs, ids = append(jobs, l.job), append(ids, l.job.ID)
	}
	q, err := f.queue.open(cmd, 0)
	if err != nil {
		return err
	}
	defer q.Close()
	if err := cluster.Wait(ctx, q, ids, nil); err != nil {
		return err
	}
	audits := map[string]cluster.Verdict{}
	if plan != nil {
		if audits, err = f.auditDone(ctx, q, plan, jobs, peers); err != nil {
			return err
		}
	}
	bad := 0
	for _, j := range jobs {
		w, err := f.look(ctx, q, j, peers, audits)
		if err != nil {
			return err
		}
		if w.State != cluster.IsDone || w.Wrong != "" {
			bad++
		}
		if err := f.write(cmd, w); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("jobs wait: %d of %d jobs are not done as they should be", bad, len(jobs))
	}
	return nil
}

// read checks the flags, and reads the files that they name.
func (f *jobsWaitFlags) read(cmd *cobra.Command) (plan *cluster.Plan, peers *cluster.Peers, err error) {
	if f.audit != "" {
		if f.peers == "" {
			return nil, nil, fault.Misuse(errors.New("jobs wait: --audit needs --peers FILE: whose audits count?"))
		}
		if err := needPool(cmd, f.pool); err != nil {
			return nil, nil, err
		}
		text, err := readSigned(f.audit, 4096)
		if err == nil {
			plan, err = cluster.ParsePlan(text)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if f.peers != "" {
		peers, err = cluster.ReadPeers(f.peers)
	}
	return plan, peers, clusterError(err)
}

// auditDone audits those jobs that have a result.
func (f *jobsWaitFlags) auditDone(ctx context.Context, q cluster.Queue, plan *cluster.Plan, jobs []*cluster.Job, peers *cluster.Peers) (map[string]cluster.Verdict, error) {
	var done []*cluster.Job
	for _, j := range jobs {
		switch _, err := q.Get(ctx, cluster.Results, j.ID); {
		case err == nil:
			done = append(done, j)
		case !errors.Is(err, cluster.ErrAbsent):
			return nil, err
		}
	}
	all, err := plan.Run(ctx, q, f.pool, done, peers)
	if err != nil {
		return nil, err
	}
	audits := map[string]cluster.Verdict{}
	for _, v := range all {
		audits[v.Job] = v
	}
	return audits, nil
}

// look returns what there is of a job.
func (f *jobsWaitFlags) look(ctx context.Context, q cluster.Queue, j *cluster.Job, peers *cluster.Peers, audits map[string]cluster.Verdict) (*waited, error) {
	s, err := cluster.Look(ctx, q, j.ID)
	if err != nil {
		return nil, err
	}
	w := &waited{Job: j.ID, State: s.State}
	if s.Result != nil {
		r, err := cluster.ParseResult(s.Result)
		if err == nil {
			w.Node = r.Node
			if peers != nil {
				_, err = r.Verify(j, peers)
			}
		}
		if err != nil {
			w.Wrong = err.Error()
		}
	}
	if v, ok := audits[j.ID]; ok {
		w.Audited = v.By
		if v.Wrong != nil {
			w.Wrong = v.Wrong.Error()
		}
	}
	return w, nil
}

func (f *jobsWaitFlags) write(cmd *cobra.Command, w *waited) error {
	if f.asJSON {
		line, err := appendJSON(nil, w)
		if err == nil {
			_, err = cmd.OutOrStdout().Write(append(line, '\n'))
		}
		return err
	}
	text := fmt.Sprintf("%s %s", w.Job, w.State)
	if w.Audited != "" {
		text += ", audited by " + w.Audited
	}
	if w.Wrong != "" {
		text += ": " + printable(w.Wrong)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

// planAudit makes the file of a plan, and publishes its sum. share is a number from 0 to 1.
func planAudit(ctx context.Context, q cluster.Queue, share, path string, jobs int) error {
	p, err := strconv.ParseFloat(share, 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return fault.Misuse(fmt.Errorf("jobs submit: --audit %q, want a share from 0 to 1", share))
	}
	plan, err := cluster.NewPlan(int64(p*cluster.Millionths + 0.5))
	if err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(plan.Text())
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return plan.Announce(ctx, q, jobs)
}
