package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
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
		Short: "Check that every implementation gives the same bits",
		Long: `Runs every operation on fixed inputs with every implementation that this
machine has and prints a digest of each result. The exit code is 1 where two of
them differ, or where an output is not that of the reference vectors.`,
		Example: `  blitz selftest
  blitz selftest --json --vectors vectors.npz`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			impls := kernel.Implementations()
			var v *selftest.Vectors
			if vectors != "" {
				var err error
				load := func() (*selftest.Vectors, error) { return selftest.LoadVectors(vectors) }
				if v, err = await(cmd.Context(), load); err != nil {
					return err
				}
			}
			if cpu != "" {
				if err := kernel.Use(strings.ToLower(cpu)); err != nil {
					return err
				}
				impls = []kernel.Impl{kernel.Current()}
			}
			return runSelftest(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), impls, v, asJSON)
		},
	}
	cmd.Flags().StringVar(&cpu, "cpu", "", "check one `implementation` instead of all")
	cmd.Flags().StringVar(&vectors, "vectors", "", "also check every reference vector of `FILE.npz`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// runSelftest runs the implementations one after the other; the error says that
// some differ, from each other or from the vectors, which may be nil.
func runSelftest(ctx context.Context, out, errOut io.Writer, impls []kernel.Impl, vectors *selftest.Vectors, asJSON bool) error {
	report := selftestReport{Implementations: map[string]string{}}
	var wrong int
	for _, i := range impls {
		if err := ctx.Err(); err != nil {
			return err
		}
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
		if vectors == nil {
			continue
		}
		n, errs := vectors.Check()
		for _, err := range errs {
			wrong++
			fmt.Fprintln(errOut, err)
		}
		fmt.Fprintf(errOut, "%s: %d vectors compared\n", i, n)
	}
	if err := report.write(out, asJSON); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("selftest: %d outputs are not what they must be", wrong)
	}
	return nil
}

// write prints the report, as JSON or for people.
func (r *selftestReport) write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, r)
	}
	var text strings.Builder
	for _, op := range r.Operations {
		fmt.Fprintf(&text, "%-14s %s\n", op.Op, op.Digest)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Implementations)) {
		fmt.Fprintf(&text, "%-14s %s\n", name, r.Implementations[name])
	}
	_, err := io.WriteString(out, text.String())
	return err
}
