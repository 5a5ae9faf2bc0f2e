package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/bill"
	"github.com/blitz-r1/blitz/internal/fault"
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
	var asJSON, materials bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long: `Prints what this program was built from. With --sbom it prints its bill of
materials (CycloneDX 1.6): every module that is in it, by version and sum, the
compiler, and how it was called. The same program prints the same bytes.`,
		Example: `  blitz version --json
  blitz version --sbom > blitz.cdx.json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if materials {
				info, ok := debug.ReadBuildInfo()
				if !ok {
					return fault.Missing(errNoBuildInfo)
				}
				return writeJSON(cmd.OutOrStdout(), bill.Of(info))
			}
			b := readBuild()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), b)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), b)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the version as JSON")
	cmd.Flags().BoolVar(&materials, "sbom", false, "print the bill of materials")
	return cmd
}

// errNoBuildInfo is of a program that does not know what it was made of.
var errNoBuildInfo = errors.New("this program was built without module information")

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
