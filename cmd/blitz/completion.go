package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/spelling"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that lets a shell complete command lines",
		Long: `Prints a script for bash, zsh, fish or powershell. It completes verbs, flags,
values of flags and the names of stored models.`,
		Example: `  source <(blitz completion bash)
  blitz completion fish > ~/.config/fish/completions/blitz.fish`,
		ValidArgs: shells,
		Args:      exactly("SHELL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				if _, err := io.WriteString(out, bashWords); err != nil {
					return err
				}
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return fault.Misuse(fmt.Errorf("completion: unknown shell %q, want %s", args[0], spelling.OneOf(shells)))
		},
	}
}

// bashWords stands in for the function of the package bash-completion that the script
// calls, where that is not installed: the words of the line, where = and : end none.
const bashWords = `# What the package bash-completion has, where it is not installed.
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
_get_comp_words_by_ref()
{
    local i word rest=$COMP_LINE
    words=() cword=0 cur="" prev=""
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* && ($word == [=:]* || ${words[${#words[@]} - 1]} == *[=:]) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
        ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]}
    ((cword > 0)) && prev=${words[cword - 1]}
    return 0
}
fi

`

// completeFlags has the values of a command's flags completed: one of some words to
// these, a file to files, what is typed freely to nothing.
func completeFlags(cmd *cobra.Command) {
	for _, c := range append(cmd.Commands(), cmd) {
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if words, ok := valuesOf(c, f); ok {
				if err := c.RegisterFlagCompletionFunc(f.Name, completeWords(words)); err != nil {
					panic(err) // the flag is there, and has none yet
				}
			}
		})
	}
}

// valuesOf returns the words that a flag takes, none for one that is typed freely;
// false: its value is a file, or it has none.
func valuesOf(cmd *cobra.Command, f *pflag.Flag) (words []string, ok bool) {
	switch v := f.Value.(type) {
	case *choice:
		return v.from, true
	case *think:
		return []string{"on", "off"}, true
	case *number, *count, *counts, *seed:
		return nil, true
	}
	switch f.Name {
	case "cpu":
		for _, i := range kernel.Implementations() {
			words = append(words, i.String())
		}
		return words, true
	case "format":
		if cmd.Name() == "run" {
			return nil, false // a file, mostly
		}
		return output.Formats(), true
	case "system":
		return nil, true
	}
	return nil, false
}

// completeWords completes to some words.
func completeWords(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		var found []string
		for _, w := range words {
			if strings.HasPrefix(w, strings.ToLower(text)) {
				found = append(found, w)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeModel completes a MODEL argument: stored names and those of the catalogue, and
// paths where no name fits. What stands behind is a prompt, or a file where the verb wants one.
func completeModel(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		if strings.Contains(cmd.Use, "FILE") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, directive := completeNames(cmd, args, text)
	if strings.HasPrefix(countdown.Name, text) {
		names = append(names, countdown.Name)
	}
	if c, err := openCatalogue(); err == nil {
		for _, n := range c.Names() {
			if n := n.Short(); strings.HasPrefix(n, text) && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return names, directive
}

// completeNames completes names of the store that are not there yet.
func completeNames(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
	s, err := openStore(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	models, _ := s.List() // those that can be read
	var names []string
	for _, m := range models {
		if n := m.Name.Short(); strings.HasPrefix(n, text) && !slices.Contains(args, n) {
			names = append(names, n)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
