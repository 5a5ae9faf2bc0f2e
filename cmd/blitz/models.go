package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/spelling"
)

func newModels() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "models [NAME]",
		Short: "List the models that are known by name",
		Long: `Lists the catalogue: models that are fetched when their name is used (blitz run
NAME, blitz pull NAME), with the size and the licence of what would come, and
whether it fits the memory of this machine as it is now. NAME shows one of them,
with all its sources and quantisations.

What the catalogue says was read in public sources, which --json has; what could
not be confirmed is left out. BLITZ_CATALOGUE=FILE takes another catalogue, in
the form that docs/CATALOGUE.md defines. Nothing is fetched.`,
		Example: `  blitz models
  blitz models deepseek-r1:7b
  blitz models --json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openCatalogue()
			if err != nil {
				return err
			}
			list, err := knownModels(cmd, c, args)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), list)
			case len(args) > 0:
				return writeKnown(cmd.OutOrStdout(), &list[0])
			}
			return writeKnownList(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON, with where each fact was read")
	return cmd
}

// known is a model of the catalogue, as the JSON of models has it.
type known struct {
	*catalogue.Model
	Sources []knownSource `json:"sources"`
	Fits    *bool         `json:"fits,omitempty"`   // any source; left out where no size is known
	Choice  string        `json:"choice,omitempty"` // the source that --fit takes
	Stored  bool          `json:"stored"`
}

// knownSource is a source of one, beside what it would take here.
type knownSource struct {
	catalogue.Source
	Quantization string `json:"quantization,omitempty"`
	Memory       int64  `json:"memory_bytes,omitempty"` // about
	Fits         *bool  `json:"fits,omitempty"`
}

// knownModels returns the models of a catalogue, or the one that is named.
func knownModels(cmd *cobra.Command, c *catalogue.Catalogue, args []string) ([]known, error) {
	s, err := openStore(cmd)
	if err != nil {
		return nil, err
	}
	models := c.Models
	if len(args) > 0 {
		m := c.Find(args[0])
		if m == nil {
			err := fault.Missing(fmt.Errorf("there is no model %s in the catalogue", args[0]))
			if near := hub.Nearest(args[0], c.Names()); len(near) > 0 {
				err = fault.WithHint(err, "did you mean "+spelling.OneOf(near)+"?")
			}
			return nil, err
		}
		models = []*catalogue.Model{m}
	}
	room := fit.MemoryLimit()
	list := []known{}
	for _, m := range models {
		k := newKnown(m, room)
		stored, err := owner(s, m.Name.String())
		k.Stored = err == nil && stored != nil
		list = append(list, k)
	}
	return list, nil
}

func newKnown(m *catalogue.Model, room int64) known {
	k := known{Model: m}
	for _, s := range m.Sources {
		ks := knownSource{Source: s, Quantization: s.Quantization()}
		if s.Size > 0 {
			fits := fit.FitsSize(s.Size, room)
			ks.Memory, ks.Fits = fit.Estimate(s.Size), &fits
			k.Fits = new(fits || k.Fits != nil && *k.Fits)
		}
		k.Sources = append(k.Sources, ks)
	}
	if s := m.Choose(func(size int64) bool { return fit.FitsSize(size, room) }); s != nil {
		k.Choice = s.Source.String()
	}
	return k
}

// fits says in words what of a model fits: its first source, another one, or none.
func (k *known) fits() string {
	first := k.Sources[0].Fits
	switch {
	case first != nil && *first:
		return "yes"
	case k.Fits != nil && *k.Fits:
		return "with --fit"
	case k.Fits == nil:
		return "-"
	}
	return "no"
}

func writeKnownList(w io.Writer, list []known) error {
	rows := [][]string{{"NAME", "PARAMETERS", "CONTEXT", "SIZE", "FITS", "LICENCE", "SOURCE"}}
	for _, k := range list {
		rows = append(rows, []string{
			k.Name.Short(), countOrDash(k.Parameters), positionsOrDash(k.Context), sizeOrDash(k.Sources[0].Size), k.fits(),
			orDash(k.License), printable(k.Sources[0].Source.Source.String()),
		})
	}
	return writeTable(w, rows...)
}

// writeKnown prints one model.
func writeKnown(w io.Writer, k *known) error {
	var rows [][]string
	add := func(key, value string) {
		if value != "" && value != "-" {
			rows = append(rows, []string{key, printable(value)})
		}
	}
	add("name", k.Name.Short())
	for _, n := range k.Also {
		add("also", n.Short())
	}
	add("title", k.Title)
	add("architecture", k.Architecture)
	add("parameters", countOrDash(k.Parameters))
	add("active", countOrDash(k.Active))
	add("context", positionsOrDash(k.Context))
	add("licence", k.License)
	add("good at", k.GoodAt)
	if k.Stored {
		add("stored", "yes")
	}
	if err := writeTable(w, rows...); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table := [][]string{{"SOURCE", "TYPE", "SIZE", "MEMORY, ABOUT", "FITS"}}
	for _, s := range k.Sources {
		memory, fits := "-", "-"
		if s.Fits != nil {
			memory, fits = fit.FormatMemory(s.Memory), map[bool]string{true: "yes", false: "no"}[*s.Fits]
		}
		table = append(table, []string{printable(s.Source.Source.String()), orDash(s.Quantization), sizeOrDash(s.Size), memory, fits})
	}
	return writeTable(w, table...)
}

func sizeOrDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return hub.FormatBytes(n)
}
