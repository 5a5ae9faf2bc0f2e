package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
)

// offered is what a source has, as the JSON of pull --list has it.
type offered struct {
	*hub.Offers
	Models []offeredModel `json:"models"`
}

// offeredModel is one of it, beside what it would take here.
type offeredModel struct {
	hub.Offer
	Memory int64 `json:"memory_bytes,omitempty"` // about
	Fits   *bool `json:"fits,omitempty"`         // left out where no size is known
}

// listOffers prints what a source has, and fetches nothing.
func listOffers(cmd *cobra.Command, s *hub.Store, text string, asJSON bool) error {
	src, err := hub.ParseSource(text)
	if err != nil {
		return err
	}
	if src.Kind == hub.KindName {
		if src, err = sourceOfName(s, text); err != nil {
			return err
		}
	}
	if !src.Remote() {
		return fault.WithHint(fault.Misuse(fmt.Errorf("pull --list: %s is a path, and no source to list", text)), "blitz show PATH shows what a file holds")
	}
	report, end := pullProgress(cmd)
	o, err := s.Offers(cmd.Context(), src, report)
	end()
	if err != nil {
		return err
	}
	list := offered{Offers: o, Models: []offeredModel{}}
	room := fit.MemoryLimit()
	for _, m := range o.Models {
		one := offeredModel{Offer: m}
		if m.Size > 0 {
			fits := fit.FitsSize(m.Size, room)
			one.Memory, one.Fits = fit.Estimate(m.Size), &fits
		}
		list.Models = append(list.Models, one)
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), list)
	}
	return writeOffers(cmd, list)
}

// fittingOffer returns the largest model of a source that fits the memory of this machine.
func fittingOffer(cmd *cobra.Command, s *hub.Store, src hub.Source) (hub.Source, error) {
	if src.Tag != "" && (src.Kind == hub.KindHuggingFace || src.Kind == hub.KindModelScope) {
		return src, fault.Misuse(fmt.Errorf("%s names its quantisation, which --fit would choose: want one of them", src))
	}
	report, end := pullProgress(cmd)
	o, err := s.Offers(cmd.Context(), src, report)
	end()
	if err != nil {
		return src, err
	}
	room := fit.MemoryLimit()
	var best, smallest *hub.Offer
	for i := range o.Models {
		m := &o.Models[i]
		switch {
		case m.Missing != "" || m.Size == 0:
			continue
		case smallest == nil || m.Size < smallest.Size:
			smallest = m
		}
		if fit.FitsSize(m.Size, room) && (best == nil || m.Size > best.Size) {
			best = m
		}
	}
	switch {
	case best != nil:
		return hub.ParseSource(best.Source)
	case smallest == nil:
		return src, fault.Misuse(fmt.Errorf("%s: it says no sizes to choose by", src))
	}
	return src, fault.WithHint(fmt.Errorf("%s: the smallest has %s and would take about %s of memory, there are %s: %w", src,
		hub.FormatBytes(smallest.Size), fit.FormatMemory(fit.Estimate(smallest.Size)), fit.FormatMemory(room), blitz.ErrNoRoom),
		"blitz pull "+src.String()+" --list shows all")
}

// sourceOfName returns where a stored model came from, or one of the catalogue would.
func sourceOfName(s *hub.Store, name string) (hub.Source, error) {
	m, err := s.Get(name)
	var missing *hub.NotFoundError
	if err == nil {
		return hub.ParseSource(m.Origin.Source)
	}
	if !errors.As(err, &missing) {
		return hub.Source{}, err
	}
	c, err := openCatalogue()
	if err != nil {
		return hub.Source{}, err
	}
	entry := c.Find(name)
	if entry == nil {
		return hub.Source{}, suggest(missing, c)
	}
	return entry.Sources[0].Source.Source, nil
}

// writeOffers prints them as a table.
func writeOffers(cmd *cobra.Command, list offered) error {
	rows := [][]string{{"SOURCE", "SIZE", "FILES", "FITS", ""}}
	for _, m := range list.Models {
		size, fits, note := "-", "-", ""
		if m.Size > 0 {
			size = hub.FormatBytes(m.Size)
		}
		if m.Fits != nil {
			fits = map[bool]string{true: "yes", false: "no, takes about " + fit.FormatMemory(m.Memory)}[*m.Fits]
		}
		switch {
		case m.Missing != "":
			note = "not whole: " + printable(m.Missing)
		case m.Default:
			note = "taken by default"
		}
		rows = append(rows, []string{printable(m.Source), size, fmt.Sprint(m.Files), fits, note})
	}
	return writeTable(cmd.OutOrStdout(), rows...)
}
