package hub

import (
	"net/url"
	"strings"
)

// parseOCI reads oci://HOST[:PORT]/PATH[:TAG].
func parseOCI(text string) (Source, error) {
	const want = "oci://HOST/PATH[:TAG]"
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.RawPath != "" {
		return malformed(text, want)
	}
	path, tag, tagged := strings.Cut(strings.TrimPrefix(u.Path, "/"), ":")
	if tagged && !isComponent(tag) {
		return malformed(text, want)
	}
	for c := range strings.SplitSeq(path, "/") {
		if !isComponent(c) {
			return malformed(text, want)
		}
	}
	return Source{Kind: KindOCI, Name: strings.ToLower(u.Host) + "/" + path, Tag: tag}, nil
}

// pullOCI is where fetching from an OCI registry belongs.
func (s *Store) pullOCI(src Source) (*Model, error) {
	return nil, notFetched(src, "an OCI registry")
}
