package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
)

// speculateFlags say what guesses of coming tokens come from.
type speculateFlags struct {
	kind  choice
	draft string
}

func (f *speculateFlags) add(cmd *cobra.Command) {
	f.kind = choice{from: []string{
		engine.SpeculateAuto.String(), engine.SpeculateOff.String(), engine.SpeculateNgram.String(), engine.SpeculateDraft.String(), engine.SpeculateMTP.String(),
	}}
	cmd.Flags().Var(&f.kind, "speculate", "guess coming tokens and compute them at once, which changes no bit of any answer: `auto|off|ngram|draft|mtp` (default auto: by the draft model, else by what stood behind the same words, where that pays)")
	cmd.Flags().StringVar(&f.draft, "draft", "", "a smaller `MODEL` of the same vocabulary that guesses, or a GGUF file of the model's own draft layers")
}

// check says what is wrong with the flags together.
func (f *speculateFlags) check(verb string) error {
	switch kind := f.kind.v; {
	case kind == engine.SpeculateDraft.String() && f.draft == "":
		return fault.Misuse(fmt.Errorf("%s: --speculate draft, and no --draft MODEL", verb))
	case f.draft != "" && (kind == engine.SpeculateOff.String() || kind == engine.SpeculateNgram.String()):
		return fault.Misuse(fmt.Errorf("%s: --draft with --speculate %s", verb, kind))
	}
	return nil
}

// find opens the files of --draft where they are of the model's own draft layers: the model is
// opened with them, and they are to be closed.
func (f *speculateFlags) find(e *engineFlags) (closed func(), err error) {
	closed = func() {}
	if f.draft == "" {
		return closed, nil
	}
	files, err := openFiles(e.set, f.draft)
	if err != nil {
		return closed, fmt.Errorf("--draft: %w", err)
	}
	mtp := f.kind.v == engine.SpeculateMTP.String()
	if files.HoldsDrafts() {
		e.drafts = files
		return func() { files.Close() }, nil
	}
	files.Close()
	if mtp {
		return closed, fault.Misuse(fmt.Errorf("--draft with --speculate mtp: %s is a whole model, and no file of draft layers", f.draft))
	}
	return closed, nil
}

// source returns what guesses come from.
func (f *speculateFlags) source(e *engineFlags) string {
	if e.drafts != nil {
		return engine.SpeculateMTP.String()
	}
	return f.kind.v
}

// wantsMTP says whether the model's module of multi-token prediction is to be opened.
func (f *speculateFlags) wantsMTP() bool { return f.kind.v == engine.SpeculateMTP.String() }

// open opens the draft model, nil where there is none.
func (f *speculateFlags) open(e *engineFlags) (*blitz.Model, error) {
	if f.draft == "" || e.drafts != nil {
		return nil, nil
	}
	whole := *e
	whole.experts = size{set: true} // a draft model that waits for its experts would save nothing
	m, err := whole.openModel(e.set.Context(), f.draft, false)
	if err != nil {
		return nil, fmt.Errorf("--draft: %w", err)
	}
	return m, nil
}
