package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// build is what version prints.
type build struct {
	Version         string   `json:"version"`
	Commit          string   `json:"commit,omitempty"`
	CommitTime      string   `json:"commit_time,omitempty"`
	Modified        bool     `json:"modified,omitempty"` // built from a changed tree
	Go              string   `json:"go"`
	OS              string   `json:"os"`
	Arch            string   `json:"arch"`
	Implementations []string `json:"implementations"` // that this machine has, slowest first
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Example: `  blitz version
  blitz version --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := readBuild()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), b)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), b)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the version as JSON")
	return cmd
}

// readBuild returns what this program was built from.
func readBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	for _, i := range kernel.Implementations() {
		b.Implementations = append(b.Implementations, i.String())
	}
	module, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := module.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range module.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.CommitTime = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	text := "blitz " + b.Version
	if b.Commit != "" {
		text += " commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			text += " with changes"
		}
	}
	return fmt.Sprintf("%s, %s, %s/%s, %s", text, b.Go, b.OS, b.Arch, strings.Join(b.Implementations, " "))
}
