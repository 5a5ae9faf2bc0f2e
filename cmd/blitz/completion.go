package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that lets a shell complete command lines",
		Long: `Prints a script for bash, zsh, fish or powershell. It completes verbs, flags and the
names of stored models.`,
		Example: `  source <(blitz completion bash)
  blitz completion fish > ~/.config/fish/completions/blitz.fish`,
		ValidArgs: shells,
		Args:      exactly("SHELL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usageError{fmt.Errorf("completion: unknown shell %q, want %s", args[0], oneOf(shells))}
		},
	}
}
