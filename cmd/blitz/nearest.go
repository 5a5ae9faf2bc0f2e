package main

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds on what is compared letter by letter: names from a file may be many and long.
const (
	maxNearestNames = 1 << 14
	maxNearestName  = 200
)

// nearest returns up to three of names that look like asked, the nearest first: those
// that begin with it or contain it, or have a few other letters.
func nearest(asked string, names []string) []string {
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
			if d := editDistance(want, have); d <= max(1, len(want)/4) {
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

// nearestText returns "; nearest: …" for a message, or nothing.
func nearestText(asked string, names []string) string {
	list := nearest(asked, names)
	if len(list) == 0 {
		return ""
	}
	return "; nearest: " + strings.Join(list, ", ")
}

// editDistance counts the letters to insert, delete or replace, and the neighbours to
// swap, to turn a into b (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
