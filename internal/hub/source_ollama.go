package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
	"github.com/blitz-r1/blitz/internal/registry"
)

// maxOllamaPart bounds each part of a name in Ollama's registry, in bytes.
const maxOllamaPart = 80

// parseOllama reads [USER/]NAME[:TAG].
func parseOllama(text string) (Source, error) {
	refuse := func() (Source, error) { return malformed("ollama:"+text, "ollama:[USER/]NAME[:TAG]") }
	name, tag, tagged := strings.Cut(text, ":")
	parts := strings.Split(name, "/")
	if len(parts) > 2 || len(parts) == 2 && strings.Contains(parts[0], ".") { // a dot makes it a host
		return refuse()
	}
	if tagged {
		parts = append(parts, tag)
	}
	for _, part := range parts {
		if !isComponent(part) || len(part) > maxOllamaPart {
			return refuse()
		}
	}
	src := Source{Kind: KindOllama, Name: name, Tag: tag}
	if _, err := ParseName(ollamaName(src).String()); err != nil {
		return Source{}, err
	}
	return src, nil
}

// ollamaPage begins the address of a page of Ollama's library, which is a source
// as it is pasted.
const ollamaPage = "ollama.com/"

// parseOllamaPage reads the address of a page: ollama.com/library/NAME[:TAG], or
// ollama.com/USER/NAME[:TAG].
func parseOllamaPage(text string) (Source, error) {
	path := text
	if _, rest, ok := strings.Cut(text, "://"); ok {
		path = rest
	}
	path, _, _ = strings.Cut(path[len(ollamaPage):], "?")
	path = strings.TrimSuffix(path, "/")
	user, name, ok := strings.Cut(path, "/")
	if !ok || name == "" {
		return malformed(text, "https://ollama.com/library/NAME[:TAG] or ollama:[USER/]NAME[:TAG]")
	}
	if user == "library" {
		return parseOllama(name)
	}
	return parseOllama(path)
}

// ollamaName is the name under which a model of Ollama's registry is stored.
func ollamaName(src Source) Name {
	name := Name{Path: src.Name, Tag: DefaultTag}
	if src.Tag != "" {
		name.Tag = src.Tag
	}
	return name
}

// pullOllama pulls a model of Ollama's registry.
func (s *Store) pullOllama(ctx context.Context, src Source, meter *meter) (*Model, error) {
	return s.pullListing(ctx, src, ollamaName(src), meter, s.lookOllama)
}

// lookOllama asks Ollama's registry for a model: one GGUF, with the texts that
// its manifest has beside it as the model's variant.
func (s *Store) lookOllama(ctx context.Context, src Source, meter *meter) (*listing, error) {
	base := cmp.Or(s.Settings.OllamaRegistry, "https://registry.ollama.ai")
	client, err := s.newClient(base, false, meter)
	if err != nil {
		return nil, fmt.Errorf("BLITZ_OLLAMA_REGISTRY: %w", err)
	}
	l, err := s.listOllama(ctx, src, &images{store: s, client: client, meter: meter, base: base})
	if err != nil {
		client.Close()
		return nil, ollamaError(err)
	}
	return l, nil
}

func (s *Store) listOllama(ctx context.Context, src Source, r *images) (*listing, error) {
	r.repository = src.Name
	if !strings.Contains(r.repository, "/") {
		r.repository = "library/" + r.repository
	}
	m, digest, err := r.manifest(ctx, ollamaName(src).Tag, registry.TypeDockerManifest)
	if err != nil {
		return nil, err
	}
	if len(m.Manifests) > 0 {
		return nil, fmt.Errorf("an index of %d manifests came, want a manifest: %w", len(m.Manifests), ErrFormat)
	}
	config, err := r.text(ctx, m.Config)
	if err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	image, err := readOllama(m, config)
	if err != nil {
		return nil, err
	}
	texts, err := r.texts(ctx, image.texts)
	if err != nil {
		return nil, err
	}
	variant, err := image.variant(texts)
	if err != nil {
		return nil, err
	}
	r.meter.note(image.notes)
	return &listing{
		source: src, version: digest.String(), client: r.client, variant: variant, explain: ollamaError,
		files: []remote{{name: ggufName(ollamaName(src)), size: image.weights.Size, digest: image.weights.Digest, url: r.blob(image.weights.Digest)}},
	}, nil
}

// ggufName is what the GGUF of a model is called that its source does not name.
func ggufName(n Name) string {
	name := n.Path[strings.LastIndexByte(n.Path, '/')+1:]
	if n.Tag != DefaultTag && !strings.HasPrefix(n.Tag, "sha256-") {
		name += "-" + n.Tag
	}
	if !PlainName(name + ".gguf") {
		name = "model"
	}
	return name + ".gguf"
}

// ollamaError adds to what Ollama's registry says what it means here.
func ollamaError(err error) error {
	var refusal *fetch.StatusError
	switch {
	case errors.Is(err, ErrDenied):
		return withHint(err, "the registry wants the key of an Ollama account, which blitz has not: it pulls public models only")
	case errors.As(err, &refusal) && refusal.Code == http.StatusPreconditionFailed:
		return withHint(err, "the registry gives this model to newer versions of Ollama only; hf.co/USER/REPO may have it")
	}
	return err
}
