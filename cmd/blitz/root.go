package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
)

// newRoot returns the command with all its verbs.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "blitz",
		Short:         "Run reasoning models on ordinary processors",
		Version:       readBuild().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return applySettings(cmd) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if words := cmd.Flags().Args(); !cmd.HasParent() && len(words) > 0 {
			return noVerb(cmd, words) // the flags are those of the verb that is not there
		}
		return flagError(cmd.Flags(), err)
	})
	root.CompletionOptions.DisableDefaultCmd = true // completion.go has it
	root.SetHelpCommand(newHelp())
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetUsageTemplate(wrappedUsage(root.UsageTemplate()))
	root.PersistentFlags().Bool("offline", false, "fetch nothing, even where a source is named")
	root.AddCommand(
		newBackup(),
		newBench(),
		newCompletion(),
		newConfig(),
		newConvert(),
		newCp(),
		newDecode(),
		newDetokenize(),
		newDigest(),
		newDoctor(),
		newEval(),
		newExport(),
		newImatrix(),
		newImport(),
		newJobs(),
		newKeygen(),
		newKeys(),
		newLaunch(),
		newList(),
		newLog(),
		newLogits(),
		newMan(),
		newModels(),
		newNode(),
		newParse(),
		newPerplexity(),
		newPrune(),
		newPs(),
		newPull(),
		newGenerate(),
		newQuantize(),
		newReceipt(),
		newRender(),
		newReward(),
		newRm(),
		newRun(),
		newSelftest(),
		newServe(),
		newSettle(),
		newShow(),
		newSign(),
		newStop(),
		newTokenize(),
		newTrain(),
		newTrust(),
		newUsage(),
		newVerify(),
		newVersion(),
	)
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && strings.Contains(c.Use, "MODEL") {
			c.ValidArgsFunction = completeModel
		}
		completeFlags(c)
	}
	return root
}

// helpWidth is the longest line of help, in columns.
const helpWidth = 80

// wrappedUsage returns a template of usage whose lines are broken at words.
func wrappedUsage(template string) string {
	return strings.ReplaceAll(template, "Flags.FlagUsages ", fmt.Sprintf("Flags.FlagUsagesWrapped %d ", helpWidth))
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
				return fault.Misuse(fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), rest[0]))
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
	}
}
