package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/safetensors"
)

// logitsFlags are the flags of logits.
type logitsFlags struct {
	engineFlags
	ids, out              string
	together, mtp         bool
	chunk, decode, greedy count
}

func newLogits() *cobra.Command {
	f := &logitsFlags{}
	cmd := &cobra.Command{
		Use:   "logits MODEL --ids FILE.jsonl --out FILE.safetensors",
		Short: "Compute the logits behind every token of given ids",
		Long: `Compute the logits behind every token of given ids. FILE.jsonl has a JSON list of token
ids on each line; line i (from 0, blank lines not counted) gives the tensor logits.i, F32
[tokens, vocabulary], whose row t is what comes after token t. No token is added.

How the tokens are batched (--together, --chunk, --decode, --threads) changes no bit.`,
		Example: `  blitz logits model.gguf --ids prompts.jsonl --out logits.safetensors
  blitz logits ./folder --ids prompts.jsonl --out logits.safetensors --together --chunk 32 --cache q8`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.engineFlags.add(cmd)
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
		return usageError{fmt.Errorf("logits: --ids FILE.jsonl is missing")}
	case f.out == "":
		return usageError{fmt.Errorf("logits: --out FILE.safetensors is missing")}
	}
	return f.engineFlags.check()
}

func (f *logitsFlags) run(cmd *cobra.Command, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	lines, err := readIDLines(f.ids)
	if err != nil {
		return err
	}
	m, err := f.openModel(ctx, name)
	if err != nil {
		return err
	}
	defer m.Close()
	if f.mtp {
		return usageError{fmt.Errorf("logits: --mtp: %s (%s) has no multi-token-prediction module", name, m.Config.ModelType)}
	}
	for _, l := range lines {
		if err := m.CheckTokens(l.ids); err != nil {
			return fmt.Errorf("%s: line %d: %w", f.ids, l.number, err)
		}
	}
	e, err := f.newEngine(m, lines)
	if err != nil {
		return err
	}
	defer e.Close()
	if n, most := e.Options().Context, m.Config.MaxPositionEmbeddings; n > most {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s: %d positions, the model was made for %d\n", f.ids, n, most)
	}
	return f.write(ctx, e, m.Config.VocabSize, lines)
}

// newEngine starts an engine that has room for the lines.
func (f *logitsFlags) newEngine(m *model.Model, lines []idLine) (*engine.Engine, error) {
	o, err := f.engineOptions(m)
	if err != nil {
		return nil, err
	}
	o.Context, o.Sequences = 1, 1
	for _, l := range lines {
		o.Context = max(o.Context, len(l.ids)+f.greedy.v)
	}
	if f.together {
		o.Sequences = len(lines)
	}
	if f.chunk.v > 0 {
		o.Chunk = min(f.chunk.v, o.Context)
	}
	return engine.New(m, o)
}

// write computes everything and writes the file, row by row as they come.
func (f *logitsFlags) write(ctx context.Context, e *engine.Engine, V int, lines []idLine) error {
	w, err := safetensors.Create(f.out)
	if err != nil {
		return err
	}
	defer w.Abort()
	logits, greedy, err := f.sections(w, V, lines)
	if err != nil {
		return err
	}
	sequences := make([][]int32, len(lines))
	for i, l := range lines {
		sequences[i] = l.ids
	}
	row := make([]byte, 4*V)
	plan := engine.Plan{Chunk: f.chunk.v, Decode: f.decode.v, Together: f.together}
	err = e.Evaluate(ctx, sequences, plan, func(i, t int, x []float32) error {
		for j, v := range x {
			binary.LittleEndian.PutUint32(row[4*j:], math.Float32bits(v))
		}
		_, err := logits[i].WriteAt(row, int64(t)*int64(len(row)))
		return err
	})
	if err != nil {
		return err
	}
	for i := range greedy {
		drawn, err := greedyIDs(ctx, e, sequences[i], f.greedy.v)
		if err != nil {
			return err
		}
		if _, err := greedy[i].WriteAt(drawn, 0); err != nil {
			return err
		}
	}
	return w.Close()
}

// sections declares all tensors and returns where the bytes of each go.
func (f *logitsFlags) sections(w *safetensors.Writer, V int, lines []idLine) (logits, greedy []io.WriterAt, err error) {
	for i, l := range lines {
		if err := w.Declare(fmt.Sprintf("logits.%d", i), safetensors.F32, len(l.ids), V); err != nil {
			return nil, nil, err
		}
		if f.greedy.v > 0 {
			if err := w.Declare(fmt.Sprintf("greedy.%d", i), safetensors.I32, f.greedy.v); err != nil {
				return nil, nil, err
			}
		}
	}
	for i := range lines {
		s, err := w.Section(fmt.Sprintf("logits.%d", i))
		if err != nil {
			return nil, nil, err
		}
		logits = append(logits, s)
		if f.greedy.v > 0 {
			if s, err = w.Section(fmt.Sprintf("greedy.%d", i)); err != nil {
				return nil, nil, err
			}
			greedy = append(greedy, s)
		}
	}
	return logits, greedy, nil
}

// greedyIDs returns the n greedy ids behind ids, as little-endian int32.
func greedyIDs(ctx context.Context, e *engine.Engine, ids []int32, n int) ([]byte, error) {
	s, err := e.Submit(ctx, engine.Request{
		Tokens: ids, MaxTokens: n, Logprobs: -1,
		Sampling: sample.Settings{TopP: 1, Penalties: sample.Penalties{Repetition: 1}},
	})
	if err != nil {
		return nil, err
	}
	var out []byte
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		out = binary.LittleEndian.AppendUint32(out, uint32(t.ID))
	}
	_, err = s.Finish()
	return out, err
}

// idLine is a line of a file of token ids.
type idLine struct {
	number int // in the file, from 1
	ids    []int32
}

// maxIDs bounds the ids of a file of them.
const maxIDs = 1 << 28

// readIDLines reads a file with a JSON list of token ids a line, one list at least and
// none empty.
func readIDLines(path string) ([]idLine, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	refuse := func(format string, args ...any) error {
		return refusedError{fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...))}
	}
	in := newLineReader(file, maxLine)
	var lines []idLine
	total := 0
	for n := 1; ; n++ {
		line, err := in.next()
		switch {
		case err == io.EOF && len(lines) == 0:
			return nil, refuse("holds no list of token ids")
		case err == io.EOF:
			return lines, nil
		case errors.Is(err, errLongLine):
			return nil, refuse("line %d: %w", n, err)
		case err != nil:
			return nil, err
		}
		if line = trimSpace(line); len(line) == 0 {
			continue
		}
		ids, err := parseIDs(nil, line)
		switch total += len(ids); {
		case err != nil:
			return nil, refuse("line %d: %w", n, err)
		case len(ids) == 0:
			return nil, refuse("line %d: the list is empty, want a token id or more", n)
		case total > maxIDs:
			return nil, refuse("line %d: more than %d ids in all", n, maxIDs)
		}
		lines = append(lines, idLine{n, ids})
	}
}
