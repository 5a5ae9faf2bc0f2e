package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
)

// stored is a model of the store, as the JSON of list, show, pull and import has it.
type stored struct {
	Name     string     `json:"name"`
	Size     int64      `json:"size"` // bytes
	Digest   hub.Digest `json:"digest"`
	Facts    hub.Facts  `json:"facts"`
	Source   string     `json:"source"`
	Version  string     `json:"version,omitempty"`
	PulledAt time.Time  `json:"pulled_at,omitzero"`
	LastUsed *time.Time `json:"last_used,omitempty"` // of list alone; left out where it never was
	Files    []hub.File `json:"files"`

	Variant *hub.Variant `json:"variant,omitempty"`
	Vouched *hub.Vouched `json:"vouched,omitempty"`
}

func newStored(m *hub.Model) stored {
	return stored{
		Name: m.Name.String(), Size: m.Size(), Digest: m.Digest(), Facts: m.Facts,
		Source: m.Origin.Source, Version: m.Origin.Version, PulledAt: m.PulledAt, Files: m.Files, Variant: m.Variant, Vouched: m.Vouched,
	}
}

// writeStored prints the model that was stored.
func writeStored(cmd *cobra.Command, m *hub.Model, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), newStored(m))
	}
	return writeTable(cmd.OutOrStdout(), []string{m.Name.Short(), hub.FormatBytes(m.Size()), m.Facts.Quantization, m.Digest().String()})
}

// owner returns the model that has exactly a name, nil where none has.
func owner(s *hub.Store, text string) (*hub.Model, error) {
	name, err := hub.ParseFree(text)
	if err != nil {
		return nil, err
	}
	m, err := s.Get(text)
	if errors.Is(err, hub.ErrNotFound) || err == nil && m.Name != name {
		return nil, nil
	}
	return m, err
}

// hasName says whether the model of a digest has a name already.
func hasName(s *hub.Store, text string, d hub.Digest) bool {
	m, err := owner(s, text)
	return err == nil && m != nil && m.Digest() == d
}

// freeName returns the model that has a name and may lose it, nil where none has it.
// Without force, a name that is taken is refused.
func freeName(cmd *cobra.Command, s *hub.Store, text string, force bool) (*hub.Model, error) {
	m, err := owner(s, text)
	if err != nil || m == nil || force {
		return m, err
	}
	err = fault.Misuse(fmt.Errorf("%s: %s is the name of a stored model (%s)", cmd.Name(), m.Name.Short(), m.Digest()))
	return nil, fault.WithHint(err, "another name keeps both; --force takes the name from that model")
}

// noteReplaced says that a model lost its name to another.
func noteReplaced(cmd *cobra.Command, former, m *hub.Model) {
	if former != nil && former.Digest() != m.Digest() {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s was another model before (%s)\n", m.Name.Short(), former.Digest())
	}
}

// licenseOf returns what a stored model's files say of its licence, else its own variant,
// else what the catalogue says of where it came from.
func licenseOf(m *hub.Model, facts string) (string, error) {
	if facts != "" {
		return facts, nil
	}
	if v := m.Variant; v != nil && len(v.License) > 0 {
		first, _, _ := strings.Cut(strings.TrimSpace(v.License[0]), "\n")
		return first, nil
	}
	c, err := openCatalogue()
	if err != nil {
		return "", err
	}
	if src, err := hub.ParseSource(m.Origin.Source); err == nil {
		if known := c.From(src); known != nil {
			return known.License, nil
		}
	}
	return "", nil
}
