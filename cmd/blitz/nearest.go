package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
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
			if d := hub.EditDistance(want, have); d <= max(1, len(want)/4) {
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
