package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
)

func newImport() *cobra.Command {
	var asJSON, force bool
	cmd := &cobra.Command{
		Use:   "import PATH NAME",
		Short: "Take a model from the disk into the store",
		Long: `Takes a GGUF file (the first of a split one brings the others), a folder with
safetensors and their config.json, or a tokenizer alone into the store. The
bytes are shared with the original where the file system can, else copied.

A name that another model has is refused; with --force that model loses it.

A hard link shares them for good: deleting the original is harmless, writing
into it is noticed when the model is opened.`,
		Example: `  blitz import ~/Downloads/qwen3-4b-q4_k_m.gguf qwen3:4b
  blitz import ./DeepSeek-R1-Distill-Qwen-1.5B r1-distill`,
		Args: exactly("PATH", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return fault.Misuse(fmt.Errorf("blitz import: PATH is empty"))
			}
			s, err := openStore(cmd)
			if err != nil {
				return err
			}
			former, err := freeName(cmd, s, args[1], force)
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), os.Getenv)
			m, err := s.Import(cmd.Context(), args[0], args[1], p.report)
			p.end()
			if err != nil {
				return err
			}
			auditModel(cmd, "model.import", m.Name.String(), m.Digest())
			noteReplaced(cmd, former, m)
			return writeStored(cmd, m, asJSON)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "take the name from a model that has it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was stored as JSON")
	return cmd
}
