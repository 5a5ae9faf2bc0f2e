package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/convert"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/quantize"
)

// quantizeFlags are the flags of quantize.
type quantizeFlags struct {
	label, imatrix     string
	output, embedding  string
	overrides          []string
	pure, requantize   bool
	keepSplit, dry     bool
	force, asJSON      bool
	threads            count
	source, out, store string // SRC, and where it goes: a file, or a name in the store
}

func newQuantize() *cobra.Command {
	f := &quantizeFlags{threads: count{min: 1, max: maxThreads}}
	cmd := &cobra.Command{
		Use:   "quantize SRC OUT --type LABEL",
		Short: "Write a model with smaller weights",
		Long: `Writes a model again with weights of other types. SRC is a GGUF file (the first
of a split one), a folder with safetensors, a stored name or a source that is
pulled first. OUT with a slash or the ending .gguf is a file, else a name in the
store.

LABEL is one of llama.cpp's mixes, and gives each tensor the same type as there:
  ` + wrapWords(quantize.Labels(), helpWidth-4, "\n  ") + `

With an importance matrix, as blitz imatrix gathers it, the errors of weights
that matter are smaller; the types of one and two bits are of no use without.
Rows that no block of a type divides get the type of smaller blocks, or F16.

All processors encode, and how many there are changes no bit of the file. Until
it is whole it is OUT.part; what was stopped goes on where it was by the same
command. Memory stays below 2 GiB whatever the model.`,
		Example: `  blitz quantize model-f16.gguf model-q4.gguf --type Q4_K_M
  blitz quantize ./Qwen3-4B qwen3:4b-iq2 --type IQ2_M --imatrix qwen3.gguf
  blitz quantize model-f16.gguf out.gguf --type Q4_K_M --dry-run
  blitz quantize model-f16.gguf out.gguf --type Q4_K_M \
    --tensor-type 'ffn_down=Q6_K' --tensor-type 'blk\.0\.=Q8_0'`,
		Args: exactly("SRC", "OUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.source = args[0]
			return f.run(cmd, args[1])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.label, "type", "", "`LABEL` of the mix of types, such as Q4_K_M")
	flags.StringVar(&f.imatrix, "imatrix", "", "importance matrix, a `FILE` of either form")
	flags.BoolVar(&f.pure, "pure", false, "one type for all matrices, embedding and output too")
	flags.StringArrayVar(&f.overrides, "tensor-type", nil, "`REGEX=TYPE` for matrices whose names have it; the first that fits counts")
	flags.StringVar(&f.output, "output-type", "", "`TYPE` of output.weight")
	flags.StringVar(&f.embedding, "embedding-type", "", "`TYPE` of token_embd.weight")
	flags.BoolVar(&f.requantize, "allow-requantize", false, "take a model that is quantised already, and lose twice")
	flags.BoolVar(&f.keepSplit, "keep-split", false, "write as many files as SRC has")
	flags.BoolVar(&f.dry, "dry-run", false, "read no weights: say which types there would be, and how large")
	flags.BoolVar(&f.force, "force", false, "take the name from a stored model that has it")
	flags.BoolVar(&f.asJSON, "json", false, "print types and sizes as JSON")
	flags.VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	return cmd
}

// wrapWords joins words by spaces, and by between where a line would be longer than so
// many cells.
func wrapWords(words []string, cells int, between string) string {
	var text strings.Builder
	at := 0
	for _, w := range words {
		switch {
		case at == 0:
		case at+1+len(w) > cells:
			text.WriteString(between)
			at = 0
		default:
			text.WriteString(" ")
			at++
		}
		text.WriteString(w)
		at += len(w)
	}
	return text.String()
}

func (f *quantizeFlags) run(cmd *cobra.Command, out string) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	if err := f.place(cmd, out); err != nil {
		return err
	}
	if f.imatrix != "" {
		if o.Importance, err = importance.Open(f.imatrix); err != nil {
			return err
		}
		defer o.Importance.Close()
		o.ImportancePath = f.imatrix
	}
	src, err := openSource(cmd, f.source)
	if err != nil {
		return err
	}
	defer src.Close()
	plan, err := quantize.NewPlan(src, o)
	if err != nil {
		return err
	}
	for _, n := range plan.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s\n", printable(n))
	}
	if !f.dry {
		if err := f.write(cmd, plan); err != nil {
			return err
		}
	}
	return f.report(cmd, plan)
}

// options reads the flags.
func (f *quantizeFlags) options() (*quantize.Options, error) {
	o := &quantize.Options{Pure: f.pure, AllowRequantize: f.requantize, KeepSplit: f.keepSplit}
	var err error
	if f.label == "" {
		return nil, fault.WithHint(fault.Misuse(errors.New("quantize: --type LABEL is missing")), "--type Q4_K_M is what most people take; blitz quantize -h lists all")
	}
	if o.Mix, err = quantize.ParseMix(f.label); err != nil {
		return nil, fmt.Errorf("--type: %w", err)
	}
	for _, text := range f.overrides {
		r, err := quantize.ParseOverride(text)
		if err != nil {
			return nil, fmt.Errorf("--tensor-type: %w", err)
		}
		o.Overrides = append(o.Overrides, r)
	}
	if f.output != "" {
		if o.Output, err = quantize.ParseType(f.output); err != nil {
			return nil, fmt.Errorf("--output-type: %w", err)
		}
	}
	if f.embedding != "" {
		if o.Embedding, err = quantize.ParseType(f.embedding); err != nil {
			return nil, fmt.Errorf("--embedding-type: %w", err)
		}
	}
	return o, nil
}

// place finds out where the model goes. What gets a name in the store is written beside
// the store's own files first, so that its bytes need no copy.
func (f *quantizeFlags) place(cmd *cobra.Command, out string) error {
	switch {
	case out == "":
		return fault.Misuse(errors.New("quantize: OUT is empty"))
	case strings.ContainsAny(out, "/"+string(filepath.Separator)), strings.HasSuffix(strings.ToLower(out), ".gguf"):
		f.out = out
		return nil
	}
	name, err := hub.ParseName(out)
	if err != nil {
		return fault.WithHint(err, "./"+out+" is a file of that name")
	}
	if f.keepSplit {
		return fault.WithHint(fault.Misuse(fmt.Errorf("quantize: --keep-split: %s is a name in the store, which keeps one file", out)), "./"+out+".gguf is a file")
	}
	f.store = out
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return err
	}
	f.out = filepath.Join(home, "quantize", strings.NewReplacer("/", "+", ":", "+").Replace(name.String())+".gguf")
	return nil
}

// openSource opens a model to be written with other types: GGUF files, or a folder with
// safetensors as the GGUF file that it becomes.
func openSource(cmd *cobra.Command, name string) (quantize.Source, error) {
	path, err := locate(cmd.Context(), cmd, name)
	if err != nil {
		return nil, err
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(c)
	if err != nil {
		_ = c.Close() // it was only read
		return nil, err
	}
	if folder, ok := src.(*convert.Folder); ok {
		noteFolder(cmd, folder)
	}
	return src, nil
}

func sourceOf(c *checkpoint.Checkpoint) (quantize.Source, error) {
	if err := c.CheckWeights(); err != nil {
		return nil, err
	}
	if f := c.GGUF(); f != nil {
		return quantize.FromGGUF(f, c.Folder())
	}
	return convert.Of(c)
}

// write writes the model, and takes it into the store where it gets a name there.
func (f *quantizeFlags) write(cmd *cobra.Command, plan *quantize.Plan) error {
	ctx := cmd.Context()
	if f.store == "" {
		return f.writeFile(ctx, cmd, plan)
	}
	s, err := openStore(cmd)
	if err != nil {
		return err
	}
	former, err := freeName(cmd, s, f.store, f.force)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.out), 0o755); err != nil {
		return err
	}
	if err := f.writeFile(ctx, cmd, plan); err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	m, err := s.Import(ctx, f.out, f.store, p.report)
	p.end()
	if err != nil {
		return err
	}
	auditModel(cmd, "model.quantize", m.Name.String(), m.Digest())
	noteReplaced(cmd, former, m)
	return os.Remove(f.out) // the store has its bytes
}

// encoding is the stage that quantize shows.
const encoding hub.Stage = "encoding"

func (f *quantizeFlags) writeFile(ctx context.Context, cmd *cobra.Command, plan *quantize.Plan) error {
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	defer p.end()
	resumed := false
	err := plan.Write(ctx, f.out, f.threads.v, func(q quantize.Progress) {
		if q.Resumed > 0 && !resumed {
			p.erase()
			fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: goes on behind the %s that were written before\n", hub.FormatBytes(q.Resumed))
			resumed = true
		}
		p.report(hub.Progress{Stage: encoding, What: filepath.Base(f.source), Done: q.Done, Total: q.Total})
	})
	switch {
	case errors.Is(err, context.Canceled):
		p.erase()
		fmt.Fprintln(cmd.ErrOrStderr(), "blitz: note: what was written is kept: the same command goes on")
	case errors.Is(err, quantize.ErrRefused) && len(plan.Needs) > 0:
		return fault.WithHint(err, "blitz imatrix MODEL TEXT --out F.gguf gathers one, --imatrix F.gguf takes it")
	}
	return err
}

// quantized is what a model was written as, or would be, as JSON.
type quantized struct {
	Tensors       []quantizedTensor `json:"tensors"`
	Bytes         int64             `json:"bytes"` // of all files
	BitsPerWeight float64           `json:"bits_per_weight"`
	Needs         []string          `json:"needs_imatrix"`
	Files         []string          `json:"files,omitempty"` // not of a dry run
}

type quantizedTensor struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	From  string `json:"from"`
	Bytes int64  `json:"bytes"`
}

// report says what was written, or would be.
func (f *quantizeFlags) report(cmd *cobra.Command, plan *quantize.Plan) error {
	q := quantized{Tensors: []quantizedTensor{}, Bytes: plan.Bytes, BitsPerWeight: plan.BitsPerWeight(), Needs: append([]string{}, plan.Needs...)}
	for i := range plan.Tensors {
		t := &plan.Tensors[i]
		q.Tensors = append(q.Tensors, quantizedTensor{t.Name, t.To.String(), t.Stored.String(), t.Bytes})
	}
	if !f.dry && f.store == "" {
		q.Files = plan.Names(f.out)
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), q)
	}
	var rows [][]string
	if f.dry {
		for _, t := range q.Tensors {
			rows = append(rows, []string{printable(t.Name), t.From, t.Type, hub.FormatBytes(t.Bytes)})
		}
		if err := writeTable(cmd.OutOrStdout(), rows...); err != nil {
			return err
		}
		for _, n := range q.Needs {
			fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s needs an importance matrix\n", printable(n))
		}
	}
	name := f.out
	if f.store != "" {
		name = f.store
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %.2f bits per weight\n", printable(name), hub.FormatBytes(q.Bytes), q.BitsPerWeight)
	return err
}
