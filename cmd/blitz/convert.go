package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/convert"
	"github.com/blitz-r1/blitz/internal/quantize"
)

// convertFlags are the flags of convert.
type convertFlags struct {
	label   string
	threads count
}

func newConvert() *cobra.Command {
	f := &convertFlags{threads: count{min: 1, max: maxThreads}}
	cmd := &cobra.Command{
		Use:   "convert FOLDER OUT.gguf",
		Short: "Write a folder of safetensors as a GGUF file",
		Long: `Write a folder of safetensors, as models are published for training frameworks,
as one GGUF file that llama.cpp reads too: names and order of weights,
configuration, tokenizer, chat template, and modules of multi-token prediction.

LABEL is the type of matrices: F32, F16, BF16, Q8_0 or any of those that
blitz quantize -h lists; without it they keep the type that most of them have
(BF16 where that is FP8 with scales). Vectors, norms and routers stay F32.
blitz quantize takes a folder too, and has more flags.

What a GGUF file has no place for is said. Until the file is whole it is
OUT.gguf.part; what was stopped goes on where it was by the same command.`,
		Example: `  blitz convert ./Qwen3-4B qwen3-4b.gguf
  blitz convert ./DeepSeek-V2-Lite lite.gguf --type Q8_0`,
		Args: exactly("FOLDER", "OUT.gguf"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1]) },
	}
	cmd.Flags().StringVar(&f.label, "type", "", "`LABEL` of the types of matrices, such as F16 (default as they are)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	return cmd
}

// plainLabels are types of which a matrix that chooses positions stays float32; mixes have
// rules of their own.
var plainLabels = []string{"F32", "F16", "BF16", "Q8_0"}

func (f *convertFlags) run(cmd *cobra.Command, name, out string) error {
	path, err := locate(cmd.Context(), cmd, name)
	if err != nil {
		return err
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	folder, err := convert.Of(files)
	if err != nil {
		_ = files.Close() // it was only read
		return err
	}
	defer folder.Close()
	noteFolder(cmd, folder)
	q := &quantizeFlags{label: f.label, threads: f.threads, source: name, out: out}
	if q.label == "" {
		q.label = folder.DefaultType().String()
	}
	for _, label := range plainLabels {
		if strings.EqualFold(q.label, label) {
			q.overrides = []string{`\.(indexer\.proj|ffn_gate_inp)\.weight$=F32`}
		}
	}
	for _, name := range folder.Packed() {
		q.overrides = append(q.overrides, "^"+regexp.QuoteMeta(name)+"$=MXFP4")
	}
	o, err := q.options()
	if err != nil {
		return err
	}
	plan, err := quantize.NewPlan(folder, o)
	if err != nil {
		return err
	}
	if err := q.writeFile(cmd.Context(), cmd, plan); err != nil {
		return err
	}
	return q.report(cmd, plan)
}

// noteFolder says what the file does not tell as the folder does.
func noteFolder(cmd *cobra.Command, folder *convert.Folder) {
	for _, n := range folder.Notes() {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s: %s\n", printable(folder.Name()), printable(n))
	}
}
