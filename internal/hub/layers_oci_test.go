package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/registry"
)

// ociManifest returns a manifest of layers, each written "TYPE" or "TYPE PATH".
func ociManifest(layers ...string) *registry.Manifest {
	m := &registry.Manifest{Config: registry.Descriptor{MediaType: dockerLayer + "model.config.v0.1+json"}}
	for i, l := range layers {
		kind, at, _ := strings.Cut(l, " ")
		d := registry.Descriptor{MediaType: kind, Digest: digestOf([]byte{byte(i)}), Size: int64(i + 1)}
		if at != "" {
			d.Annotations = map[string]string{pathAnnotations[0]: at}
		}
		m.Layers = append(m.Layers, d)
	}
	return m
}

func TestReadOCI(t *testing.T) {
	const d, c = dockerLayer, modelPackLayer
	gguf, tensors := `{"config":{"format":"gguf"}}`, `{"config":{"format":"safetensors"}}`
	for name, x := range map[string]struct {
		config string
		layers []string
		want   []string // path, or + and the packing
	}{
		"Docker, one GGUF":         {gguf, []string{d + "gguf.v3", d + "license", d + "mmproj"}, []string{"m.gguf", "LICENSE"}},
		"two licenses":             {gguf, []string{d + "license", d + "gguf.v3", d + "license"}, []string{"LICENSE", "m.gguf", "LICENSE-2"}},
		"a split without names":    {gguf, []string{d + "gguf.v3", d + "gguf.v3", d + "gguf.v3"}, []string{"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}},
		"a split with names":       {gguf, []string{d + "gguf.v3 x-00001-of-00002.gguf", d + "gguf.v3 x-00002-of-00002.gguf"}, []string{"x-00001-of-00002.gguf", "x-00002-of-00002.gguf"}},
		"a file a layer":           {tensors, []string{d + "safetensors a/model.safetensors", d + "model.file a/config.json"}, []string{"a/model.safetensors", "a/config.json"}},
		"Docker's older folder":    {tensors, []string{d + "safetensors", d + "safetensors", d + "vllm.config.tar"}, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "+1"}},
		"ModelPack, raw":           {gguf, []string{c + "weight.v1.raw x.gguf", c + "doc.v1.raw README.md", c + "doc.v1.raw LICENSE", c + "code.v1.tar", c + "dataset.v1.raw"}, []string{"x.gguf", "LICENSE"}},
		"ModelPack, without names": {tensors, []string{c + "weight.v1.raw", c + "weight.config.v1.raw"}, []string{"model.safetensors", "config.json"}},
		"Docker's older ModelPack": {"", []string{c + "weight.v1.gguf"}, []string{"m.gguf"}},
		"names without an ending":  {gguf, []string{d + "gguf.v3 weights", d + "model.file notes"}, []string{"weights.gguf", "notes"}},
		"archives":                 {gguf, []string{c + "weight.v1.tar", c + "weight.v1.tar+gzip", c + "weight.config.v1.tar+gzip"}, []string{"+1", "+2", "+2"}},
	} {
		i, err := readOCI(ociManifest(x.layers...), []byte(x.config), "m")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, l := range i.layers {
			if l.packing != unpacked {
				l.path = fmt.Sprintf("+%d", l.packing)
			}
			got = append(got, l.path)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
	i, err := readOCI(ociManifest(d+"gguf.v3", d+"chat.template.jinja", d+"mmproj", d+"new", "application/x"), []byte(gguf), "m")
	if err != nil || i.template == nil || len(i.notes) != 3 {
		t.Errorf("got %+v, %v, want a template and three notes", i, err)
	}
}

func TestReadOCIRefuses(t *testing.T) {
	const d, c = dockerLayer, modelPackLayer
	for name, x := range map[string]struct {
		config string
		layers []string
		want   string
	}{
		"nothing":              {"{}", nil, "no weights"},
		"a license alone":      {"{}", []string{d + "license"}, "no weights"},
		"zstd":                 {"{}", []string{c + "weight.v1.tar+zstd"}, "zstd"},
		"diffusion":            {"{}", []string{d + "dduf"}, "no weights"},
		"a pickle":             {`{"config":{"format":"pt"}}`, []string{c + "weight.v1.raw"}, `"pt"`},
		"no format":            {"{}", []string{c + "weight.v1.raw"}, "no name"},
		"a path that leaves":   {"{}", []string{c + "weight.v1.raw ../x.gguf"}, "path"},
		"an absolute path":     {"{}", []string{c + "weight.v1.raw /tmp/x.gguf"}, "path"},
		"a backslash":          {"{}", []string{d + `model.file ..\x.gguf`}, "path"},
		"one file twice":       {"{}", []string{d + "gguf.v3 x.gguf", d + "model.file X.gguf"}, "two layers"},
		"no JSON":              {"[", []string{d + "gguf.v3"}, "configuration"},
		"JSON of other types":  {`{"config":[]}`, []string{d + "gguf.v3"}, "configuration"},
		"a template too large": {"{}", []string{d + "gguf.v3", d + "chat.template.jinja"}, "template"},
	} {
		m := ociManifest(x.layers...)
		if name == "a template too large" {
			m.Layers[1].Size = maxTextLayer + 1
		}
		if i, err := readOCI(m, []byte(x.config), "m"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %+v, %v, want ErrFormat with %q", name, i, err, x.want)
		}
	}
	other := ociManifest("application/vnd.oci.image.layer.v1.tar+gzip")
	other.Config.MediaType = "application/vnd.oci.image.config.v1+json"
	if _, err := readOCI(other, []byte("{}"), "m"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "no model") {
		t.Errorf("an image: %v, want ErrFormat and that it is no model", err)
	}
}

func FuzzReadOCI(f *testing.F) {
	f.Add(dockerLayer+"gguf.v3", "", `{"config":{"format":"gguf"}}`)
	f.Add(modelPackLayer+"weight.v1.tar+gzip", "a/b.gguf", "{}")
	f.Add(modelPackLayer+"weight.v1.raw", "../b.gguf", `{"config":{"format":"safetensors"}}`)
	f.Fuzz(func(t *testing.T, kind, at, config string) {
		m := ociManifest(kind+" "+at, dockerLayer+"license", kind)
		i, err := readOCI(m, []byte(config), "m")
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v, want ErrFormat", err)
			}
			return
		}
		for _, l := range i.layers {
			if _, err := registry.PlainPath(l.path); l.packing == unpacked && err != nil {
				t.Errorf("layer %s: %v", l.MediaType, err)
			}
		}
	})
}
