package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/receipt"
)

func newReceipt() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "receipt",
		Short: "Show a receipt, or take the prompt and the answer out of it",
		Long: `A receipt says which model, program and settings gave which tokens to which
prompt, signed by who computed them (run --receipt, serve --receipt-key). It
commits to prompt and answer by salted sums: both can be taken out, and the
signature still holds. blitz verify checks receipts.`,
		Example: `  blitz receipt show answer.json
  blitz receipt redact -h`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReceiptShow(), newReceiptRedact(), newReceiptProve())
	return cmd
}

// readReceipt reads the file of a receipt.
func readReceipt(path string) (*receipt.Receipt, error) {
	r, err := receipt.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hub.NotFoundError{Name: path, Path: true}
	}
	return r, err
}

func newReceiptShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show RECEIPT",
		Short: "Show what a receipt says, unchecked",
		Example: `  blitz receipt show answer.json
  blitz receipt show answer.json --json`,
		Args: exactly("RECEIPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readReceipt(args[0])
			if err != nil {
				return sayRefused(cmd, asJSON, err)
			}
			s, err := r.Statement()
			if err != nil {
				return sayRefused(cmd, asJSON, err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), json.RawMessage(r.Payload()))
			}
			return writeReceiptShown(cmd, r, s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the signed statement as JSON")
	return cmd
}

func writeReceiptShown(cmd *cobra.Command, r *receipt.Receipt, s *receipt.Statement) error {
	opened := func(is bool) string {
		if is {
			return "opened"
		}
		return "taken out"
	}
	rows := [][]string{
		{"says it is signed by", fmt.Sprint(r.KeyIDs())},
		{"model", printable(s.Model.Name) + ", root " + s.Model.Root},
		{"arithmetic", arithmetic(&s.Profile)},
		{"program", printable(s.Program.Version) + ", " + s.Program.SHA256},
		{"seed", fmt.Sprint(s.Parameters.Seed)},
		{"prompt", fmt.Sprintf("%s, %s", counted(int(s.Usage.PromptTokens), "token"), opened(r.Opening != nil && r.Opening.Prompt != nil))},
		{"answer", fmt.Sprintf("%s (%s), %s", counted(int(s.Usage.OutputTokens), "token"), s.Finish, opened(r.Opening != nil && r.Opening.Output != nil))},
		{"time", s.Started.Format("2006-01-02 15:04:05Z") + " to " + s.Finished.Format("15:04:05Z")},
	}
	if s.Adapter != "" {
		rows = slices.Insert(rows, 2, []string{"adapter", "root " + s.Adapter})
	}
	if s.Log != "" {
		rows = append(rows, []string{"log", printable(s.Log)})
	}
	return writeTable(cmd.OutOrStdout(), append(rows, []string{"", "nothing of this was checked: blitz verify"})...)
}

// arithmetic says what a profile is.
func arithmetic(p *receipt.Profile) string {
	text := fmt.Sprintf("%s, attention %s, cache %s", printable(p.Name), p.MLA, p.Cache)
	if p.Rope != "" {
		text += ", rotary embedding " + printable(p.Rope)
	}
	return text
}

func newReceiptRedact() *cobra.Command {
	part := choice{from: []string{string(receipt.Prompt), string(receipt.Output), string(receipt.All)}, v: string(receipt.All)}
	var out string
	cmd := &cobra.Command{
		Use:   "redact RECEIPT --out FILE",
		Short: "Take the prompt or the answer out of a receipt",
		Long: `Takes the prompt (and what the answer was held to), the answer, or both out of a
receipt. What was signed stays as it is: the receipt verifies as before. Keep
the whole one, or nobody can compute the answer again.`,
		Example: `  blitz receipt redact answer.json --part prompt --out shown.json
  blitz receipt redact answer.json --part all --out shown.json`,
		Args: exactly("RECEIPT"),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return fault.Misuse(errors.New("receipt redact: --out FILE is missing"))
			}
			r, err := readReceipt(args[0])
			if err != nil {
				return err
			}
			return writeReceipt(out, r.Redact(receipt.Part(part.v)))
		},
	}
	cmd.Flags().Var(&part, "part", "what is taken out: `prompt|output|all`")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of the redacted receipt")
	return cmd
}

func newReceiptProve() *cobra.Command {
	var log, out string
	cmd := &cobra.Command{
		Use:   "prove RECEIPT --log DIR",
		Short: "Renew the proof that a receipt stands in a log",
		Long: `Puts the newest proof that a receipt stands in a log into it: with the newest
checkpoint, and what witnesses have cosigned by now.`,
		Example: `  blitz receipt prove answer.json --log ./log
  blitz receipt prove answer.json --log ./log --out proved.json`,
		Args: exactly("RECEIPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if log == "" {
				return fault.Misuse(errors.New("receipt prove: --log DIR is missing"))
			}
			r, err := readReceipt(args[0])
			if err != nil {
				return err
			}
			l, err := audit.Read(log)
			if err != nil {
				return err
			}
			index, err := l.Find(cmd.Context(), r.Leaf())
			if err != nil {
				return err
			}
			if l, err = audit.ReadFor(log, index); err != nil {
				return err
			}
			p, err := l.Prove(index)
			if err != nil {
				return err
			}
			if r.Proof = p.Text(); out == "" {
				out = args[0]
			}
			return writeReceipt(out, r)
		},
	}
	cmd.Flags().StringVar(&log, "log", "", "`FOLDER` of the log")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of the proved receipt (default RECEIPT itself)")
	return cmd
}
