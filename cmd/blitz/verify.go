package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

// verifyFlags are the flags of verify: of signatures, and of receipts.
type verifyFlags struct {
	asJSON bool
	keys   []string

	signature            string
	authorities, ignored []string
	at                   string
	receipt              verifyReceiptFlags
	allowExtra, subset   bool
}

func newVerify() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify NAME|MODEL|RECEIPT",
		Short: "Check a stored model, the signature of a model, or a receipt",
		Long: `Without further flags it reads every byte of a stored model and compares with
the digests that it was stored with. What differs or is gone is named, and the
exit code is 4.

With --signature it checks who signed a model (OpenSSF Model Signing 1.0), and
that its files are those that were signed: by the key of --key, or by one whose
certificates lead to an authority of --ca. It says what it checked, and nothing
about whether the model is any good.

Of a receipt (a file that begins with "{", or --key without --signature) it
checks key, signature, every field, and what is opened of prompt and answer;
with --log-key that it stands in a log. With --model the model computes the
answer again, in one prefill: the first token that differs is named. A receipt
whose prompt or answer was taken out cannot be decided that way: exit code 1,
unless --opening brings them.

A refusal has exit code 4 and begins with its reason in one word: form, type,
algorithm, key, signature, certificate, path, link, missing, extra, digest,
root, log, inclusion, witness, opening, model, tokenizer, template, output,
chain.`,
		Example: `  blitz verify deepseek-r1:1.5b
  blitz verify ./DeepSeek-R1 --signature DeepSeek-R1.sig --key vendor.pem.pub
  blitz verify answer.json --key operator.pub --model ./DeepSeek-R1`,
		Args:              exactly("NAME|MODEL|RECEIPT"),
		ValidArgsFunction: completeModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			return sayRefused(cmd, f.asJSON, f.run(cmd, args[0]))
		},
	}
	cmd.Flags().StringVar(&f.signature, "signature", "", "the signature `FILE` of the model")
	cmd.Flags().StringArrayVar(&f.keys, "key", nil, "public key `FILE` that has to have signed; of a receipt one of several")
	cmd.Flags().StringArrayVar(&f.authorities, "ca", nil, "certificate `FILE` of an authority; may be given several times")
	cmd.Flags().StringVar(&f.at, "at", "", "`time` at which certificates have to be valid, such as 2026-11-28T09:00:00Z (default now)")
	addIgnore(cmd, &f.ignored)
	cmd.Flags().BoolVar(&f.allowExtra, "allow-extra", false, "files that were not signed may be there")
	cmd.Flags().BoolVar(&f.subset, "subset", false, "files that no model reads may be missing; they are listed")
	f.receipt.add(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// run tells what is to be checked.
func (f *verifyFlags) run(cmd *cobra.Command, name string) error {
	if f.signature != "" {
		return f.model(cmd, name)
	}
	if st, err := os.Stat(name); len(f.authorities) > 0 || len(f.keys) > 0 && err == nil && st.IsDir() {
		return fault.Misuse(fmt.Errorf("verify: --signature FILE is missing"))
	}
	if len(f.keys) > 0 || isReceipt(name) {
		return f.answer(cmd, name)
	}
	return f.stored(cmd, name)
}

// stored compares a stored model with its digests.
func (f *verifyFlags) stored(cmd *cobra.Command, name string) error {
	s, err := openStore(cmd)
	if err != nil {
		return err
	}
	m, err := s.Get(name)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	damaged, err := s.Check(cmd.Context(), m, p.report)
	p.end()
	if err != nil {
		return err
	}
	if err := writeVerified(cmd, m, damaged, f.asJSON); err != nil {
		return err
	}
	return damagedError(m, damaged)
}

// verified is the JSON of verify.
type verified struct {
	Name  string         `json:"name"`
	Whole bool           `json:"whole"`
	Files []verifiedFile `json:"files"`
}

type verifiedFile struct {
	hub.File
	Damage string `json:"damage,omitempty"` // what is wrong with it
}

func writeVerified(cmd *cobra.Command, m *hub.Model, damaged map[string]error, asJSON bool) error {
	if asJSON {
		v := verified{Name: m.Name.String(), Whole: len(damaged) == 0}
		for _, f := range m.Files {
			one := verifiedFile{File: f}
			if err := damaged[f.Name]; err != nil {
				one.Damage, _ = explain(err)
			}
			v.Files = append(v.Files, one)
		}
		return writeJSON(cmd.OutOrStdout(), v)
	}
	if len(damaged) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, as stored\n", m.Name.Short(), counted(len(m.Files), "file"), hub.FormatBytes(m.Size()))
	return err
}

// damagedError names what is wrong, nil where nothing is.
func damagedError(m *hub.Model, damaged map[string]error) error {
	var faults []error
	for _, f := range m.Files {
		if err := damaged[f.Name]; err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	err := fault.Refusal(fmt.Errorf("%s: %w", m.Name.Short(), errors.Join(faults...)))
	if origin, parseErr := hub.ParseSource(m.Origin.Source); parseErr == nil && origin.Remote() {
		return fault.WithHint(err, "blitz pull "+m.Name.Short()+" fetches again what is damaged")
	}
	return fault.WithHint(err, "blitz import PATH "+m.Name.Short()+" --force takes it anew, from where it came")
}
