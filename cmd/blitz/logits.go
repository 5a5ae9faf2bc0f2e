package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

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
	together              bool
	chunk, decode, greedy int
}

func newLogits() *cobra.Command {
	f := &logitsFlags{}
	cmd := &cobra.Command{
		Use:   "logits MODEL --ids FILE.jsonl --out FILE.safetensors",
		Short: "Compute the logits behind every token of given ids",
		Example: `  blitz logits model.gguf --ids prompts.jsonl --out logits.safetensors
  blitz logits ./folder --ids prompts.jsonl --out logits.safetensors --together --chunk 32 --cache q8`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0]) },
	}
	f.engineFlags.add(cmd)
	cmd.Flags().StringVar(&f.ids, "ids", "", "file with a JSON list of token ids a line")
	cmd.Flags().StringVar(&f.out, "out", "", "safetensors file for logits.0, logits.1, … [T, V]")
	cmd.Flags().BoolVar(&f.together, "together", false, "all lines in one batch, in interleaved chunks")
	cmd.Flags().IntVar(&f.chunk, "chunk", 0, "prefill in pieces of `N` tokens (default 512)")
	cmd.Flags().IntVar(&f.decode, "decode", 0, "compute the last `N` tokens one at a time")
	cmd.Flags().IntVar(&f.greedy, "greedy", 0, "also write `N` greedy ids that follow, as greedy.0 …")
	return cmd
}

func (f *logitsFlags) check() error {
	switch {
	case f.ids == "":
		return usageError{fmt.Errorf("logits: --ids FILE.jsonl is missing")}
	case f.out == "":
		return usageError{fmt.Errorf("logits: --out FILE.safetensors is missing")}
	}
	for name, v := range map[string]int{"chunk": f.chunk, "decode": f.decode, "greedy": f.greedy} {
		if v < 0 {
			return usageError{fmt.Errorf("logits: --%s is %d, want 0 or more", name, v)}
		}
	}
	return f.engineFlags.check()
}

func (f *logitsFlags) run(ctx context.Context, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	lines, err := readIDs(f.ids)
	if err != nil {
		return err
	}
	m, err := f.openModel(ctx, name)
	if err != nil {
		return err
	}
	defer m.Close()
	for _, ids := range lines {
		if err := m.CheckTokens(ids); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(f.ids), err)
		}
	}
	longest := 1
	for _, ids := range lines {
		longest = max(longest, len(ids)+f.greedy)
	}
	o, err := f.engineOptions(m)
	if err != nil {
		return err
	}
	o.Context, o.Sequences = longest, 1
	if f.together {
		o.Sequences = max(1, len(lines))
	}
	e, err := engine.New(m, o)
	if err != nil {
		return err
	}
	defer e.Close()
	return f.write(ctx, e, m, lines)
}

// write computes everything and writes the file.
func (f *logitsFlags) write(ctx context.Context, e *engine.Engine, m *model.Model, lines [][]int32) error {
	V := m.Config.VocabSize
	rows := make([][]byte, len(lines))
	for i, ids := range lines {
		rows[i] = make([]byte, 4*V*len(ids))
	}
	plan := engine.Plan{Chunk: f.chunk, Decode: f.decode, Together: f.together}
	err := e.Evaluate(ctx, lines, plan, func(i, t int, logits []float32) error {
		for j, v := range logits {
			binary.LittleEndian.PutUint32(rows[i][4*(t*V+j):], math.Float32bits(v))
		}
		return nil
	})
	if err != nil {
		return err
	}
	w, err := safetensors.Create(f.out)
	if err != nil {
		return err
	}
	defer w.Abort()
	for i, ids := range lines {
		if err := w.Declare(fmt.Sprintf("logits.%d", i), "F32", len(ids), V); err != nil {
			return err
		}
		if f.greedy > 0 {
			if err := w.Declare(fmt.Sprintf("greedy.%d", i), "I32", f.greedy); err != nil {
				return err
			}
		}
	}
	for i, ids := range lines {
		if err := w.WriteTensor(fmt.Sprintf("logits.%d", i), rows[i]); err != nil {
			return err
		}
		if f.greedy > 0 {
			drawn, err := greedyIDs(ctx, e, ids, f.greedy)
			if err != nil {
				return err
			}
			if err := w.WriteTensor(fmt.Sprintf("greedy.%d", i), drawn); err != nil {
				return err
			}
		}
	}
	return w.Close()
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
	for {
		t, ok := s.Next()
		if !ok {
			break
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(t.ID))
	}
	_, err = s.Finish()
	return out, err
}

// readIDs reads a file with a JSON list of token ids a line.
func readIDs(path string) ([][]int32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines [][]int32
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<30)
	for n := 1; scanner.Scan(); n++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		var ids []int32
		if err := json.Unmarshal(scanner.Bytes(), &ids); err != nil {
			return nil, usageError{fmt.Errorf("%s: line %d: want a JSON list of token ids: %w", filepath.Base(path), n, err)}
		}
		lines = append(lines, ids)
	}
	return lines, scanner.Err()
}
