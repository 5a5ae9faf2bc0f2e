// Package spelling finds the words that a misspelled one may have meant.
package spelling

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds on what is compared letter by letter: names from a file may be many and long.
const (
	maxNearestNames = 1 << 14
	maxNearestName  = 200
	maxWord         = 512 // bytes; a longer text is as far as it is long
)

// Nearest returns up to three of names that look like asked, the nearest first: those
// that begin with it or contain it, or have a few other letters.
func Nearest(asked string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	want := strings.ToLower(asked)
	for i, name := range names {
		have := strings.ToLower(name)
		switch {
		case len(want) > 2 && strings.Contains(have, want):
			near = append(near, candidate{name, 0})
		case i < maxNearestNames && max(len(want), len(have)) <= maxNearestName:
			if d := Distance(want, have); d <= max(1, len(want)/4) {
				near = append(near, candidate{name, d})
			}
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var list []string
	for _, c := range near[:min(3, len(near))] {
		list = append(list, c.name)
	}
	return list
}

// Text returns "; nearest: …" for a message, or nothing.
func Text(asked string, names []string) string {
	list := Nearest(asked, names)
	if len(list) == 0 {
		return ""
	}
	return "; nearest: " + strings.Join(list, ", ")
}

// Distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment). Texts longer than
// any name are as far as they are long.
func Distance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
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

// OneOf writes a list for people: "a, b or c".
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
