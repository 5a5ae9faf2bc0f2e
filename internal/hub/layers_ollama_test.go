package hub

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/registry"
)

// ollamaManifest returns a manifest with a layer of each kind.
func ollamaManifest(kinds ...string) *registry.Manifest {
	m := &registry.Manifest{}
	for i, kind := range kinds {
		if !strings.Contains(kind, "/") {
			kind = ollamaLayer + kind
		}
		m.Layers = append(m.Layers, registry.Descriptor{MediaType: kind, Digest: digestOf([]byte{byte(i)}), Size: int64(i + 1)})
	}
	return m
}

func TestReadOllama(t *testing.T) {
	i, err := readOllama(ollamaManifest("model", "template", "license", "params", "system", "license", "projector", "draft", "messages", "embed", "new", "application/other"), []byte(`{"model_format":"gguf"}`))
	if err != nil {
		t.Fatal(err)
	}
	if i.weights.Size != 1 || len(i.texts) != 5 || len(i.notes) != 5 {
		t.Errorf("got %+v", i)
	}
	for _, c := range []struct {
		name, config, want string
		layers             []string
	}{
		{"elsewhere", `{"remote_host":"https://ollama.com:443","remote_model":"x"}`, "runs on the servers of https://ollama.com:443", nil},
		{"tensors", `{"model_format":"safetensors"}`, "one layer a tensor", []string{"tensor", "json"}},
		{"an adapter", `{}`, "adapter", []string{"adapter"}},
		{"an adapter beside a model", `{}`, "adapter", []string{"model", "adapter"}},
		{"nothing", `{}`, "no weights", nil},
		{"two", `{}`, "2 layers", []string{"model", "model"}},
		{"another form", `{"model_format":"safetensors"}`, "safetensors", []string{"model"}},
		{"a damaged configuration", `[`, "configuration", []string{"model"}},
		{"a configuration of other types", `{"model_format":1}`, "configuration", []string{"model"}},
	} {
		if _, err := readOllama(ollamaManifest(c.layers...), []byte(c.config)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrFormat with %q", c.name, err, c.want)
		}
	}
	long := ollamaManifest("model", "license")
	long.Layers[1].Size = maxTextLayer + 1
	if _, err := readOllama(long, []byte("{}")); !errors.Is(err, ErrFormat) {
		t.Errorf("a long license: %v, want ErrFormat", err)
	}
}

func TestOllamaVariant(t *testing.T) {
	i := &ollamaImage{texts: ollamaManifest("template", "license", "license", "params", "system").Layers}
	v, err := i.variant([][]byte{[]byte("{{ .Prompt }}"), []byte("MIT"), []byte("more"), []byte(`{"temperature":0.6,"top_k":40.0,"num_ctx":4096,"stop":["</s>","x"],"num_gpu":1,"mirostat":2}`), []byte("Be brief.")})
	if err != nil {
		t.Fatal(err)
	}
	want := &Variant{System: "Be brief.", License: []string{"MIT", "more"}, Parameters: Parameters{Temperature: new(0.6), TopK: new(int64(40)), Context: new(int64(4096)), Stop: []string{"</s>", "x"}}}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got %+v, want %+v", v, want)
	}
	if notes := strings.Join(i.notes, "\n"); !strings.Contains(notes, "template") || !strings.Contains(notes, "mirostat, num_gpu") || len(i.notes) != 2 {
		t.Errorf("notes %q", i.notes)
	}
	if v, err := (&ollamaImage{}).variant(nil); v != nil || err != nil {
		t.Errorf("of nothing: %v, %v", v, err)
	}
	for _, text := range []string{"[]", "", `{"temperature":"hot"}`, `{"temperature":null}`, `{"top_k":1.5}`, `{"top_k":1e300}`, `{"seed":"1"}`, `{"stop":1}`, `{"stop":[1]}`, `{"stop":{}}`} {
		if p, _, err := readOllamaParameters([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %+v, %v, want ErrFormat", text, p, err)
		}
	}
	i = &ollamaImage{texts: ollamaManifest("system").Layers}
	if _, err := i.variant([][]byte{{0xff}}); !errors.Is(err, ErrFormat) {
		t.Errorf("a system that is no text: %v, want ErrFormat", err)
	}
}

func FuzzOllamaParameters(f *testing.F) {
	f.Add([]byte(`{"temperature":0.6,"top_k":40,"stop":["</s>"],"num_gpu":1}`))
	f.Add([]byte(`{"stop":"x","seed":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, _, err := readOllamaParameters(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v, want ErrFormat", err)
			}
			return
		}
		if err := (&Variant{Parameters: p}).check(); err != nil && !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
	})
}
