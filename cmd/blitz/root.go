package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot returns the command with all its verbs.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "blitz",
		Short:         "Run reasoning models on ordinary processors",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return applySettings(cmd) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagError(cmd.Flags(), err) })
	root.CompletionOptions.DisableDefaultCmd = true // completion.go has it
	root.SetHelpCommand(newHelp())
	root.PersistentFlags().Bool("offline", false, "fetch nothing, even where a source is named")
	root.AddCommand(
		newBench(),
		newCompletion(),
		newConfig(),
		newCp(),
		newDecode(),
		newDetokenize(),
		newDoctor(),
		newImport(),
		newList(),
		newLogits(),
		newParse(),
		newPerplexity(),
		newPull(),
		newRender(),
		newRm(),
		newRun(),
		newSelftest(),
		newShow(),
		newTokenize(),
		newVersion(),
	)
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && strings.Contains(c.Use, "MODEL") {
			c.ValidArgsFunction = completeModel
		}
	}
	return root
}

// newHelp returns the verb that explains another one.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]",
		Short: "Explain a verb",
		Example: `  blitz help
  blitz help run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			verb, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil || len(rest) > 0 && !verb.HasParent():
				return noVerb(cmd.Root(), args)
			case len(rest) > 0:
				return usageError{fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), rest[0])}
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
	}
}

// noVerb says that an argument of blitz itself is no verb.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
		names = append(names, c.Aliases...)
	}
	return usageError{fmt.Errorf("unknown verb %q%s", args[0], nearestText(args[0], names))}
}
