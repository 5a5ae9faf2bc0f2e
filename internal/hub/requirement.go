package hub

import (
	"fmt"
	"regexp"
	"strings"
)

// packageForm is a package's name as PEP 508 has it.
var packageForm = regexp.MustCompile(`(?i)^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$`)

const maxPackage = 128 // bytes

// canonicalPackage returns the spelling under which an index knows a package
// (PEP 503): lower case, one "-" for any run of "-", "_" and ".".
func canonicalPackage(name string) (string, bool) {
	if len(name) > maxPackage || !packageForm.MatchString(name) {
		return "", false
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_.", r) })
	return strings.Join(words, "-"), true
}

// requirement is a package and what its version must be.
type requirement struct {
	name        string // canonical
	constraints string // "==1.0.0", ">=0.2,<1", or empty
}

// String is the form in which pip takes it on its command line.
func (r requirement) String() string { return r.name + r.constraints }

var (
	requirementForm = regexp.MustCompile(`^([A-Za-z0-9._-]+)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(.*)$`)
	constraintForm  = regexp.MustCompile(`^(~=|===|==|!=|<=|>=|<|>)\s*([A-Za-z0-9._+!-]+)(\.\*)?$`)
	extraMarker     = regexp.MustCompile(`\bextra\b`)
)

// parseRequirement reads the value of a Requires-Dist field (PEP 508). optional
// says that it holds for an extra only. A requirement by URL is refused: what
// it fetches is no index's.
func parseRequirement(text string) (r requirement, optional bool, err error) {
	refuse := func(why string) (requirement, bool, error) {
		return requirement{}, false, fmt.Errorf("requirement %q: %s: %w", clip(text), why, ErrFormat)
	}
	spec, marker, _ := strings.Cut(text, ";")
	optional = extraMarker.MatchString(marker)
	m := requirementForm.FindStringSubmatch(strings.TrimSpace(spec))
	if m == nil {
		return refuse("want NAME and version constraints")
	}
	name, ok := canonicalPackage(m[1])
	if !ok {
		return refuse("no package can have this name")
	}
	r.name = name
	rest := strings.TrimSpace(m[2])
	if strings.HasPrefix(rest, "@") {
		return refuse("is fetched from a URL, want an index")
	}
	if strings.HasPrefix(rest, "(") && strings.HasSuffix(rest, ")") {
		rest = strings.TrimSpace(rest[1 : len(rest)-1])
	}
	if rest == "" {
		return r, optional, nil
	}
	var constraints []string
	for c := range strings.SplitSeq(rest, ",") {
		c := constraintForm.FindStringSubmatch(strings.TrimSpace(c))
		if c == nil {
			return refuse("want version constraints such as ==1.0")
		}
		if _, ok := canonicalVersion(c[2]); !ok {
			return refuse(fmt.Sprintf("%q is no version", clip(c[2])))
		}
		constraints = append(constraints, c[1]+c[2]+c[3])
	}
	r.constraints = strings.Join(constraints, ",")
	return r, optional, nil
}
