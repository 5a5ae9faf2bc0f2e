package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/fetch"
	"github.com/blitz-r1/blitz/internal/registry"
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

// pullOCI pulls a model of an OCI registry.
func (s *Store) pullOCI(ctx context.Context, src Source, meter *meter) (*Model, error) {
	return s.pullListing(ctx, src, ociName(src), meter, s.lookOCI)
}

// lookOCI asks an OCI registry for a model in the form of Docker Model Runner
// or of ModelPack.
func (s *Store) lookOCI(ctx context.Context, src Source, meter *meter) (*listing, error) {
	r := newImages(s, src, meter)
	client, err := s.newClient(r.base, true, meter)
	if err != nil {
		return nil, err
	}
	client.Challenge = r.answer
	r.client = client
	l, err := r.list(ctx, src)
	if err != nil {
		client.Close()
		return nil, r.refused(err)
	}
	return l, nil
}

// newImages returns what asks the registry of a source. A registry of this
// machine is asked in plain http, as Docker asks it; all others over https.
func newImages(s *Store, src Source, meter *meter) *images {
	host, repository, _ := strings.Cut(src.Name, "/")
	server := registry.Server(host)
	if server != host && !strings.Contains(repository, "/") { // what Docker Hub itself publishes
		repository = "library/" + repository
	}
	scheme := "https://"
	if fetch.IsLoopback(server) {
		scheme = "http://"
	}
	return &images{store: s, meter: meter, base: scheme + server, repository: repository}
}

func (r *images) list(ctx context.Context, src Source) (*listing, error) {
	m, digest, err := r.root(ctx, src)
	if err != nil {
		return nil, err
	}
	if len(m.Manifests) > 0 { // of an image for several platforms, which models are not
		first := m.Manifests[0]
		if m, err = r.pinned(ctx, first.Digest, registry.Accept); err != nil {
			return nil, err
		}
		if len(m.Manifests) > 0 {
			return nil, fmt.Errorf("manifest %s: an index inside an index: %w", Digest(first.Digest), ErrFormat)
		}
	}
	var config []byte
	if strings.HasSuffix(m.Config.MediaType, "json") { // an artifact may have an empty one of another type
		if config, err = r.text(ctx, m.Config); err != nil {
			return nil, fmt.Errorf("its configuration: %w", err)
		}
	}
	image, err := readOCI(m, config, strings.TrimSuffix(ggufName(ociName(src)), ".gguf"))
	if err != nil {
		return nil, err
	}
	l := &listing{source: src, version: digest.String(), client: r.client, explain: r.refused}
	if l.files, err = r.files(src, image); err != nil {
		return nil, err
	}
	if l.variant, err = r.variant(ctx, image); err != nil {
		return nil, err
	}
	r.meter.note(image.notes)
	return l, nil
}

// root asks for the manifest or index that a source names.
func (r *images) root(ctx context.Context, src Source) (*registry.Manifest, Digest, error) {
	if !strings.HasPrefix(src.Tag, digestTag) {
		return r.manifest(ctx, ociName(src).Tag, registry.Accept)
	}
	d, err := ParseDigest(src.Tag)
	if err != nil {
		return nil, Digest{}, err
	}
	m, err := r.pinned(ctx, d, registry.Accept)
	return m, d, err
}

// files lists the layers that make the model. What an archive holds is known
// once it is there; so where there is one, all of them are taken.
func (r *images) files(src Source, image *ociImage) ([]remote, error) {
	all := &repository{name: src.String()}
	var licenses, archives []remote
	for _, l := range image.layers {
		f := remote{path: l.path, size: l.Size, digest: l.Digest, url: r.blob(l.Digest)}
		switch {
		case l.packing != unpacked:
			gzipped := l.packing == packedGzip
			f.path = "layer " + Digest(l.Digest).String()
			f.unpack = func(ctx context.Context, archive, folder string) ([]string, error) {
				return r.store.untar(ctx, archive, folder, gzipped)
			}
			archives = append(archives, f)
		case companionRole(path.Base(l.path)) == RoleLicense:
			f.role = RoleLicense
			licenses = append(licenses, f)
		default:
			all.files = append(all.files, f)
		}
	}
	files := all.files
	if len(archives) == 0 {
		chosen, err := all.choose("")
		if err != nil {
			return nil, err
		}
		files = chosen
	}
	files = append(files, licenses...)
	if err := settle(files); err != nil {
		return nil, err
	}
	return append(files, archives...), nil
}

// variant fetches the template that is in place of the files' own.
func (r *images) variant(ctx context.Context, image *ociImage) (*Variant, error) {
	if image.template == nil {
		return nil, nil
	}
	text, err := r.text(ctx, *image.template)
	if err != nil {
		return nil, fmt.Errorf("its template: %w", err)
	}
	v := &Variant{Template: string(text)}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("its template is not UTF-8: %w", ErrFormat)
	}
	if err := errors.Join(v.check(), v.checkTemplate()); err != nil {
		return nil, err
	}
	if v.IsZero() {
		return nil, nil
	}
	return v, nil
}

// refused adds to a refusal why it was not met, and what can be done.
func (r *images) refused(err error) error {
	if !errors.Is(err, ErrDenied) {
		return err
	}
	if why := cmp.Or(r.why, r.unknown); why != nil {
		err = fmt.Errorf("%w: %w", err, why)
	}
	base, parseErr := url.Parse(r.base)
	if parseErr != nil {
		return err
	}
	return withHint(err, fmt.Sprintf("docker login %s keeps credentials in %s, where they are found", base.Host, r.store.loginsPath()))
}
