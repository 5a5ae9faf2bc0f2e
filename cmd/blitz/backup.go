package main

import (
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/database"
)

func newBackup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the server's records to a file, also while it runs",
		Long: `Copies the server's records (keys as hashes, usage, audit, stored answers) as
they are at one moment to a file, also while a server runs. The file is there
whole or not at all; one that exists is not overwritten. To go back to it, stop
the server and put it in place of server.db in the folder of the store.`,
		Example: `  blitz backup /backup/blitz-2026-11-29.db
  blitz backup "/backup/blitz-$(date +%F).db"`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := databasePath()
			if err != nil {
				return err
			}
			if there, err := hasAccounts(); err != nil || !there {
				if err == nil {
					err = fmt.Errorf("database: %w", &fs.PathError{Op: "backup", Path: path, Err: fs.ErrNotExist})
				}
				return err
			}
			db, err := database.Open(cmd.Context(), path)
			if err != nil {
				return err
			}
			defer db.Close()
			if err := db.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is a copy of %s\n", printable(args[0]), printable(path))
			return err
		},
	}
}
