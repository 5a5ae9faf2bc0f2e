package hub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/spelling"
)

// Nearest returns up to three of names that look like asked, the nearest first: a few letters
// wrong, or one the beginning or a piece of the other.
func Nearest(asked string, names []Name) []string {
	type candidate struct {
		text     string
		distance int
	}
	var near []candidate
	want := strings.ToLower(asked)
	for _, n := range names {
		full, short := strings.ToLower(n.String()), strings.ToLower(n.Short())
		d := min(spelling.Distance(want, full), spelling.Distance(want, short), spelling.Distance(want, strings.ToLower(n.Path)))
		switch {
		case d <= max(1, len(want)/3):
		case len(want) >= 3 && (strings.Contains(full, want) || strings.Contains(want, short)):
			d = len(want) // behind every misspelling
		default:
			continue
		}
		near = append(near, candidate{n.Short(), d})
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.text, b.text))
	})
	var texts []string
	for _, c := range near[:min(3, len(near))] {
		texts = append(texts, c.text)
	}
	return texts
}
