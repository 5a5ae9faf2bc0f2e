package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
)

// askAbove is the size from which a model of the catalogue is not fetched without being
// asked for twice, in bytes.
const askAbove = 4_000_000_000

// catalogueVariable names the file of another catalogue than the program's.
const catalogueVariable = "BLITZ_CATALOGUE"

// openCatalogue returns the models that are known by name.
func openCatalogue() (*catalogue.Catalogue, error) {
	return catalogue.Open(os.Getenv(catalogueVariable))
}

// addFetchFlags adds what says how a model of the catalogue is fetched.
func addFetchFlags(cmd *cobra.Command) {
	cmd.Flags().Bool("fit", false, "fetch the largest quantisation that fits the memory of this machine")
	cmd.Flags().Bool("yes", false, fmt.Sprintf("fetch models of the catalogue above %s without asking", hub.FormatBytes(askAbove)))
}

// has reports whether a verb has a flag of that name, and it is set.
func has(cmd *cobra.Command, name string) bool {
	set, err := cmd.Flags().GetBool(name)
	return err == nil && set
}

// catalogued fetches a model that the store does not have and the catalogue does. Where
// neither has it, the error is missing, with names that are near.
func catalogued(cmd *cobra.Command, s *hub.Store, name string, missing *hub.NotFoundError) (*hub.Model, error) {
	c, err := openCatalogue()
	if err != nil {
		return nil, err
	}
	entry := c.Find(name)
	if entry == nil {
		return nil, suggest(missing, c)
	}
	for _, source := range entry.Sources { // stored under its source's name, perhaps
		m, err := s.Known(cmd.Context(), source.Source.Source, entry.Name.String())
		if !errors.Is(err, hub.ErrNotFound) {
			return m, err
		}
	}
	source, err := chooseSource(cmd, entry)
	if err != nil {
		return nil, err
	}
	return fetchCatalogued(cmd, s, entry, source)
}

// suggest adds names of the catalogue to those of the store that are near a missing one.
func suggest(missing *hub.NotFoundError, c *catalogue.Catalogue) error {
	const most = 5
	more := *missing
	more.Suggestions = append([]string(nil), missing.Suggestions...)
	for _, near := range hub.Nearest(missing.Name, c.Names()) {
		if len(more.Suggestions) < most && !slices.Contains(more.Suggestions, near) {
			more.Suggestions = append(more.Suggestions, near)
		}
	}
	if len(more.Suggestions) > 0 {
		return &more
	}
	return fault.WithHint(&more, "blitz list shows what is stored, blitz models what can be fetched by name")
}

// chooseSource returns the source to fetch: the first, with --fit the largest that fits.
func chooseSource(cmd *cobra.Command, entry *catalogue.Model) (*catalogue.Source, error) {
	if !has(cmd, "fit") {
		return &entry.Sources[0], nil
	}
	room := fit.MemoryLimit()
	if source := entry.Choose(func(size int64) bool { return fit.FitsSize(size, room) }); source != nil {
		return source, nil
	}
	smallest := entry.Smallest()
	if smallest == 0 {
		return nil, fault.WithHint(fault.Misuse(fmt.Errorf("%s: the catalogue has no sizes of it to choose by", entry.Name.Short())),
			"without --fit "+entry.Sources[0].Source.String()+" is fetched")
	}
	return nil, fault.WithHint(fmt.Errorf("%s: the smallest has %s and would take about %s of memory, there are %s: %w", entry.Name.Short(),
		hub.FormatBytes(smallest), fit.FormatMemory(fit.Estimate(smallest)), fit.FormatMemory(room), blitz.ErrNoRoom), "blitz models shows what fits")
}

// fetchCatalogued says what is fetched from where, asks where it is large, and fetches it.
func fetchCatalogued(cmd *cobra.Command, s *hub.Store, entry *catalogue.Model, source *catalogue.Source) (*hub.Model, error) {
	if s.Offline {
		return nil, fmt.Errorf("%s is not stored, and would come from %s: %w", entry.Name.Short(), source.Source, hub.ErrOffline)
	}
	what := describeFetch(entry, source)
	if source.Size > askAbove && !has(cmd, "yes") {
		if err := ask(cmd, entry, source, what); err != nil {
			return nil, err
		}
	} else {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: fetching %s\n", what)
	}
	report, end := pullProgress(cmd)
	defer end()
	if source.Size == 0 && !has(cmd, "yes") { // the source knows it, perhaps
		s.Approve = func(missing int64) error {
			if missing <= askAbove {
				return nil
			}
			end()
			sized := *source
			sized.Size = missing
			return ask(cmd, entry, &sized, describeFetch(entry, &sized))
		}
	}
	m, err := s.PullAs(cmd.Context(), source.Source.Source, entry.Name.String(), report)
	if err != nil {
		return nil, otherSources(err, entry, source)
	}
	auditModel(cmd, "model.pull", m.Name.String(), m.Digest())
	return m, nil
}

// describeFetch says in words what is about to be fetched.
func describeFetch(entry *catalogue.Model, source *catalogue.Source) string {
	text := printable(entry.Name.Short()) + " from " + printable(source.Source.String())
	if source.Size > 0 {
		text += ", " + hub.FormatBytes(source.Size)
	}
	if entry.License != "" {
		text += "; licence: " + printable(entry.License)
	}
	return text
}

// ask has the user say whether a large model is to be fetched. Where nobody can be asked,
// the error is one of wrong use and has the size.
func ask(cmd *cobra.Command, entry *catalogue.Model, source *catalogue.Source, what string) error {
	room := fit.MemoryLimit()
	note := ""
	if !fit.FitsSize(source.Size, room) {
		note = fmt.Sprintf("; it would take about %s of memory, of which there are %s", fit.FormatMemory(fit.Estimate(source.Size)), fit.FormatMemory(room))
	}
	in, out := cmd.InOrStdin(), cmd.ErrOrStderr()
	if !isTerminal(in) || !isTerminal(out) {
		err := fault.Misuse(fmt.Errorf("%s is not stored; it would be fetched from %s and is large, %s%s", entry.Name.Short(), source.Source, hub.FormatBytes(source.Size), note))
		return fault.WithHint(err, "blitz pull "+entry.Name.Short()+" --yes fetches it, --fit chooses one that fits the memory")
	}
	fmt.Fprintf(out, "blitz: %s%s\nFetch it? [y/N] ", what, note)
	yes, err := readYes(cmd.Context(), in)
	if err != nil {
		return err
	}
	if !yes {
		return fault.Misuse(fmt.Errorf("%s is not stored, and was not to be fetched", entry.Name.Short()))
	}
	return nil
}

// otherSources adds to an error of one source the others that a model has.
func otherSources(err error, entry *catalogue.Model, source *catalogue.Source) error {
	if !errors.Is(err, hub.ErrUnreachable) && !errors.Is(err, hub.ErrNotFound) && !errors.Is(err, hub.ErrUnsupported) {
		return err
	}
	for i := range entry.Sources {
		if other := &entry.Sources[i]; other.Source.Kind != source.Source.Kind {
			return fault.WithHint(err, "another source of it is "+other.Source.String())
		}
	}
	return err
}
