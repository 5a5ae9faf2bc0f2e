package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

func newPrune() *cobra.Command {
	var asJSON, packed bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the store what no model needs",
		Long: `Removes files that no stored name needs, what unfinished pulls left, unless they
run, and files that were sent to a server and became no model within an hour.
Stored models stay. --packed removes packed weights too, from which models start
in a moment: each is packed anew at its next start.`,
		Example: `  blitz prune
  blitz prune --packed --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			var freed pruned
			var fault error
			freed.Pruned, fault = s.Prune(cmd.Context())
			if p := openPacked(packedLimit); packed && p != nil {
				var err error
				_, freed.Packed, err = p.Clear()
				fault = errors.Join(fault, err)
			}
			if err := writePruned(cmd, freed, asJSON); err != nil {
				return err
			}
			return fault
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was set free as JSON, in bytes")
	cmd.Flags().BoolVar(&packed, "packed", false, "also remove packed weights, those of running models too, which keep them in memory")
	return cmd
}

// pruned is what was set free, in bytes.
type pruned struct {
	hub.Pruned
	Packed int64 `json:"packed"` // packed weights
}

// writePruned says what was set free.
func writePruned(cmd *cobra.Command, p pruned, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), p)
	}
	for _, part := range []struct {
		what string
		n    int64
	}{{"files that no name needs", p.Blobs}, {"unfinished pulls", p.Staging}, {"files that were sent here", p.Uploads}, {"packed weights", p.Packed}} {
		if part.n > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s freed\n", part.what, hub.FormatBytes(part.n))
		}
	}
	if p.Total()+p.Packed == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "there was nothing to remove")
	}
	return nil
}
