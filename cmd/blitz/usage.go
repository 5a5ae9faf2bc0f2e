package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/account"
)

func newUsage() *cobra.Command {
	var q account.Query
	var asCSV, asJSON bool
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Show what was used of the server, by key and model",
		Long: `Shows requests and tokens of the server: those of prompts, how many of these
were found in the cache, those of answers, and how many of these were reasoning.
Days and months are those of UTC. A server that runs writes what it counts once
a second.`,
		Example: `  blitz usage
  blitz usage --by key,month --since 2026-11-01 --csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			totals := []account.Total{}
			there, err := hasAccounts()
			if there {
				err = withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) (err error) {
					totals, err = a.Usage(ctx, q)
					return err
				})
			}
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), totals)
			case asCSV:
				return writeUsageCSV(cmd.OutOrStdout(), q.By, totals)
			}
			return writeUsage(cmd, q.By, totals)
		},
	}
	cmd.Flags().StringSliceVar(&q.By, "by", []string{"key", "model"}, "what to tell apart: key, model, day, month")
	cmd.Flags().StringVar(&q.Since, "since", "", "the first day, such as 2026-11-01")
	cmd.Flags().StringVar(&q.Till, "till", "", "the last day")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("csv", "json")
	return cmd
}

func writeUsageCSV(w io.Writer, by []string, totals []account.Total) error {
	out := csv.NewWriter(w)
	err := out.Write(account.TotalHead(by))
	for i := range totals {
		if err == nil {
			err = out.Write(totals[i].Row(by))
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func writeUsage(cmd *cobra.Command, by []string, totals []account.Total) error {
	if len(totals) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing was used")
		return nil
	}
	heads := map[string]string{
		"requests": "REQUESTS", "failed": "FAILED", "prompt_tokens": "PROMPT", "cached_tokens": "CACHED", "answer_tokens": "ANSWER",
		"reasoning_tokens": "REASONING", "seconds": "SECONDS", "key": "KEY", "model": "MODEL", "day": "DAY", "month": "MONTH",
	}
	var head []string
	for _, name := range account.TotalHead(by) {
		head = append(head, heads[name])
	}
	rows := [][]string{head}
	for i := range totals {
		row := totals[i].Row(by)
		for j := range row {
			row[j] = printable(row[j])
		}
		rows = append(rows, row)
	}
	return writeTable(cmd.OutOrStdout(), rows...)
}
