package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/oms"
)

func newDigest() *cobra.Command {
	var asJSON bool
	var ignored []string
	cmd := &cobra.Command{
		Use:   "digest MODEL",
		Short: "Print the root of a model: one digest over its files",
		Long: `Prints the root of a model: one SHA-256 over those of its files, by which
signatures, receipts and kept weights name it (OpenSSF Model Signing 1.0). All
files below a folder count, but .git, .gitattributes, .github and .gitignore at
its top; of a split GGUF all parts; no symbolic links.

Files are read once: what did not change since has its digest remembered.`,
		Example: `  blitz digest ./DeepSeek-R1-Distill-Qwen-1.5B
  blitz digest model.gguf --json`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := digestModel(cmd, args[0], ignored)
			if err != nil {
				return sayRefused(cmd, asJSON, err)
			}
			root := checkpoint.Root(files).String()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), newDigested(root, files))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", root, counted(len(files), "file"))
			return err
		},
	}
	addIgnore(cmd, &ignored)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the root and the digest of each file as JSON")
	return cmd
}

// addIgnore adds the flag for paths that are no part of a model.
func addIgnore(cmd *cobra.Command, ignored *[]string) {
	cmd.Flags().StringArrayVar(ignored, "ignore", nil, "leave out a `PATH` below the folder; may be given several times")
}

// digestModel returns the files of a MODEL with their digests.
func digestModel(cmd *cobra.Command, name string, ignored []string) ([]checkpoint.Resource, error) {
	m, err := locateSignable(cmd, name)
	if err != nil {
		return nil, err
	}
	l, err := m.list(cmd, ignored, "")
	if err != nil {
		return nil, err
	}
	return oms.Digest(cmd.Context(), l, digestMemory())
}

// digested is the JSON of digest.
type digested struct {
	Root      string             `json:"root"`
	Resources []digestedResource `json:"resources"`
}

type digestedResource struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

func newDigested(root string, files []checkpoint.Resource) digested {
	d := digested{Root: root, Resources: []digestedResource{}}
	for _, f := range files {
		d.Resources = append(d.Resources, digestedResource{f.Name, "sha256", f.Digest.String()})
	}
	return d
}
