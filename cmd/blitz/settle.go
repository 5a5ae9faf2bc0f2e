package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
	"github.com/blitz-r1/blitz/receipt/usage"
)

func newSettle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "settle",
		Short: "Count usage between two sides, sign it, and net it",
		Long: `Counts what a provider computed for a consumer, from the receipts of answers.
The provider makes a receipt of usage, the consumer counts its own receipts and
signs it too; only what both signed counts. Net adds up months: who owes whom.
Nothing is paid here.`,
		Example: `  blitz settle net -h
  blitz settle make -h`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSettleMake(), newSettleSign(), newSettleNet())
	return cmd
}

// readUsage reads a receipt of usage.
func readUsage(path string) (*usage.Receipt, error) {
	text, err := readSigned(path, usage.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hub.NotFoundError{Name: path, Path: true}
	}
	if err != nil {
		return nil, err
	}
	r, err := usage.Parse(text)
	return r, signed.In(path, err)
}

// countReceipts reads receipts of answers, which have to be signed by one of the keys, and
// counts them in the order that is given.
func countReceipts(paths []string, keys []*signed.PublicKey) (*usage.Statement, error) {
	var list []*receipt.Receipt
	var statements []*receipt.Statement
	seen := map[string]bool{}
	for _, p := range paths {
		r, err := readReceipt(p)
		if err != nil {
			return nil, err
		}
		v, err := r.Verify(receipt.Check{Keys: keys})
		switch {
		case err != nil:
			return nil, signed.In(p, err)
		case seen[string(r.Leaf())]:
			return nil, signed.Refuse(signed.Form, "a receipt that was given before, in %s", p)
		case len(statements) > 0 && v.Statement.Model.Root != statements[0].Model.Root:
			return nil, signed.Refuse(signed.Model, "a receipt of another model, in %s", p)
		}
		seen[string(r.Leaf())] = true
		list, statements = append(list, r), append(statements, v.Statement)
	}
	return usage.Count(list, statements), nil
}

func newSettleMake() *cobra.Command {
	var key, consumer, currency, out, previous string
	var amount int64
	cmd := &cobra.Command{
		Use:   "make RECEIPT… --key KEY --consumer PUB",
		Short: "Make a receipt of usage of receipts, signed by the provider",
		Long: `Makes a receipt of usage of the provider's own receipts, which are counted in
the order that is given, and signs it. It counts once the consumer has signed
too. With --previous it goes on from the one before.`,
		Example: `  blitz settle make r1.json r2.json --key provider.pem --consumer consumer.pub \
    --currency EUR --amount 1500000 --out u1.json
  blitz settle make r3.json --key provider.pem --consumer consumer.pub \
    --currency EUR --amount 700000 --previous u1.json --out u2.json`,
		Args: atLeast("RECEIPT"),
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" || consumer == "" || out == "" || currency == "" {
				return fault.Misuse(errors.New("settle make: want --key, --consumer, --currency and --out"))
			}
			private, err := readPrivateKey(key)
			if err != nil {
				return err
			}
			other, err := readPublicKey(consumer)
			if err != nil {
				return err
			}
			s, err := countReceipts(args, []*signed.PublicKey{private.Public()})
			if err != nil {
				return err
			}
			s.Provider, s.Consumer, s.Sequence, s.Currency, s.Amount = private.Public().ID(), other.ID(), 1, currency, amount
			if previous != "" {
				before, err := readUsage(previous)
				if err != nil {
					return err
				}
				last, err := before.VerifyHalf([]*signed.PublicKey{private.Public(), other})
				if err != nil {
					return signed.In(previous, err)
				}
				s.Sequence, s.Previous = last.Sequence+1, before.Digest()
			}
			r, err := usage.New(s, private)
			if err != nil {
				return err
			}
			return writeNew(out, r.Text())
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "private key `FILE` of the provider, which signed the receipts")
	cmd.Flags().StringVar(&consumer, "consumer", "", "public key `FILE` of the consumer")
	cmd.Flags().StringVar(&currency, "currency", "", "three `capitals`, such as EUR")
	cmd.Flags().Int64Var(&amount, "amount", 0, "`millionths` of the currency")
	cmd.Flags().StringVar(&previous, "previous", "", "`FILE` of the receipt of usage before this one")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of the receipt of usage")
	return cmd
}

func newSettleSign() *cobra.Command {
	var key, provider, out string
	var receipts []string
	cmd := &cobra.Command{
		Use:   "sign USAGE --key KEY --provider PUB --receipt FILE…",
		Short: "Count receipts as the consumer, and sign what they come to",
		Long: `Counts the consumer's receipts in the order that is given, and signs a receipt
of usage if it says the same: number, root, tokens and model.`,
		Example: `  blitz settle sign u1.json --key consumer.pem --provider provider.pub \
    --receipt r1.json --receipt r2.json --out u1-signed.json
  blitz settle sign -h`,
		Args: exactly("USAGE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" || provider == "" || out == "" || len(receipts) == 0 {
				return fault.Misuse(errors.New("settle sign: want --key, --provider, --receipt and --out"))
			}
			private, err := readPrivateKey(key)
			if err != nil {
				return err
			}
			other, err := readPublicKey(provider)
			if err != nil {
				return err
			}
			r, err := readUsage(args[0])
			if err != nil {
				return err
			}
			said, err := r.VerifyHalf([]*signed.PublicKey{other})
			if err != nil {
				return signed.In(args[0], err)
			}
			own, err := countReceipts(receipts, []*signed.PublicKey{other})
			if err != nil {
				return err
			}
			if said.Count != own.Count || said.Root != own.Root || said.Prompt != own.Prompt || said.Cached != own.Cached || said.Output != own.Output || said.Model != own.Model {
				return signed.Refuse(signed.Digest, "%s says %d receipts with the root %s, those that were given are %d with the root %s", args[0], said.Count, said.Root, own.Count, own.Root)
			}
			both, err := r.Countersign(private)
			if err != nil {
				return err
			}
			if _, err := both.Verify([]*signed.PublicKey{other, private.Public()}); err != nil {
				return signed.In(args[0], err)
			}
			return writeNew(out, both.Text())
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "private key `FILE` of the consumer")
	cmd.Flags().StringVar(&provider, "provider", "", "public key `FILE` of the provider")
	cmd.Flags().StringArrayVar(&receipts, "receipt", nil, "`FILE` of a receipt of the consumer's own; may be given several times")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of what both signed")
	return cmd
}

func newSettleNet() *cobra.Command {
	var keys []string
	var month string
	var asJSON, asCSV bool
	cmd := &cobra.Command{
		Use:   "net USAGE… --key PUB --month YYYY-MM",
		Short: "Add up a month: who owes whom",
		Long: `Adds up receipts of usage that both sides signed, over a month (UTC, by their
end): what one side of each pair owes the other in each currency, in millionths.
Each counts once. Where receipts of a pair are missing or do not follow each
other, that is said on stderr.`,
		Example: `  blitz settle net u*.json --key a.pub --key b.pub --month 2026-11
  blitz settle net u*.json --key a.pub --key b.pub --month 2026-11 --csv`,
		Args: atLeast("USAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse("2006-01", month)
			if err != nil {
				return fault.Misuse(fmt.Errorf("settle net: --month %q, want YYYY-MM", month))
			}
			if len(keys) == 0 {
				return fault.Misuse(errors.New("settle net: --key PUB is missing: whose signatures count?"))
			}
			public, err := readPublicKeys(keys)
			if err != nil {
				return err
			}
			var list []*usage.Receipt
			for _, p := range args {
				r, err := readUsage(p)
				if err != nil {
					return sayRefused(cmd, asJSON, err)
				}
				list = append(list, r)
			}
			rows, gaps, err := usage.Net(list, args, public, at)
			if err != nil {
				return sayRefused(cmd, asJSON, err)
			}
			for _, g := range gaps {
				fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s\n", printable(g))
			}
			return writeNet(cmd, rows, asJSON, asCSV)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "public key `FILE` of a side; may be given several times")
	cmd.Flags().StringVar(&month, "month", "", "the `month`, YYYY-MM")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print the table as CSV")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the table as JSON")
	return cmd
}

func writeNet(cmd *cobra.Command, rows []usage.Row, asJSON, asCSV bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), rows)
	}
	if asCSV {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), usage.CSVHead); err != nil {
			return err
		}
		for _, r := range rows {
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), r.CSV()); err != nil {
				return err
			}
		}
		return nil
	}
	table := [][]string{{"PAYER", "PAYEE", "CURRENCY", "MILLIONTHS", "RECEIPTS"}}
	for _, r := range rows {
		table = append(table, []string{r.Payer[:16], r.Payee[:16], r.Currency, r.Amount.String(), fmt.Sprint(r.Receipts)})
	}
	return writeTable(cmd.OutOrStdout(), table...)
}
