package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/hub"
)

// databasePath returns where the server keeps its records: in the folder of the store.
func databasePath() (string, error) {
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, database.FileName), nil
}

// withAccounts opens the accounts of the store for the owner, and closes them behind use.
func withAccounts(ctx context.Context, use func(ctx context.Context, a *account.Accounts) error) error {
	path, err := databasePath()
	if err != nil {
		return err
	}
	db, err := database.Open(ctx, path, account.Tables)
	if err != nil {
		return err
	}
	defer db.Close()
	a, err := account.Open(ctx, db, account.Options{})
	if err != nil {
		return err
	}
	return errors.Join(use(account.With(ctx, account.Owner()), a), a.Close())
}

// hasAccounts says whether there is a file of records. Who only looks makes none.
func hasAccounts() (bool, error) {
	path, err := databasePath()
	if err != nil {
		return false, err
	}
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("database: %w", err)
	}
	return true, nil
}

// auditModel writes down that the user changed a model, where there are records: who has
// no server needs none. What was changed stays so where that fails.
func auditModel(cmd *cobra.Command, action, name string, digest hub.Digest) {
	there, err := hasAccounts()
	if there {
		err = withAccounts(cmd.Context(), func(ctx context.Context, a *account.Accounts) error {
			return a.Audit(ctx, action, name, map[string]string{"digest": digest.String(), "by": "command line"})
		})
	}
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: the audit does not have it: %s\n", printable(err.Error()))
	}
}
