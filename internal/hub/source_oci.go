package hub

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// digestTag begins the tag of a source that names its manifest by digest.
const digestTag = "sha256:"

// repositoryForm is what the distribution specification lets a repository be
// called.
var repositoryForm = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)

// parseOCI reads oci://HOST[:PORT]/PATH[:TAG] and oci://HOST[:PORT]/PATH[:TAG]@DIGEST.
// A tag beside a digest says nothing, since the digest names one manifest.
func parseOCI(text string) (Source, error) {
	const want = "oci://HOST/PATH[:TAG] or oci://HOST/PATH@sha256:…, the path in small letters"
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.RawPath != "" {
		return malformed(text, want)
	}
	path, digest, pinned := strings.Cut(strings.TrimPrefix(u.Path, "/"), "@")
	path, tag, tagged := strings.Cut(path, ":")
	if tagged && !isComponent(tag) || !repositoryForm.MatchString(path) {
		return malformed(text, want)
	}
	if pinned {
		d, err := ParseDigest(digest)
		if err != nil || !strings.HasPrefix(digest, digestTag) {
			return malformed(text, want)
		}
		tag = d.String()
	}
	src := Source{Kind: KindOCI, Name: strings.ToLower(u.Host) + "/" + path, Tag: tag}
	if _, err := ParseName(ociName(src).String()); err != nil {
		return Source{}, err
	}
	return src, nil
}

// ociName is the name under which a model of a registry is stored. A digest
// becomes a tag, in which no colon can be, and so does the host that is an IPv6
// address.
func ociName(src Source) Name {
	name := Name{Path: src.Name, Tag: DefaultTag}
	if address, rest, ok := strings.Cut(strings.TrimPrefix(src.Name, "["), "]"); ok && src.Name[0] == '[' {
		name.Path = "ip6_" + strings.ReplaceAll(address, ":", "_") + rest
	}
	if src.Tag != "" {
		name.Tag = strings.Replace(src.Tag, ":", "-", 1)
	}
	return name
}

// pullOCI is where fetching from an OCI registry belongs.
func (s *Store) pullOCI(_ context.Context, src Source, _ *meter) (*Model, error) {
	return nil, notFetched(src, "an OCI registry")
}
