package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/merge"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// trainMergeFlags are the flags of train merge.
type trainMergeFlags struct {
	adapterFlags
	out, label, cpu string
	threads         count
}

func newTrainMerge() *cobra.Command {
	f := &trainMergeFlags{threads: count{min: 1, max: maxThreads}}
	cmd := &cobra.Command{
		Use:   "merge MODEL --adapter FOLDER --out OUT",
		Short: "Write a model with an adapter added to its weights",
		Long: `Writes a model again with a low-rank adapter (LoRA) added to its weights:
W + sBA, computed in float64 and rounded once. The result needs no adapter, here
or in other programs.

A folder of safetensors becomes a new folder OUT, with its tokenizer and all
that stands beside the weights; --type is F32, F16 or BF16, and weights of eight
bits become BF16. A GGUF file becomes the file OUT; --type is any label of blitz
quantize, and without it all tensors keep their types, those that change being
encoded again.`,
		Example: `  blitz train merge ./SmolLM2-135M --adapter ./adapter --out ./merged
  blitz train merge model-f16.gguf --adapter ./adapter --out merged.gguf \
    --type Q4_K_M`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.adapterFlags.add(cmd, "adapter")
	cmd.Flags().StringVar(&f.out, "out", "", "new `FOLDER`, or GGUF file, to write")
	cmd.Flags().StringVar(&f.label, "type", "", "`LABEL` of the types of matrices (default as they are)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	return cmd
}

func (f *trainMergeFlags) run(cmd *cobra.Command, name string) error {
	switch {
	case f.folder == "":
		return fault.Misuse(errors.New("train merge: --adapter FOLDER is missing"))
	case f.out == "":
		return fault.Misuse(errors.New("train merge: --out is missing"))
	}
	if f.cpu != "" {
		if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
			return fmt.Errorf("--cpu: %w", err)
		}
	}
	path, err := locate(cmd.Context(), cmd, name)
	if err != nil {
		return err
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer files.Close()
	if err := files.CheckWeights(); err != nil {
		return err
	}
	a, err := adapter.Open(f.folder)
	if err != nil {
		return err
	}
	defer a.Close()
	if !f.anyBase {
		if err := anyBaseHint(model.CheckBase(cmd.Context(), files, a, f.options().Digests)); err != nil {
			return err
		}
	}
	if files.GGUF() != nil {
		return f.writeGGUF(cmd, files, a)
	}
	return f.writeFolder(cmd, files, a)
}

// merging is the stage that train merge shows.
const merging hub.Stage = "merging"

// writeFolder merges a folder of safetensors.
func (f *trainMergeFlags) writeFolder(cmd *cobra.Command, files *checkpoint.Checkpoint, a *adapter.Adapter) error {
	o := merge.Options{Threads: f.threads.v}
	switch t, _ := tensor.ParseDType(strings.ToUpper(f.label)); {
	case f.label == "":
	case t == tensor.F32 || t == tensor.F16 || t == tensor.BF16:
		o.Type = t
	default:
		return fault.WithHint(fault.Misuse(fmt.Errorf("train merge: --type %s: want F32, F16 or BF16 for a folder of safetensors", printable(f.label))), "blitz quantize OUT FILE.gguf --type "+printable(f.label)+" goes on from the merged folder")
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	o.Progress = func(done, total int64) {
		p.report(hub.Progress{Stage: merging, What: filepath.Base(f.out), Done: done, Total: total})
	}
	err := merge.Folder(cmd.Context(), files, a, f.out, o)
	if errors.Is(err, merge.ErrPlace) {
		return fault.Misuse(fmt.Errorf("--out: %w", err))
	}
	return err
}

// writeGGUF merges a GGUF file.
func (f *trainMergeFlags) writeGGUF(cmd *cobra.Command, files *checkpoint.Checkpoint, a *adapter.Adapter) error {
	x, err := model.NewMerge(files, a)
	if err != nil {
		return err
	}
	plain, err := quantize.FromGGUF(files.GGUF(), files.Folder())
	if err != nil {
		return err
	}
	src, err := merge.Source(plain, x, a.Digest())
	if err != nil {
		return err
	}
	q := &quantizeFlags{label: f.label, threads: f.threads, source: filepath.Base(f.out), out: f.out}
	o := &quantize.Options{Mix: &quantize.Mix{FileType: fileTypeOf(files)}, Keep: true}
	if f.label == "" {
		err = merge.CheckKept(plain, x)
	} else if o, err = q.options(); err == nil {
		o.AllowRequantize = true // it was asked for, and what changes is encoded again anyway
	}
	if err != nil {
		return err
	}
	plan, err := quantize.NewPlan(src, o)
	if err != nil {
		return err
	}
	for _, n := range plan.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s\n", printable(n))
	}
	if err := q.writeFile(cmd.Context(), cmd, plan); err != nil {
		return err
	}
	return q.report(cmd, plan)
}

// guessed is general.file_type of a file that does not say.
const guessed = 1024

// fileTypeOf returns what a GGUF file says that most of its tensors are.
func fileTypeOf(files *checkpoint.Checkpoint) uint32 {
	for _, kv := range files.GGUF().KeyValues() {
		if n, ok := kv.Value.Int(); ok && kv.Key == "general.file_type" && n >= 0 && n < 1<<31 {
			return uint32(n)
		}
	}
	return guessed
}
