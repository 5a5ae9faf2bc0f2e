package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newRoot returns the command with all its verbs.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "blitz",
		Short:         "Run reasoning models on ordinary processors",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().Bool("offline", false, "fetch nothing, even where a source is named")
	root.AddCommand(
		newBench(),
		newDecode(),
		newDetokenize(),
		newLogits(),
		newParse(),
		newPerplexity(),
		newRender(),
		newSelftest(),
		newTokenize(),
	)
	return root
}

// exactly is cobra.ExactArgs with a usage error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError{fmt.Errorf("%s: %s is missing", cmd.CommandPath(), names[len(args)])}
		}
		if len(args) > len(names) {
			return usageError{fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[len(names)])}
		}
		return nil
	}
}
