package main

import (
	"fmt"
	"io"

	"github.com/blitz-r1/blitz/internal/fit"
)

// maxPositions bounds --ctx.
const maxPositions = 1 << 30

// needsLines are the lines about the model as a whole.
func needsLines(n *fit.Needs) [][]string {
	var rows [][]string
	for _, a := range n.Assumed {
		rows = append(rows, []string{"assumed", printable(a)})
	}
	rows = append(rows, []string{"weights", fit.FormatMemory(n.Weights) + " of memory"})
	if n.Experts > 0 {
		rows = append(rows, []string{"experts", fit.FormatMemory(n.Experts) + " of that, which may be on the disk in part"})
	}
	if n.MLA != "" {
		rows = append(rows, []string{"attention", "latent, " + n.MLA})
	}
	room := "unknown"
	if n.Room > 0 {
		room = fit.FormatMemory(n.Room) + " for weights and caches"
	}
	return append(rows, []string{"room", room})
}

// needsTable says what each kind of cache takes, and what of it fits.
func needsTable(n *fit.Needs) [][]string {
	rows := [][]string{{"CACHE", fmt.Sprintf("OF %d POSITIONS", n.Context), "WITH WEIGHTS", "FITS", "LONGEST CONTEXT"}}
	for i, c := range n.Caches {
		kind := c.Kind
		if i == 0 {
			kind += " (default)"
		}
		fits, longest := fitText(n, &c)
		rows = append(rows, []string{kind, fit.FormatMemory(c.Bytes), fit.FormatMemory(c.Total), fits, longest})
	}
	return rows
}

// fitText says in words whether a cache fits, where it does with some experts on the disk
// how many of them stay in memory, and the longest context that fits.
func fitText(n *fit.Needs, c *fit.Cache) (fits, longest string) {
	if n.Room == 0 {
		return "unknown", "unknown"
	}
	fits, longest = "no", "none"
	switch {
	case c.Fits:
		fits = "yes"
	case c.ExpertMemory > 0:
		fits = fmt.Sprintf("with %.0f %% of the experts in memory", 100*float64(c.ExpertMemory)/float64(n.Experts))
	}
	switch {
	case c.LongestOnDisk > c.Longest:
		longest = fmt.Sprintf("%d, experts on the disk", c.LongestOnDisk)
	case c.Longest > 0:
		longest = fmt.Sprint(c.Longest)
	}
	return fits, longest
}

// writeNeeds prints all of it.
func writeNeeds(w io.Writer, n *fit.Needs) error {
	if err := writeTable(w, needsLines(n)...); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return writeTable(w, needsTable(n)...)
}
