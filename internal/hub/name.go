package hub

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// DefaultTag is the tag of a name that is written without one.
const DefaultTag = "latest"

const (
	maxName       = 255 // bytes of the whole name without its tag
	maxComponent  = 128 // bytes of one component, and of a tag
	maxComponents = 6
)

// Name is what a stored model is called: a path of one or more components and
// a tag, as in "smollm2:latest" or "hf.co/USER/REPO:Q4_K_M". Case is kept as
// it was given and does not tell names apart.
type Name struct {
	Path string
	Tag  string
}

// ParseName reads PATH[:TAG][@REVISION]; a revision counts as part of the tag. A component of the path, and the tag, begin with
// a letter, a digit or "_" and go on with those, ".", "-"; at most 128 bytes
// each, at most 6 components and 255 bytes of path. The first of several
// components may end in the port of a registry. A path that would be read
// as something else (pip, https, or an ending such as .gguf) is refused. Every
// error is ErrSyntax.
func ParseName(text string) (Name, error) {
	name, _, err := parseName(text)
	return name, err
}

// parseName also reports whether the tag was written out.
func parseName(text string) (name Name, tagged bool, err error) {
	refuse := func(why string) (Name, bool, error) {
		return Name{}, false, fmt.Errorf("name %q: %s: %w", clip(text), why, ErrSyntax)
	}
	text, revision, pinned := strings.Cut(text, "@")
	name.Path, name.Tag = text, DefaultTag
	last := strings.LastIndexByte(text, '/') + 1
	if path, tag, ok := strings.Cut(text[last:], ":"); ok {
		name.Path, name.Tag, tagged = text[:last]+path, tag, true
	}
	if pinned && !isRevision(revision) {
		return refuse("the revision behind '@' is not letters, digits, '_', '-', '.', '/' (128 at most)")
	}
	if !isComponent(name.Tag) {
		return refuse("the tag is not letters, digits, '_', '-', '.' (128 at most)")
	}
	if len(name.Path) > maxName {
		return refuse(fmt.Sprintf("%d bytes long, %d at most", len(name.Path), maxName))
	}
	components := strings.Split(name.Path, "/")
	if len(components) > maxComponents {
		return refuse(fmt.Sprintf("%d components, %d at most", len(components), maxComponents))
	}
	for i, c := range components {
		host, port, ported := strings.Cut(c, ":")
		if ported && i == 0 && len(components) > 1 && isPort(port) && !isScheme(host) {
			c = host
		}
		if !isComponent(c) {
			return refuse("want NAME[:TAG] of letters, digits, '_', '-', '.', with '/' between components")
		}
	}
	if isScheme(components[0]) && len(components) == 1 {
		return refuse("this is how a source begins")
	}
	if hasModelSuffix(name.Path) {
		return refuse("it would be read as a file's name")
	}
	if pinned {
		name.Tag += "@" + revision
	}
	return name, tagged || pinned, nil
}

func isComponent(s string) bool {
	if s == "" || len(s) > maxComponent || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && s[i] != '_' && (i == 0 || s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	return true
}

// isPort reports whether text is the port of a host, as it is written without
// need: no sign, no zero in front.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && text == strconv.FormatUint(n, 10)
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// String returns the name with its tag.
func (n Name) String() string { return n.Path + ":" + n.Tag }

// Short returns the name without the tag if that is the default one.
func (n Name) Short() string {
	if n.Tag == DefaultTag {
		return n.Path
	}
	if revision, ok := strings.CutPrefix(n.Tag, DefaultTag+"@"); ok {
		return n.Path + "@" + revision
	}
	return n.String()
}

// EqualPath reports whether both names differ in their tags at most.
func (n Name) EqualPath(o Name) bool { return strings.EqualFold(n.Path, o.Path) }

// Key is the SHA-256 of the name in lower case. Files that belong to a name
// are named by it.
func (n Name) Key() Digest {
	return sha256.Sum256([]byte(strings.ToLower(n.String())))
}

// MarshalText writes the name as String does.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what ParseName reads.
func (n *Name) UnmarshalText(text []byte) error {
	name, err := ParseName(string(text))
	if err != nil {
		return err
	}
	*n = name
	return nil
}

// PlainName reports whether a file of this name can lie in a snapshot on every
// system: one path element of printable text, at most 200 bytes, without the
// characters and the device names that Windows reserves, without a dot in
// front or a dot or space behind.
func PlainName(s string) bool {
	if s == "" || len(s) > 200 || s != strings.ToValidUTF8(s, "") || s[0] == '.' || s[0] == '-' {
		return false
	}
	if strings.ContainsAny(s, `/\:*?"<>|`) || strings.TrimRight(s, ". ") != s {
		return false
	}
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r <= 0xa0 || r >= 0x2000 && r <= 0x206f || r == 0xfeff {
			return false // controls, odd spaces, and marks that reorder text on a screen
		}
	}
	stem, _, _ := strings.Cut(strings.ToLower(s), ".")
	switch strings.TrimRight(stem, " ") {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return false
	}
	if len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && stem[3] >= '0' && stem[3] <= '9' {
		return false
	}
	return true
}

// hasModelSuffix reports whether text ends as the name of a model's or a
// tokenizer's file does, so that it is a path and not a stored name.
func hasModelSuffix(text string) bool {
	text = strings.ToLower(text)
	for _, suffix := range []string{".gguf", ".safetensors", ".json", ".model", ".tiktoken", ".whl"} {
		if strings.HasSuffix(text, suffix) {
			return true
		}
	}
	return false
}
