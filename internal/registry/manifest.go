package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// MaxManifest is the most bytes of a manifest, as registries are advised to
// bound it.
const MaxManifest = 4 << 20

// maxDescriptors bounds the layers of a manifest and the manifests of an index.
const maxDescriptors = 10_000

// The media types of manifests and indexes.
const (
	TypeManifest       = "application/vnd.oci.image.manifest.v1+json"
	TypeIndex          = "application/vnd.oci.image.index.v1+json"
	TypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	TypeDockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Accept is the value of the header of a request for a manifest or an index.
const Accept = TypeManifest + ", " + TypeIndex + ", " + TypeDockerManifest + ", " + TypeDockerIndex

// Descriptor names content by its digest.
type Descriptor struct {
	MediaType   string
	Digest      [sha256.Size]byte
	Size        int64 // bytes, as they are stored: of a packed layer, packed
	Annotations map[string]string
}

// Manifest is an image manifest, or an index of several.
type Manifest struct {
	MediaType    string
	ArtifactType string
	Config       Descriptor
	Layers       []Descriptor
	Manifests    []Descriptor // of an index, which has no layers
}

// ParseManifest reads an image manifest of schema 2, OCI's or Docker's, or an
// index. Every digest in it is a SHA-256 and every size is at least 0. What is
// no manifest is ErrFormat. Keys that are not known are passed over.
func ParseManifest(text []byte) (*Manifest, error) {
	refuse := func(format string, args ...any) (*Manifest, error) {
		return nil, fmt.Errorf("manifest: "+format+": %w", append(args, ErrFormat)...)
	}
	if len(text) > MaxManifest {
		return refuse("more than %d bytes", MaxManifest)
	}
	var raw struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		ArtifactType  string          `json:"artifactType"`
		Config        json.RawMessage `json:"config"`
		Layers        json.RawMessage `json:"layers"`
		Manifests     json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return refuse("%w", err)
	}
	if raw.SchemaVersion != 2 {
		return refuse("schema version %d, want 2", raw.SchemaVersion)
	}
	m := &Manifest{MediaType: raw.MediaType, ArtifactType: raw.ArtifactType}
	var err error
	if raw.MediaType == TypeIndex || raw.MediaType == TypeDockerIndex || raw.MediaType == "" && raw.Layers == nil {
		if m.Manifests, err = parseDescriptors(raw.Manifests); err != nil {
			return refuse("manifests: %w", err)
		}
		if len(m.Manifests) == 0 {
			return refuse("an index without manifests")
		}
		return m, nil
	}
	if m.Config, err = parseDescriptor(raw.Config); err != nil {
		return refuse("config: %w", err)
	}
	if m.Layers, err = parseDescriptors(raw.Layers); err != nil {
		return refuse("layers: %w", err)
	}
	return m, nil
}

// Size is the sum of the sizes of the layers, in bytes.
func (m *Manifest) Size() int64 {
	var n int64
	for _, l := range m.Layers {
		n += l.Size // parseDescriptors has looked that this does not overflow
	}
	return n
}

// parseDescriptors reads a list one by one, so that a list of a million is
// refused before it takes memory. Nothing and null are an empty list.
func parseDescriptors(text json.RawMessage) (list []Descriptor, err error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, fmt.Errorf("%.20q, want a list: %w", text, ErrFormat)
	}
	var total int64
	for d.More() {
		if len(list) == maxDescriptors {
			return nil, fmt.Errorf("more than %d entries: %w", maxDescriptors, ErrFormat)
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrFormat)
		}
		parsed, err := parseDescriptor(one)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", len(list), err)
		}
		if total += parsed.Size; total < 0 {
			return nil, fmt.Errorf("%d: the sizes together are more than a number holds: %w", len(list), ErrFormat)
		}
		list = append(list, parsed)
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	return list, nil
}

func parseDescriptor(text json.RawMessage) (Descriptor, error) {
	var raw struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        *int64            `json:"size"`
		Annotations map[string]string `json:"annotations"`
	}
	if len(text) == 0 || string(text) == "null" {
		return Descriptor{}, fmt.Errorf("none: %w", ErrFormat)
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return Descriptor{}, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	sum, err := ParseDigest(raw.Digest)
	if err != nil {
		return Descriptor{}, err
	}
	if raw.Size == nil || *raw.Size < 0 {
		return Descriptor{}, fmt.Errorf("%s: no size, or one below 0: %w", FormatDigest(sum), ErrFormat)
	}
	return Descriptor{MediaType: mediaType(raw.MediaType), Digest: sum, Size: *raw.Size, Annotations: raw.Annotations}, nil
}

// mediaType returns the type without parameters, in lower case.
func mediaType(text string) string {
	text, _, _ = strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(text))
}
