package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/account"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke the keys of the server",
		Long: `Makes, lists and revokes the keys that let other people use this user's server.
Keys are kept as hashes in server.db, in the folder of the store. A server that
runs follows every change at its next request.`,
		Example: `  blitz keys create ann
  blitz keys list`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysCreate(), newKeysList(), newKeysRevoke())
	return cmd
}

// keyFlags are what a key may be made with.
type keyFlags struct {
	scopes, models                []string
	rpm, tpm, concurrent, monthly int64
	expires                       string
	asJSON                        bool
}

func newKeysCreate() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a key and print it, once",
		Long: `Makes a key and prints it. It cannot be shown again: only its hash is kept.

A limit of 0 is none. Tokens are those of prompts and answers together; a month
is one of the calendar, UTC. In the names of models * stands for any text; a
name without a tag means the tag latest.`,
		Example: `  blitz keys create ann
  blitz keys create ci --scope inference,models --tpm 20000 --expires 90d
  blitz keys create bob --rpm 60 --concurrent 4 --models 'deepseek-r1:*'`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error { return createKey(cmd, args[0], &f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.scopes, "scope", []string{string(account.Inference)}, "what it may do: inference, models (change which there are), admin (keys, usage)")
	fl.Int64Var(&f.rpm, "rpm", 0, "requests a minute")
	fl.Int64Var(&f.tpm, "tpm", 0, "tokens a minute")
	fl.Int64Var(&f.concurrent, "concurrent", 0, "requests at once")
	fl.Int64Var(&f.monthly, "monthly-tokens", 0, "tokens a month")
	fl.StringSliceVar(&f.models, "models", nil, "the models it may use (default all)")
	fl.StringVar(&f.expires, "expires", "", "when it expires: 90d, 12h, a day such as 2027-01-31, or never (default never)")
	fl.BoolVar(&f.asJSON, "json", false, "print the key as JSON, with what is known of it")
	return cmd
}

func createKey(cmd *cobra.Command, name string, f *keyFlags) error {
	scopes, err := account.ParseScopes(f.scopes...)
	if err != nil {
		return err
	}
	expires, err := account.ParseExpiry(f.expires, time.Now())
	if err != nil {
		return err
	}
	n := account.NewKey{Name: name, Scopes: scopes, Expires: expires, Limits: account.Limits{
		RequestsPerMinute: f.rpm, TokensPerMinute: f.tpm, Concurrent: f.concurrent, MonthlyTokens: f.monthly, Models: f.models,
	}}
	return withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) error {
		k, text, err := a.Create(ctx, n)
		if err != nil {
			return err
		}
		if f.asJSON {
			return writeJSON(cmd.OutOrStdout(), struct {
				account.Key
				Text string `json:"key"`
			}{k, text})
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: the key of %s is shown this once; only its hash is kept\n", printable(k.Name))
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	})
}

func newKeysList() *cobra.Command {
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys, without their texts",
		Example: `  blitz keys list
  blitz keys list --all --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys := []account.Key{}
			there, err := hasAccounts()
			if there {
				err = withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) error {
					list, err := a.List(ctx)
					for _, k := range list {
						if all || k.Revoked.IsZero() {
							keys = append(keys, k)
						}
					}
					return err
				})
			}
			if err != nil {
				return err
			}
			return writeKeys(cmd, keys, asJSON)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "with those that were revoked")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

func writeKeys(cmd *cobra.Command, keys []account.Key, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), keys)
	}
	if len(keys) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no keys; blitz keys create NAME makes one")
		return nil
	}
	now := time.Now()
	rows := [][]string{{"NAME", "KEY", "STATE", "SCOPES", "LIMITS", "MODELS", "CREATED", "EXPIRES"}}
	for _, k := range keys {
		expires := "never"
		if !k.Expires.IsZero() {
			expires = k.Expires.Format(time.DateOnly)
		}
		rows = append(rows, []string{
			printable(k.Name), k.Hint + "…", k.State(now), k.Scopes.String(), limitsText(k.Limits), orDash(strings.Join(k.Limits.Models, ",")),
			k.Created.Format(time.DateOnly), expires,
		})
	}
	return writeTable(cmd.OutOrStdout(), rows...)
}

// limitsText says limits in a few words.
func limitsText(l account.Limits) string {
	var words []string
	for _, x := range []struct {
		n    int64
		what string
	}{{l.RequestsPerMinute, "rpm"}, {l.TokensPerMinute, "tpm"}, {l.Concurrent, "at once"}, {l.MonthlyTokens, "tokens a month"}} {
		if x.n > 0 {
			words = append(words, strconv.FormatInt(x.n, 10)+" "+x.what)
		}
	}
	return orDash(strings.Join(words, ", "))
}

func newKeysRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take a key back for good",
		Long: `Takes a key back for good, by its name or its id. A server that runs refuses it
from the next request on; answers that are under way come to their end.`,
		Example: `  blitz keys revoke ann
  blitz keys revoke key_5xq2m4v7k3wdhn6a`,
		Args:              exactly("NAME"),
		ValidArgsFunction: completeKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			there, err := hasAccounts()
			if err == nil && !there {
				err = fmt.Errorf("account: %w: %q", account.ErrUnknown, args[0])
			}
			if err != nil {
				return err
			}
			return withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) error {
				k, err := a.Revoke(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "revoked %s (%s…)\n", printable(k.Name), k.Hint)
				return err
			})
		},
	}
}

// completeKeys completes the name of a key that may be revoked.
func completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if there, err := hasAccounts(); len(args) > 0 || err != nil || !there {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_ = withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) error { // a shell is no place for errors
		list, err := a.List(ctx)
		for _, k := range list {
			if k.Revoked.IsZero() {
				names = append(names, k.Name)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
