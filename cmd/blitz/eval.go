package main

import (
	"github.com/spf13/cobra"
)

func newEval() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure how well a model answers",
		Long:  `Measures how well a model answers tasks whose answers can be checked.`,
		Example: `  blitz eval score -h
  blitz help eval`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEvalScore())
	return cmd
}
