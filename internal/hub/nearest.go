package hub

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns up to three of names that look like asked: a few letters
// wrong, or one the beginning or a piece of the other.
func nearest(asked string, names []Name) []string {
	type candidate struct {
		text     string
		distance int
	}
	var near []candidate
	want := strings.ToLower(asked)
	for _, n := range names {
		full, short := strings.ToLower(n.String()), strings.ToLower(n.Short())
		d := min(EditDistance(want, full), EditDistance(want, short), EditDistance(want, strings.ToLower(n.Path)))
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

// EditDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment). Texts longer than
// any name are as far as they are long.
func EditDistance(a, b string) int {
	if len(a) > 2*maxName || len(b) > 2*maxName {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
