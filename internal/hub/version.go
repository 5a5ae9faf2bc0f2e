package hub

import (
	"regexp"
	"strings"
)

// versionForm is the grammar of PEP 440, appendix B.
var versionForm = regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?` +
	`(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?` +
	`(?:[-_.]?(dev)[-_.]?([0-9]*))?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

const maxVersion = 64 // bytes, so that with its tag's escapes it is a tag

// canonicalVersion returns the one spelling of all that PEP 440 calls equal to
// text, without trailing zeros of the release: v1.0-RC1 is 1rc1.
func canonicalVersion(text string) (string, bool) {
	if len(text) > maxVersion {
		return "", false
	}
	m := versionForm.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return "", false
	}
	epoch, release, pre, preN, implied, post, postN, dev, devN, local := m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10]
	var b strings.Builder
	if n := plainNumber(epoch); n != "0" {
		b.WriteString(n + "!")
	}
	parts := strings.Split(release, ".")
	for i := range parts {
		parts[i] = plainNumber(parts[i])
	}
	for len(parts) > 1 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	b.WriteString(strings.Join(parts, "."))
	switch pre {
	case "":
	case "alpha", "a":
		b.WriteString("a" + plainNumber(preN))
	case "beta", "b":
		b.WriteString("b" + plainNumber(preN))
	default:
		b.WriteString("rc" + plainNumber(preN))
	}
	if implied != "" || post != "" {
		b.WriteString(".post" + plainNumber(implied+postN))
	}
	if dev != "" {
		b.WriteString(".dev" + plainNumber(devN))
	}
	if local != "" {
		segments := strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune("-_.", r) })
		for i, s := range segments {
			if strings.Trim(s, "0123456789") == "" {
				segments[i] = plainNumber(s)
			}
		}
		b.WriteString("+" + strings.Join(segments, "."))
	}
	return b.String(), true
}

// plainNumber drops leading zeros; nothing at all is 0.
func plainNumber(digits string) string {
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0"
	}
	return digits
}

// sameVersion reports whether both are versions and PEP 440 calls them equal.
func sameVersion(a, b string) bool {
	ca, okA := canonicalVersion(a)
	cb, okB := canonicalVersion(b)
	return okA && okB && ca == cb
}

// versionTag is the tag under which a version is stored.
func versionTag(version string) string {
	return strings.NewReplacer("+", "_", "!", "_").Replace(version)
}
