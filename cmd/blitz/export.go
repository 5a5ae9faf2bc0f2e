package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

func newExport() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "export NAME PATH",
		Short: "Write a stored model to a file or folder",
		Long: `Writes a stored model for other programs: one of a single file to PATH, or into
it where it is a folder, one of several files to the folder PATH. The bytes are
shared with the store where the file system can (reflink), else copied, and
compared with their digests. Writing into what was exported changes nothing in
the store.

PATH is there whole or not at all. A file that is there is not written over;
with --force it is, and of a folder the files of the same names.`,
		Example: `  blitz export deepseek-r1:1.5b ~/models/r1.gguf
  blitz export r1-distill ./DeepSeek-R1-Distill-Qwen-1.5B`,
		Args:              exactly("NAME", "PATH"),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[1] == "" {
				return fault.Misuse(fmt.Errorf("blitz export: PATH is empty"))
			}
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			m, err := s.Get(args[0])
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), os.Getenv)
			path, err := s.Export(cmd.Context(), m, args[1], force, p.report)
			p.end()
			switch {
			case errors.Is(err, hub.ErrExists) && !force:
				return fault.WithHint(err, "--force writes over files")
			case errors.Is(err, hub.ErrDigest):
				return fault.WithHint(err, "blitz pull "+m.Name.Short()+" fetches again what is damaged")
			case err != nil:
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), printable(path))
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "write over files that are there")
	return cmd
}
