package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the models in the store",
		Long: `Lists the models in the store, and countdown, the small one that the program
carries; with --json those in the store alone.`,
		Example: `  blitz list
  blitz ls --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			models, damaged := s.List()
			if err := writeList(cmd, s, models, asJSON); err != nil {
				return err
			}
			return damaged
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

func writeList(cmd *cobra.Command, s *hub.Store, models []*hub.Model, asJSON bool) error {
	if asJSON {
		list := []stored{}
		for _, m := range models {
			one := newStored(m)
			if at := s.LastUse(m); !at.IsZero() {
				one.LastUsed = &at
			}
			list = append(list, one)
		}
		return writeJSON(cmd.OutOrStdout(), list)
	}
	if len(models) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "no models in %s; blitz models lists what can be fetched by name\n", s.Dir())
	}
	rows := [][]string{{"NAME", "SIZE", "TYPE", "PARAMETERS", "CONTEXT", "FAMILY", "PULLED", "USED"}}
	now := time.Now()
	for _, m := range models {
		rows = append(rows, append(listed(m), formatAge(m.PulledAt, now), ageOrNever(s.LastUse(m), now)))
	}
	m, err := hub.Within()
	if err != nil {
		return err
	}
	rows = append(rows, append(listed(m), "in the program", "-"))
	return writeTable(cmd.OutOrStdout(), rows...)
}

// listed returns what the table says of a model, whenever it came.
func listed(m *hub.Model) []string {
	return []string{
		m.Name.Short(), hub.FormatBytes(m.Size()), orDash(m.Facts.Quantization), countOrDash(m.Facts.Parameters), positionsOrDash(m.Facts.Context), orDash(m.Facts.Architecture),
	}
}

func ageOrNever(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return formatAge(at, now)
}

// orDash returns text, or a dash where there is none.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

func countOrDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return formatCount(n)
}

func positionsOrDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
