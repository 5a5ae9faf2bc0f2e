package main

import (
	"time"

	"github.com/spf13/cobra"

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
	PulledAt time.Time  `json:"pulled_at"`
	Files    []hub.File `json:"files"`
}

func newStored(m *hub.Model) stored {
	return stored{
		Name: m.Name.String(), Size: m.Size(), Digest: m.Digest(), Facts: m.Facts,
		Source: m.Origin.Source, Version: m.Origin.Version, PulledAt: m.PulledAt, Files: m.Files,
	}
}

// writeStored prints the model that was stored.
func writeStored(cmd *cobra.Command, m *hub.Model, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), newStored(m))
	}
	return writeTable(cmd.OutOrStdout(), []string{m.Name.Short(), hub.FormatBytes(m.Size()), m.Facts.Quantization, m.Digest().String()})
}
