package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Kind says what kind of place a source is.
type Kind string

// The kinds of source, and the two that are not fetched.
const (
	KindPip         Kind = "pip"        // pip:PACKAGE[==VERSION]
	KindHuggingFace Kind = "hf"         // hf.co/USER/REPO[:QUANT]
	KindOllama      Kind = "ollama"     // ollama:NAME[:TAG]
	KindOCI         Kind = "oci"        // oci://HOST/PATH[:TAG] or oci://HOST/PATH@sha256:…
	KindModelScope  Kind = "modelscope" // modelscope.cn/USER/REPO[:QUANT]
	KindHTTPS       Kind = "https"      // https://…
	KindPath        Kind = "path"       // a file or folder
	KindName        Kind = "name"       // a stored model
)

// Source is a MODEL as it is named on a command line, taken apart.
type Source struct {
	Kind Kind
	Name string // the package, USER/REPO, NAME, HOST/PATH, URL, path, or stored name
	Tag  string // the version, quantisation, tag or digest; empty if none was given

	Revision string // the branch, tag or commit of hf.co; empty if none was given
}

// String returns the text that ParseSource reads as this source.
func (s Source) String() string {
	tagged := func(text, separator string) string {
		if s.Tag == "" {
			return text
		}
		return text + separator + s.Tag
	}
	switch s.Kind {
	case KindPip:
		return tagged("pip:"+s.Name, "==")
	case KindHuggingFace:
		if s.Revision != "" {
			return tagged("hf.co/"+s.Name, ":") + "@" + s.Revision
		}
		return tagged("hf.co/"+s.Name, ":")
	case KindOllama:
		return tagged("ollama:"+s.Name, ":")
	case KindOCI:
		if strings.HasPrefix(s.Tag, digestTag) {
			return tagged("oci://"+s.Name, "@")
		}
		return tagged("oci://"+s.Name, ":")
	case KindModelScope:
		return tagged(modelScopePrefix+s.Name, ":")
	}
	return s.Name
}

// Remote reports whether the source is somewhere else and has to be fetched.
func (s Source) Remote() bool { return s.Kind != KindPath && s.Kind != KindName }

// ParseSource reads a MODEL by its form alone; it looks at no disk. A prefix
// such as pip: makes it a source. Otherwise a slash, a leading dot or "~", or
// an ending such as .gguf makes it a path, and a bare word is a stored name. A
// source that is spelled wrong, and the empty text, are ErrSyntax.
func ParseSource(text string) (Source, error) {
	low := strings.ToLower(text)
	if rest, ok := huggingFacePath(text); ok {
		return parseHuggingFace(rest)
	}
	switch {
	case text == "":
		return Source{}, fmt.Errorf("no model is named: %w", ErrSyntax)
	case strings.ContainsRune(text, 0):
		return Source{}, fmt.Errorf("source %q: holds a zero byte: %w", clip(text), ErrSyntax)
	case strings.HasPrefix(low, "pip:"):
		return parsePip(text[len("pip:"):])
	case strings.HasPrefix(low, "ollama:"):
		return parseOllama(text[len("ollama:"):])
	case strings.HasPrefix(low, "oci:"):
		return parseOCI(text)
	case isPage(low, modelScopePrefix, modelScopePages...):
		return parseModelScope(text)
	case isPage(low, ollamaPage, "https://"+ollamaPage):
		return parseOllamaPage(text)
	case strings.HasPrefix(low, "https:"), strings.HasPrefix(low, "http:"):
		return parseHTTPS(text)
	case isPathLike(text):
		return Source{Kind: KindPath, Name: text}, nil
	}
	return Source{Kind: KindName, Name: text}, nil
}

// isPage reports whether text in small letters begins as one of the addresses does.
func isPage(low, address string, more ...string) bool {
	return strings.HasPrefix(low, address) || slices.ContainsFunc(more, func(a string) bool { return strings.HasPrefix(low, a) })
}

// isScheme reports whether "word:" begins a source.
func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "pip", "ollama", "oci", "http", "https":
		return true
	}
	return false
}

func isPathLike(text string) bool {
	return strings.ContainsAny(text, `/\`) || text[0] == '.' || text[0] == '~' || hasModelSuffix(text)
}

// malformed is the error of a source that is spelled wrong.
func malformed(source, want string) (Source, error) {
	return Source{}, fmt.Errorf("source %q: want %s: %w", clip(source), want, ErrSyntax)
}

// Pull fetches the model of a source and stores it. What an earlier pull that
// was cut left is gone on with; a model that the store has and that the source
// still has is not fetched again. A stored name is pulled anew from where it
// came. While another process pulls the same, it waits and takes what that one
// stored.
//
// Errors: ErrOffline if the store is offline, ErrUnsupported for sources that
// this build cannot fetch from, ErrNotFound, ErrUnreachable, ErrDigest,
// ErrFormat, ErrNoSpace. None of them touches what was stored before.
func (s *Store) Pull(ctx context.Context, src Source, report func(Progress)) (*Model, error) {
	if src.Kind == KindName {
		m, err := s.Get(src.Name)
		if err != nil {
			return nil, err
		}
		if m.IsWithin() {
			return nil, fmt.Errorf("pull %s: %w", m.Name.Short(), ErrWithin)
		}
		origin, err := ParseSource(m.Origin.Source)
		if err != nil || !origin.Remote() {
			return nil, fmt.Errorf("pull %s: it was imported from %s; there is no source to pull from: %w", m.Name.Short(), m.Origin.Source, ErrUnsupported)
		}
		src = origin
	}
	if s.Offline && src.Remote() {
		return nil, fmt.Errorf("pull %s: %w", src, ErrOffline)
	}
	if name, err := stagedName(src); err == nil && name.isReserved() { // what is no source, its kind says
		return nil, fmt.Errorf("pull %s: it would be stored as %w", src, name.checkFree())
	}
	meter := &meter{report: report}
	switch src.Kind {
	case KindPip:
		return s.pullPip(ctx, src, meter)
	case KindHuggingFace:
		return s.pullHuggingFace(ctx, src, meter)
	case KindOllama:
		return s.pullOllama(ctx, src, meter)
	case KindOCI:
		return s.pullOCI(ctx, src, meter)
	case KindModelScope:
		return s.pullModelScope(ctx, src, meter)
	case KindHTTPS:
		return s.pullHTTPS(ctx, src, meter)
	case KindPath:
		return nil, fmt.Errorf("pull %s: a path is imported, not pulled: %w", src, ErrSyntax)
	}
	return nil, fmt.Errorf("pull %s: unknown kind of source %q: %w", src, src.Kind, ErrSyntax)
}

// Find returns the model that was pulled from a source, without fetching: the
// one of the same version, or for a source without one the tag latest, else
// the one pulled last. ErrNotFound if there is none.
func (s *Store) Find(src Source) (*Model, error) {
	if src.Kind == KindName {
		return s.Get(src.Name)
	}
	models, err := s.List()
	if err != nil && len(models) == 0 {
		return nil, err
	}
	var found *Model
	for _, m := range models {
		origin, err := ParseSource(m.Origin.Source)
		if err != nil || !origin.Remote() || origin.Kind != src.Kind || !strings.EqualFold(origin.Name, src.Name) {
			continue
		}
		if !sameTag(src, origin, m.Origin.Version) || src.Revision != origin.Revision {
			continue
		}
		if found == nil || src.prefers(m, found) {
			found = m
		}
	}
	if found == nil {
		return nil, &NotFoundError{Name: src.String()}
	}
	return found, nil
}

// sameTag reports whether a model from origin, at that version of a package,
// is what src asks for.
func sameTag(src, origin Source, version string) bool {
	switch {
	case src.Kind == KindPip:
		return src.Tag == "" || sameVersion(src.Tag, version) || sameVersion(src.Tag, origin.Tag)
	case src.Tag == "":
		return origin.Tag == "" || origin.Tag == DefaultTag
	}
	return strings.EqualFold(src.Tag, origin.Tag)
}

// prefers reports whether a is to be taken before b, both of them from the
// source: the one under the source's own name, the one with the tag latest,
// the one that came last.
func (s Source) prefers(a, b *Model) bool {
	own := s.Name
	switch s.Kind {
	case KindHuggingFace:
		own = "hf.co/" + own
	case KindModelScope:
		own = modelScopePrefix + own
	}
	if aOwn, bOwn := strings.EqualFold(a.Name.Path, own), strings.EqualFold(b.Name.Path, own); aOwn != bOwn {
		return aOwn
	}
	if aLatest, bLatest := a.Name.Tag == DefaultTag, b.Name.Tag == DefaultTag; aLatest != bLatest {
		return aLatest
	}
	return a.PulledAt.After(b.PulledAt)
}
