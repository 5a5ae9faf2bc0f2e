package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/registry"
)

// The media types of models in OCI registries begin so: those of Docker Model
// Runner, and those of the CNCF's ModelPack.
const (
	dockerLayer    = "application/vnd.docker.ai."
	modelPackLayer = "application/vnd.cncf.model."
)

// The annotations of a layer that may name its file, the more telling first.
var pathAnnotations = []string{"org.cncf.model.filepath", "org.opencontainers.image.title"}

// annotatedPath returns the path that a layer's annotations give its file.
func annotatedPath(l registry.Descriptor) string {
	for _, key := range pathAnnotations {
		if path := l.Annotations[key]; path != "" {
			return path
		}
	}
	return ""
}

// packing is how the files of a layer are packed.
type packing uint8

const (
	unpacked packing = iota // the layer is the file
	packedTar
	packedGzip // tar in gzip
)

// ociLayer is a layer that holds files of a model.
type ociLayer struct {
	registry.Descriptor
	path    string // of the file, as a plain path; of an archive empty
	packing packing
}

// ociImage is a model of an OCI registry.
type ociImage struct {
	layers   []ociLayer
	template *registry.Descriptor // Jinja in place of the files' own; nil: none
	notes    []string             // what is left out, and why
}

// readOCI takes a manifest of an OCI registry apart. stem is what a GGUF is
// called where no annotation names it. What holds no model in one of the two
// forms, or one in a form that cannot be read, is ErrFormat.
func readOCI(m *registry.Manifest, config []byte, stem string) (*ociImage, error) {
	refuse := func(format string, args ...any) (*ociImage, error) {
		return nil, fmt.Errorf(format+": %w", append(args, ErrFormat)...)
	}
	c, err := readOCIConfig(config)
	if err != nil {
		return nil, err
	}
	image := &ociImage{}
	for _, l := range m.Layers {
		kind, ok := strings.CutPrefix(l.MediaType, dockerLayer)
		if !ok {
			kind, ok = strings.CutPrefix(l.MediaType, modelPackLayer)
		}
		if !ok {
			image.leaveOut("a layer of type " + printable(clip(l.MediaType)))
			continue
		}
		if strings.Contains(kind, "zstd") {
			return refuse("layer %s is packed with zstd, which is not unpacked here: want raw, tar or tar+gzip", registry.FormatDigest(l.Digest))
		}
		if err := image.take(kind, l, c); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(image.layers, func(l ociLayer) bool { return l.weighs() }) {
		if !strings.HasPrefix(m.Config.MediaType, dockerLayer) && !strings.HasPrefix(m.Config.MediaType, modelPackLayer) && len(image.layers) == 0 {
			return refuse("it is no model: its configuration is %s, and no layer is of Docker's or the CNCF's types for models", printable(clip(m.Config.MediaType)))
		}
		return refuse("it has no weights: no layer of %sgguf.v3, %ssafetensors or %sweight", dockerLayer, dockerLayer, modelPackLayer)
	}
	return image, image.nameFiles(stem)
}

// ociConfig is what the configuration of either form says.
type ociConfig struct {
	Config struct {
		Format string `json:"format"`
	} `json:"config"`
}

func readOCIConfig(text []byte) (c ociConfig, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("its configuration: %w: %w", err, ErrFormat)
	}
	return c, nil
}

// take sorts a layer in by the rest of its media type.
func (i *ociImage) take(kind string, l registry.Descriptor, c ociConfig) error {
	// add takes the layer as the file of its annotated path, which has to end
	// so, else as that of the other name.
	add := func(form packing, fallback, ending string) error {
		layer := ociLayer{Descriptor: l, packing: form}
		if form == unpacked {
			if layer.path = annotatedPath(l); layer.path == "" {
				layer.path = fallback
			} else if _, err := registry.PlainPath(layer.path); err != nil {
				return fmt.Errorf("layer %s: %w: %w", registry.FormatDigest(l.Digest), err, ErrFormat)
			} else if !strings.HasSuffix(strings.ToLower(layer.path), ending) {
				layer.path += ending
			}
		}
		i.layers = append(i.layers, layer)
		return nil
	}
	kind = strings.TrimSuffix(kind, ".raw")
	base, form := kind, unpacked
	if b, ok := strings.CutSuffix(kind, ".tar+gzip"); ok {
		base, form = b, packedGzip
	} else if b, ok := strings.CutSuffix(kind, ".tar"); ok {
		base, form = b, packedTar
	}
	switch base {
	case "gguf.v3", "weight.v1.gguf":
		return add(form, ggufWithoutName, ".gguf")
	case "safetensors", "weight.v1.safetensors":
		return add(form, safetensorsWithoutName, ".safetensors")
	case "weight.v1":
		if form != unpacked {
			return add(form, "", "")
		}
		switch format := strings.ToLower(c.Config.Format); format {
		case "gguf":
			return add(form, ggufWithoutName, "")
		case "safetensors":
			return add(form, safetensorsWithoutName, "")
		default:
			if annotatedPath(l) == "" {
				return fmt.Errorf("layer %s has no name, and the format is %q, want gguf or safetensors: %w", registry.FormatDigest(l.Digest), clip(format), ErrFormat)
			}
			return add(form, "", "")
		}
	case "weight.config.v1", "model.file", "vllm.config", "dir":
		return add(form, "config.json", "")
	case "license":
		return add(unpacked, licenseWithoutName, "")
	case "doc.v1":
		if name := path.Base(annotatedPath(l)); form == unpacked && companionRole(name) == RoleLicense {
			return add(form, "", "")
		}
	case "chat.template.jinja":
		if l.Size > maxTextLayer {
			return fmt.Errorf("its template has %s, %s at most: %w", FormatBytes(l.Size), FormatBytes(maxTextLayer), ErrFormat)
		}
		i.template = &l
	case "mmproj", "weight.v1.mmproj":
		i.leaveOut("its projector: of models that see, the text part alone is taken")
	case "code.v1", "dataset.v1":
	default:
		i.leaveOut("a layer of type " + printable(clip(l.MediaType)))
	}
	return nil
}

func (i *ociImage) leaveOut(what string) { i.notes = append(i.notes, "left out: "+what) }

// What stands for the name of a file until all layers are known: weights may be
// the parts of a split.
const (
	ggufWithoutName        = "\x00.gguf"
	safetensorsWithoutName = "\x00.safetensors"
	licenseWithoutName     = "\x00LICENSE"
)

// weighs reports whether a layer may hold weights.
func (l ociLayer) weighs() bool {
	return l.packing != unpacked || strings.HasSuffix(strings.ToLower(l.path), ".gguf") || strings.HasSuffix(strings.ToLower(l.path), ".safetensors")
}

// nameFiles gives weights without a name one, in the order of their layers, and
// refuses two files of one name.
func (i *ociImage) nameFiles(stem string) error {
	for placeholder, name := range map[string]func(n, of int) string{
		ggufWithoutName: func(n, of int) string {
			if of == 1 {
				return stem + ".gguf"
			}
			return fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, n, of)
		},
		safetensorsWithoutName: func(n, of int) string {
			if of == 1 {
				return "model.safetensors"
			}
			return fmt.Sprintf("model-%05d-of-%05d.safetensors", n, of)
		},
		licenseWithoutName: func(n, _ int) string {
			if n == 1 {
				return "LICENSE"
			}
			return fmt.Sprintf("LICENSE-%d", n)
		},
	} {
		of, n := 0, 0
		for _, l := range i.layers {
			if l.path == placeholder {
				of++
			}
		}
		for k := range i.layers {
			if i.layers[k].path == placeholder {
				n++
				i.layers[k].path = name(n, of)
			}
		}
	}
	seen := make(map[string]bool)
	for _, l := range i.layers {
		folded := strings.ToLower(l.path)
		if l.packing == unpacked && seen[folded] {
			return fmt.Errorf("two layers are the file %q: %w", clip(l.path), ErrFormat)
		}
		seen[folded] = true
	}
	return nil
}
