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
	Profile         string               `json:"profile"`        // the numeric profile that is wanted
	ProfileDigest   string               `json:"profile_digest"` // its digest
	Verdict         string               `json:"verdict"`        // "ok", or what is wrong
	Implementations map[string]string    `json:"implementations"`
	Operations      []selftest.Operation `json:"operations"`
	faults          []string
	vectors         int // that were compared
}

func newSelftest() *cobra.Command {
	var cpu, vectors string
	var verbose, asJSON bool
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Check that this machine gives the bits of the numeric profile",
		Long: `Runs every operation on fixed inputs with every implementation that this
machine has, and compares the digest of all results with that of the numeric
profile that docs/CANON.md defines. It prints one line, the verdict. The exit
code is 1 where an implementation gives other bits, or where an output is not
that of the reference vectors; what differs is named on stderr.`,
		Example: `  blitz selftest
  blitz selftest --verbose --vectors vectors.npz`,
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
			r, err := runSelftest(cmd.Context(), impls, v, selftest.ProfileDigest)
			if err != nil {
				return err
			}
			for _, fault := range r.faults {
				fmt.Fprintln(cmd.ErrOrStderr(), printable(fault))
			}
			if err := r.write(cmd.OutOrStdout(), verbose, asJSON); err != nil || len(r.faults) == 0 {
				return err
			}
			return fmt.Errorf("selftest: %s", r.Verdict)
		},
	}
	cmd.Flags().StringVar(&cpu, "cpu", "", "check one `implementation` instead of all")
	cmd.Flags().StringVar(&vectors, "vectors", "", "also check every reference vector of `FILE.npz`")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print the digest of every operation and implementation, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// runSelftest runs the implementations one after the other and compares them with the
// digest that is wanted, and with the vectors, which may be nil.
func runSelftest(ctx context.Context, impls []kernel.Impl, vectors *selftest.Vectors, wanted string) (*selftestReport, error) {
	r := &selftestReport{Profile: selftest.Profile, ProfileDigest: wanted, Implementations: map[string]string{}}
	for _, i := range impls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		kernel.UseImpl(i)
		got := selftest.Run()
		if r.Digest == "" {
			r.Digest, r.Operations = got.Digest, got.Operations
		}
		r.Implementations[i.String()] = got.Digest
		for k, op := range got.Operations {
			if op != r.Operations[k] {
				r.faults = append(r.faults, fmt.Sprintf("%s: %s gives other bits than %s", i, op.Op, impls[0]))
			}
		}
		if got.Digest != wanted {
			r.faults = append(r.faults, fmt.Sprintf("%s: digest %s, that of %s is %s", i, got.Digest, r.Profile, wanted))
		}
		if vectors == nil {
			continue
		}
		n, errs := vectors.Check()
		r.vectors += n
		for _, err := range errs {
			r.faults = append(r.faults, fmt.Sprintf("%s: %v", i, err))
		}
	}
	r.Verdict = "ok"
	if n := len(r.faults); n > 0 {
		r.Verdict = fmt.Sprintf("this machine does not give the bits of %s: %s", r.Profile, counted(n, "fault"))
	}
	return r, nil
}

// write prints the verdict, as JSON or for people, and where wanted what it rests on.
func (r *selftestReport) write(out io.Writer, verbose, asJSON bool) error {
	if asJSON {
		return writeJSON(out, r)
	}
	names := slices.Sorted(maps.Keys(r.Implementations))
	var text strings.Builder
	if verbose {
		for _, op := range r.Operations {
			fmt.Fprintf(&text, "%-14s %s\n", op.Op, op.Digest)
		}
		for _, name := range names {
			fmt.Fprintf(&text, "%-14s %s\n", name, r.Implementations[name])
		}
	}
	fmt.Fprintf(&text, "%s: %s of %s, %s", r.Verdict, r.Profile, strings.Join(names, ", "), counted(len(r.Operations), "operation"))
	if r.vectors > 0 {
		fmt.Fprintf(&text, ", %s", counted(r.vectors, "vector"))
	}
	_, err := io.WriteString(out, text.String()+"\n")
	return err
}
