package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/selftest"
)

// selftestReport is what selftest --json prints.
type selftestReport struct {
	Digest          string               `json:"digest"`
	Implementations map[string]string    `json:"implementations"`
	Operations      []selftest.Operation `json:"operations"`
}

func newSelftest() *cobra.Command {
	var cpu, vectors string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Check that every implementation of the arithmetic gives the same bits",
		Example: `  blitz selftest
  blitz selftest --json --vectors vectors.npz`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			impls := kernel.Implementations()
			if cpu != "" {
				if err := kernel.Use(strings.ToLower(cpu)); err != nil {
					return err
				}
				impls = []kernel.Impl{kernel.Current()}
			}
			return runSelftest(cmd.OutOrStdout(), cmd.ErrOrStderr(), impls, vectors, asJSON)
		},
	}
	cmd.Flags().StringVar(&cpu, "cpu", "", "one implementation instead of all")
	cmd.Flags().StringVar(&vectors, "vectors", "", "also check every reference vector of `FILE.npz`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// runSelftest runs the implementations one after the other; the error says that
// some differ, from each other or from the vectors.
func runSelftest(out, errOut io.Writer, impls []kernel.Impl, vectors string, asJSON bool) error {
	report := selftestReport{Implementations: map[string]string{}}
	var wrong int
	for _, i := range impls {
		kernel.UseImpl(i)
		r := selftest.Run()
		report.Implementations[i.String()] = r.Digest
		if report.Digest == "" {
			report.Digest, report.Operations = r.Digest, r.Operations
		}
		for k, op := range r.Operations {
			if op != report.Operations[k] {
				wrong++
				fmt.Fprintf(errOut, "%s: %s gives other bits than %s\n", i, op.Op, impls[0])
			}
		}
		if vectors == "" {
			continue
		}
		n, errs := selftest.CheckVectors(vectors)
		for _, err := range errs {
			wrong++
			fmt.Fprintln(errOut, err)
		}
		fmt.Fprintf(errOut, "%s: %d vectors compared\n", i, n)
	}
	if asJSON {
		b, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", b)
	} else {
		for _, op := range report.Operations {
			fmt.Fprintf(out, "%-14s %s\n", op.Op, op.Digest)
		}
		for _, i := range impls {
			fmt.Fprintf(out, "%-14s %s\n", i, report.Implementations[i.String()])
		}
	}
	if wrong > 0 {
		return fmt.Errorf("selftest: %d outputs are not what they must be", wrong)
	}
	return nil
}
