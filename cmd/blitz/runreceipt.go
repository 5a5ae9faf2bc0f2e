package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// receiptFlags are the flags of verbs that make receipts.
type receiptFlags struct {
	out, key, log string
	notary        *attest.Notary // nil: no receipt is asked for
	close         func()
}

func (f *receiptFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.out, "receipt", "", "write a receipt of the answer to `FILE`: which model, program and settings gave which tokens (blitz verify)")
	cmd.Flags().StringVar(&f.key, "receipt-key", "", "private ed25519 key `FILE` that signs receipts")
	cmd.Flags().StringVar(&f.log, "log", "", "`FOLDER` of the log that the receipt is written down in (blitz log)")
}

// check checks the flags and reads the key, before any work is done.
func (f *receiptFlags) check(cmd *cobra.Command) error {
	f.close = func() {}
	switch {
	case f.out == "" && f.key == "" && f.log == "":
		return nil
	case f.out == "":
		return fault.Misuse(errors.New("run: --receipt-key and --log need --receipt FILE"))
	case f.key == "":
		return fault.Misuse(errors.New("run: --receipt needs --receipt-key FILE"))
	}
	n, closeLog, err := openNotary(cmd.Context(), f.key, f.log)
	if err != nil {
		return err
	}
	f.notary, f.close = n, closeLog
	return nil
}

// openNotary returns who signs receipts with a key, and writes them down in a log unless
// that is "".
func openNotary(ctx context.Context, keyFile, logFolder string) (n *attest.Notary, closeLog func(), err error) {
	key, err := readPrivateKey(keyFile)
	if err != nil {
		return nil, nil, err
	}
	if _, err := key.Ed25519(); err != nil {
		return nil, nil, signed.In(keyFile, err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	n = &attest.Notary{Key: key, Digests: digestMemory()}
	if n.Program, err = attest.NewProgram(ctx, readBuild().Version, program, n.Digests); err != nil {
		return nil, nil, err
	}
	if logFolder == "" {
		return n, func() {}, nil
	}
	w, err := audit.Open(ctx, logFolder)
	if err != nil {
		return nil, nil, err
	}
	n.Log = audit.Receipts{Writer: w}
	return n, w.Close, nil
}

// wanted says whether a receipt is asked for.
func (f *receiptFlags) wanted() bool { return f.notary != nil }

// subject returns what answers.
func (f *runFlags) subject(ctx context.Context, o *running) (*attest.Subject, error) {
	template := ""
	if t, err := o.chatTemplate(); err == nil && !o.plain {
		template = t.Source()
	}
	s, err := attest.NewSubject(ctx, o.model, filepath.Base(o.name), template, digestMemory())
	if err == nil && o.vouched != nil {
		s.Model.Signature = o.vouched.Signature.Hex()
	}
	if err == nil && f.lora.folder != "" {
		s.Adapter, err = attest.AdapterRoot(ctx, f.lora.folder, digestMemory())
	}
	return s, err
}

// certified answers a request as answer does, and writes its receipt.
func (f *runFlags) certified(o *running, r blitz.Request) (*blitz.Answer, error) {
	ctx := f.cmd.Context()
	subject, err := f.subject(ctx, o)
	if err != nil {
		return nil, err
	}
	held := attest.Constraints{Schema: f.schema, Stop: r.Stop, Bias: r.Sampling.LogitBias, Tools: r.Tools, Calls: r.Calls}
	constraints, err := held.Value()
	if err != nil {
		return nil, err
	}
	var rec *attest.Recording // of the last answer, where calls of tools stand before it
	r.ObserveOf = func(int) func(int32, []float32) {
		if rec != nil {
			rec.Close()
		}
		rec = attest.NewRecording(o.model.VocabSize(), o.engine.Context())
		return rec.Observe
	}
	a, err := f.answer(o, r)
	if rec != nil {
		defer rec.Close()
	}
	if err != nil {
		return nil, err
	}
	made, err := f.receipt.notary.Certify(context.WithoutCancel(ctx), subject, a, rec, constraints, attest.NewRequestID())
	if err != nil {
		return nil, fmt.Errorf("run --receipt: %w", err)
	}
	return a, writeReceipt(f.receipt.out, made)
}

func writeReceipt(path string, r *receipt.Receipt) error { return writeNew(path, r.Text()) }
