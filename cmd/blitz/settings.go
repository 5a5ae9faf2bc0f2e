package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/settings"
)

// verbOf returns the name of the verb that a command is, or is part of.
func verbOf(cmd *cobra.Command) string {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return cmd.Name()
}

// applySettings gives the flags that the command line leaves open the values of the
// environment and the settings file. Keys of the file that no verb knows get a
// warning.
func applySettings(cmd *cobra.Command) error {
	if isCompletion(cmd) {
		return nil
	}
	file, err := settings.Open(os.Getenv)
	if err != nil {
		return err
	}
	for _, m := range file.Unknown(knownSettings(cmd.Root())) {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s\n", m)
	}
	return settings.Apply(cmd.Flags(), verbOf(cmd), os.Getenv, file)
}

// isCompletion says whether a command is run by a shell that completes a line, which
// is no place for messages.
func isCompletion(cmd *cobra.Command) bool {
	return cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd
}

// withOrigin adds to an error about a flag where its value came from, where that was
// not the command line.
func withOrigin(cmd *cobra.Command, err error) error {
	if cmd == nil || fault.Of(err) != fault.Usage {
		return err
	}
	return settings.WithOrigin(cmd.Flags(), err)
}

// knownSettings returns the settings of each verb, and under "" those of all.
func knownSettings(root *cobra.Command) settings.Known {
	known := settings.Known{"": {settings.HomeKey}}
	for _, cmd := range root.Commands() {
		known[cmd.Name()] = nil
		for _, s := range append(cmd.Commands(), cmd) {
			visitFlags(s, func(p *pflag.Flag) {
				known[cmd.Name()] = append(known[cmd.Name()], p.Name)
				known[""] = append(known[""], p.Name)
			})
		}
	}
	return known
}

// visitFlags calls visit for every setting of a command, with those of all commands.
func visitFlags(cmd *cobra.Command, visit func(*pflag.Flag)) {
	for _, set := range []*pflag.FlagSet{cmd.NonInheritedFlags(), cmd.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if settings.Is(f) && !f.Hidden {
				visit(f)
			}
		})
	}
}
