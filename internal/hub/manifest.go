package hub

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

const (
	manifestVersion = 1
	maxManifest     = 4 << 20 // bytes
	maxFiles        = 10_000
)

// Role is what a file is to its model.
type Role string

// The roles.
const (
	RoleModel     Role = "model"     // the GGUF, or the first of a split one
	RoleShard     Role = "shard"     // a further GGUF of a split, or a safetensors file
	RoleProjector Role = "projector" // the GGUF of a vision or audio tower beside the model
	RoleIndex     Role = "index"     // model.safetensors.index.json
	RoleConfig    Role = "config"    // config.json, generation_config.json, params.json
	RoleTokenizer Role = "tokenizer" // tokenizer.json, tokenizer.model and what belongs to them
	RoleTemplate  Role = "template"  // chat_template.jinja and the like
	RoleLicense   Role = "license"
)

var roles = []Role{
	RoleModel, RoleShard, RoleProjector, RoleIndex, RoleConfig, RoleTokenizer, RoleTemplate, RoleLicense,
}

// File is one file of a stored model.
type File struct {
	Role   Role   `json:"role"`
	Name   string `json:"name"` // as in the snapshot; see PlainName
	Size   int64  `json:"size"` // bytes
	Digest Digest `json:"digest"`
}

// Package is a file that a package index served and that the model was taken
// from.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"` // the wheel's file name
	Size    int64  `json:"size"` // bytes
	Digest  Digest `json:"digest"`
}

// Origin is where a model came from.
type Origin struct {
	Source   string    `json:"source"`             // as ParseSource reads it; for an import the absolute path
	Version  string    `json:"version,omitempty"`  // of the named package; a commit, tag or digest
	Mark     string    `json:"mark,omitempty"`     // of a file without a version: what its server calls this one, an ETag or a time
	Packages []Package `json:"packages,omitempty"` // the named package first
}

// Facts are what `list` and `show` say of a model without opening it. A fact
// that the files do not state is zero.
type Facts = checkpoint.Description

// Model is a stored model as its manifest tells it.
type Model struct {
	Name     Name      `json:"name"`
	Origin   Origin    `json:"origin"`
	PulledAt time.Time `json:"pulled_at"`
	Files    []File    `json:"files"` // the one to open first
	Facts    Facts     `json:"facts"`
	Variant  *Variant  `json:"variant,omitempty"` // nil: as the files say
	Vouched  *Vouched  `json:"vouched,omitempty"` // nil: nobody who was trusted had signed it

	Stamps map[string]Stamp `json:"stamps,omitempty"` // of the files, by their names, when they were stored
}

// Size is the sum of the files' sizes in bytes.
func (m *Model) Size() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Digest identifies the model's bytes: of a model of one file, that file's
// SHA-256; else the SHA-256 of the lines "HEX  NAME" that sha256sum prints for
// the files in the order of their names.
func (m *Model) Digest() Digest {
	if len(m.Files) == 1 {
		return m.Files[0].Digest
	}
	return m.listing()
}

// listing is the digest of the files under their names; it names the snapshot.
func (m *Model) listing() Digest {
	files := slices.SortedFunc(slices.Values(m.Files), func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s  %s\n", f.Digest.Hex(), f.Name)
	}
	return Digest(h.Sum(nil))
}

// manifest is the file: the model behind a version number.
type manifest struct {
	Version int `json:"version"`
	*Model
}

// encodeManifest writes what parseManifest reads. A model that could not be
// read back is an error here.
func encodeManifest(m *Model) ([]byte, error) {
	text, err := json.MarshalIndent(manifest{manifestVersion, m}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", m.Name, err)
	}
	text = append(text, '\n')
	if _, err := parseManifest(text); err != nil {
		return nil, err
	}
	return text, nil
}

// parseManifest reads and checks a manifest. Fields that this version does not
// know are passed over; a higher version, or anything that could not have been
// written here, is ErrFormat.
func parseManifest(text []byte) (*Model, error) {
	refuse := func(format string, args ...any) (*Model, error) {
		return nil, fmt.Errorf("manifest: "+format+": %w", append(args, ErrFormat)...)
	}
	if len(text) > maxManifest {
		return refuse("%d bytes, %d at most", len(text), maxManifest)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return refuse("%w", err)
	}
	if version.Version != manifestVersion {
		return refuse("version %d, want %d: it was written by another release", version.Version, manifestVersion)
	}
	m := new(Model)
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&manifest{Model: m}); err != nil {
		return refuse("%w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return refuse("bytes after its end")
	}
	if m.Name == (Name{}) {
		return refuse("no name")
	}
	if err := checkFiles(m.Files); err != nil {
		return refuse("%s: %w", m.Name, err)
	}
	if err := m.Variant.check(); err != nil {
		return refuse("%s: %w", m.Name, err)
	}
	return m, nil
}

// checkFiles holds the files of one model to what a snapshot can hold.
func checkFiles(files []File) error {
	if len(files) == 0 || len(files) > maxFiles {
		return fmt.Errorf("%d files, want 1 to %d", len(files), maxFiles)
	}
	seen := make(map[string]bool, len(files))
	var total int64
	for _, f := range files {
		folded := strings.ToLower(f.Name)
		switch {
		case !PlainName(f.Name):
			return fmt.Errorf("file name %q is not plain", clip(f.Name))
		case seen[folded]:
			return fmt.Errorf("file name %q comes twice", clip(f.Name))
		case !slices.Contains(roles, f.Role):
			return fmt.Errorf("%s: unknown role %q", f.Name, clip(string(f.Role)))
		case f.Size < 0 || total+f.Size < total:
			return fmt.Errorf("%s: size %d", f.Name, f.Size)
		case f.Digest == Digest{}:
			return fmt.Errorf("%s: no digest", f.Name)
		}
		seen[folded] = true
		total += f.Size
	}
	return nil
}

// Sums returns the SHA-256 sums of the files by their names.
func (m *Model) Sums() map[string][32]byte {
	sums := make(map[string][32]byte, len(m.Files))
	for _, f := range m.Files {
		sums[f.Name] = f.Digest
	}
	return sums
}
