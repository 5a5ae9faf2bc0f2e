package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

func newPrune() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the store what no model needs",
		Long: `Removes files that no stored name needs, what unfinished pulls left, unless they
run, and files that were sent to a server and became no model within an hour.
Stored models stay.`,
		Example: `  blitz prune
  blitz prune --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			freed, fault := s.Prune(cmd.Context())
			if err := writePruned(cmd, freed, asJSON); err != nil {
				return err
			}
			return fault
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was set free as JSON, in bytes")
	return cmd
}

// writePruned says what was set free.
func writePruned(cmd *cobra.Command, p hub.Pruned, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), p)
	}
	for _, part := range []struct {
		what string
		n    int64
	}{{"files that no name needs", p.Blobs}, {"unfinished pulls", p.Staging}, {"files that were sent here", p.Uploads}} {
		if part.n > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s freed\n", part.what, hub.FormatBytes(part.n))
		}
	}
	if p.Total() == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "there was nothing to remove")
	}
	return nil
}
