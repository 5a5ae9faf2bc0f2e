package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/safetensors"
)

// logitsFlags are the flags of logits.
type logitsFlags struct {
	engineFlags
	adapterFlags
	ids, out              string
	together, mtp         bool
	chunk, decode, greedy count
}

func newLogits() *cobra.Command {
	f := &logitsFlags{}
	cmd := &cobra.Command{
		Use:   "logits MODEL --ids FILE.jsonl --out FILE.safetensors",
		Short: "Compute the logits behind every token of given ids",
		Long: `Compute the logits behind every token of given ids. FILE.jsonl has a JSON list
of token ids on each line; line i (from 0, blank lines not counted) gives the
tensor logits.i, F32 [tokens, vocabulary], whose row t is what comes after
token t. No token is added.

How the tokens are batched (--together, --chunk, --decode, --threads) changes
no bit.`,
		Example: `  blitz logits model.gguf --ids prompts.jsonl --out logits.safetensors
  blitz logits ./folder --ids prompts.jsonl --out logits.safetensors \
    --together --chunk 32 --cache q8`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.engineFlags.add(cmd)
	f.adapterFlags.add(cmd, "adapter")
	f.chunk, f.decode, f.greedy = count{max: math.MaxInt32}, count{max: math.MaxInt32}, count{max: maxGreedy}
	cmd.Flags().StringVar(&f.ids, "ids", "", "`FILE` with a JSON list of token ids a line")
	cmd.Flags().StringVar(&f.out, "out", "", "safetensors `FILE` to write")
	cmd.Flags().BoolVar(&f.together, "together", false, "all lines in one batch, in interleaved chunks")
	cmd.Flags().Var(&f.chunk, "chunk", "prefill in pieces of `N` tokens (default 512)")
	cmd.Flags().Var(&f.decode, "decode", "compute the last `N` tokens one at a time")
	cmd.Flags().Var(&f.greedy, "greedy", "also write `N` greedy ids that follow, as greedy.0 …")
	cmd.Flags().BoolVar(&f.mtp, "mtp", false, "also write the logits of the model's multi-token-prediction module, as mtp_logits.0 …")
	return cmd
}

// maxGreedy bounds --greedy.
const maxGreedy = 1 << 20

func (f *logitsFlags) check() error {
	switch {
	case f.ids == "":
		return fault.Misuse(fmt.Errorf("logits: --ids FILE.jsonl is missing"))
	case f.out == "":
		return fault.Misuse(fmt.Errorf("logits: --out FILE.safetensors is missing"))
	}
	return f.engineFlags.check()
}

func (f *logitsFlags) run(cmd *cobra.Command, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	lines, err := await(ctx, func() ([]idLine, error) { return readIDLines(f.ids) })
	if err != nil {
		return err
	}
	m, err := f.openModel(ctx, name, f.mtp)
	if errors.Is(err, blitz.ErrNoMTP) {
		return fault.Misuse(fmt.Errorf("logits: --mtp: %w", err))
	}
	if err != nil {
		return err
	}
	defer m.Close()
	for _, l := range lines {
		if err := m.CheckTokens(l.ids); err != nil {
			return fmt.Errorf("%s: line %d: %w", f.ids, l.number, err)
		}
	}
	a, err := f.load(ctx, m)
	if err != nil {
		return err
	}
	e, err := f.newEngine(m, lines)
	if err != nil {
		return err
	}
	defer e.Close()
	if n, most := e.Context(), m.MaxContext(); n > most {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s: %d positions, the model was made for %d\n", f.ids, n, most)
	}
	err = f.write(ctx, e, a, m.VocabSize(), lines)
	if errors.Is(err, blitz.ErrLogits) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err == nil {
		keeperOf(cmd, m, name).end(ctx)
	}
	return err
}

// newEngine starts an engine that has room for the lines.
func (f *logitsFlags) newEngine(m *blitz.Model, lines []idLine) (*blitz.Engine, error) {
	o := f.engineOptions(m)
	o.Context, o.Sequences, o.Stretch = 1, 1, true
	for _, l := range lines {
		o.Context = max(o.Context, len(l.ids)+f.greedy.v)
	}
	if f.chunk.v > 0 {
		o.Chunk = min(f.chunk.v, o.Context)
	}
	if f.together { // a piece of every line fits a step
		o.Sequences = max(1, len(lines))
		o.Chunk = min(cmp.Or(o.Chunk, engine.DefaultChunk)*o.Sequences, engine.MaxChunk)
	}
	return blitz.NewEngine(m, &o)
}

// write computes everything and writes the file, row by row as they come.
func (f *logitsFlags) write(ctx context.Context, e *blitz.Engine, a *blitz.Adapter, V int, lines []idLine) error {
	w, err := create(ctx, f.out, safetensors.Create)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := f.declare(w, V, lines); err != nil {
		return err
	}
	sequences := make([][]int32, len(lines))
	for i, l := range lines {
		sequences[i] = l.ids
	}
	plan := blitz.LogitsPlan{Chunk: cmp.Or(f.chunk.v, engine.DefaultChunk), Decode: f.decode.v, Together: f.together, Adapter: a}
	logits, err := rowsTo(w, "logits.%d", V, len(lines))
	if err != nil {
		return err
	}
	if f.mtp {
		if plan.Drafts, err = rowsTo(w, "mtp_logits.%d", V, len(lines)); err != nil {
			return err
		}
	}
	if err := e.Logits(ctx, sequences, plan, logits); err != nil {
		return err
	}
	if err := f.writeGreedy(ctx, w, e, a, sequences); err != nil {
		return err
	}
	return w.Close()
}

// declare declares all tensors, in the order in which they are written.
func (f *logitsFlags) declare(w *safetensors.Writer, V int, lines []idLine) error {
	for i, l := range lines {
		if err := w.Declare(fmt.Sprintf("logits.%d", i), safetensors.F32, len(l.ids), V); err != nil {
			return err
		}
	}
	for i := 0; f.mtp && i < len(lines); i++ {
		if err := w.Declare(fmt.Sprintf("mtp_logits.%d", i), safetensors.F32, len(lines[i].ids)-1, V); err != nil {
			return err
		}
	}
	for i := 0; f.greedy.v > 0 && i < len(lines); i++ {
		if err := w.Declare(fmt.Sprintf("greedy.%d", i), safetensors.I32, f.greedy.v); err != nil {
			return err
		}
	}
	return nil
}

// rowsTo returns a function that writes row t of the tensor that the pattern names
// for i, of n tensors. A logit that is not finite is blitz.ErrLogits.
func rowsTo(w *safetensors.Writer, pattern string, V, n int) (func(i, t int, x []float32) error, error) {
	sections := make([]io.WriterAt, n)
	for i := range sections {
		var err error
		if sections[i], err = w.Section(fmt.Sprintf(pattern, i)); err != nil {
			return nil, err
		}
	}
	row := make([]byte, 4*V)
	return func(i, t int, x []float32) error {
		for j, v := range x {
			if v-v != 0 {
				return fmt.Errorf("%s: row %d: token %d has %v: %w", fmt.Sprintf(pattern, i), t, j, v, blitz.ErrLogits)
			}
			binary.LittleEndian.PutUint32(row[4*j:], math.Float32bits(v))
		}
		_, err := sections[i].WriteAt(row, int64(t)*int64(len(row)))
		return err
	}, nil
}

// writeGreedy writes the greedy ids that follow each sequence.
func (f *logitsFlags) writeGreedy(ctx context.Context, w *safetensors.Writer, e *blitz.Engine, adapter *blitz.Adapter, sequences [][]int32) error {
	if f.greedy.v == 0 {
		return nil
	}
	for i, ids := range sequences {
		s, err := w.Section(fmt.Sprintf("greedy.%d", i))
		if err != nil {
			return err
		}
		drawn, err := greedyIDs(ctx, e, adapter, ids, f.greedy.v)
		if err != nil {
			return err
		}
		if _, err := s.WriteAt(drawn, 0); err != nil {
			return err
		}
	}
	return nil
}

// greedyIDs returns the n greedy ids behind ids, as little-endian int32.
func greedyIDs(ctx context.Context, e *blitz.Engine, adapter *blitz.Adapter, ids []int32, n int) ([]byte, error) {
	a, err := e.Generate(ctx, blitz.Request{Tokens: ids, MaxTokens: n, Sampling: &blitz.Sampling{}, Adapter: adapter})
	if err != nil {
		return nil, err
	}
	var out []byte
	for t, err := range a.Tokens() {
		if err != nil {
			return nil, err
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(t.ID))
	}
	return out, nil
}
