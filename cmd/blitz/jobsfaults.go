package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
)

// jobsFaultsFlags are the flags of jobs faults.
type jobsFaultsFlags struct {
	queue  queueFlags
	models servedFlags
	peers  string
	asJSON bool
}

func newJobsFaults() *cobra.Command {
	f := &jobsFaultsFlags{}
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Show results that differ, and who signed them",
		Long: `Shows each job of which two results differ, or of which one was none of a peer:
both are kept, signed by their nodes. With --model and --peers the answers are
computed again here, each in one prefill: that says who is wrong, and at which
token. Take such a node out of the file of peers; its receipt is the proof.`,
		Example: `  blitz jobs faults --cluster node1.toml
  blitz jobs faults --nats nats://127.0.0.1:4222 --peers peers.toml \
    --model ./model --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.queue.add(cmd)
	cmd.Flags().StringVar(&f.peers, "peers", "", "`file` with the keys and roles of all who take part")
	f.models.add(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print an object for each fault")
	return cmd
}

// shownFault is the JSON of a fault.
type shownFault struct {
	Job     string        `json:"job"`
	Reason  signed.Reason `json:"reason"`
	Results []judged      `json:"results"`
}

// judged is a result of a fault.
type judged struct {
	Node  string `json:"node"`
	Wrong string `json:"wrong,omitempty"` // what was found; "": nothing, or it was not looked for
}

// mostFaults bounds the faults that are shown.
const mostFaults = 100_000

func (f *jobsFaultsFlags) run(cmd *cobra.Command) error {
	judging := len(f.models.names) > 0
	if judging && f.peers == "" {
		return fault.Misuse(errors.New("jobs faults: --model needs --peers FILE: whose results are they?"))
	}
	var peers *cluster.Peers
	var models *cluster.Models
	if judging {
		if err := f.models.check(cmd); err != nil {
			return err
		}
		var err error
		if peers, err = cluster.ReadPeers(f.peers); err != nil {
			return clusterError(err)
		}
		m, closeModels, err := f.models.open(cmd, "")
		if err != nil {
			return err
		}
		defer closeModels()
		models = m
	}
	q, err := f.queue.open(cmd, 0)
	if err != nil {
		return err
	}
	defer q.Close()
	keys, err := cluster.Keys(cmd.Context(), q, cluster.Faults, mostFaults)
	if err != nil {
		return err
	}
	for _, k := range keys {
		s, err := showFault(cmd.Context(), q, k, models, peers)
		if err == nil {
			err = f.write(cmd, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// showFault reads a fault; where there are models, its results are computed again.
func showFault(ctx context.Context, q cluster.Queue, key string, models *cluster.Models, peers *cluster.Peers) (*shownFault, error) {
	text, err := q.Get(ctx, cluster.Faults, key)
	if err != nil {
		return nil, err
	}
	s := &shownFault{Job: key, Results: []judged{}}
	x, err := cluster.ParseFault(text)
	if err == nil && x.Job != key {
		err = signed.Refuse(signed.Digest, "a fault of the job %s", x.Job)
	}
	if err != nil {
		s.Reason = signed.ReasonOf(err)
		return s, nil
	}
	s.Reason = x.Reason
	for _, r := range x.Results {
		one, err := cluster.ParseResult(r)
		if err != nil {
			s.Results = append(s.Results, judged{Wrong: err.Error()})
			continue
		}
		j := judged{Node: one.Node}
		if models != nil {
			if err := models.Judge(ctx, one, peers); signed.ReasonOf(err) != "" {
				j.Wrong = err.Error()
			} else if err != nil {
				return nil, err
			}
		}
		s.Results = append(s.Results, j)
	}
	return s, nil
}

func (f *jobsFaultsFlags) write(cmd *cobra.Command, s *shownFault) error {
	if f.asJSON {
		line, err := appendJSON(nil, s)
		if err == nil {
			_, err = cmd.OutOrStdout().Write(append(line, '\n'))
		}
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n", s.Job, s.Reason)
	for _, r := range s.Results {
		fmt.Fprintf(&text, "  %s %s\n", printable(r.Node), printable(r.Wrong))
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), text.String())
	return err
}
