package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sampleModel() *Model {
	return &Model{
		Name: Name{"hf.co/U/R", "Q4_K_M"},
		Origin: Origin{
			Source: "pip:x", Version: "1.0",
			Packages: []Package{{Name: "x", Version: "1.0", File: "x-1.0-py3-none-any.whl", Size: 3, Digest: Digest{3}}},
		},
		PulledAt: time.Date(2026, 11, 24, 1, 2, 3, 4, time.UTC),
		Files:    []File{{RoleModel, "x.gguf", 7, Digest{1}}, {RoleShard, "y.gguf", 0, Digest{2}}},
		Facts:    Facts{Format: "gguf", Architecture: "llama", Parameters: 5, Quantization: "Q4_K_M", Context: 8192},
	}
}

func TestManifestRoundTrip(t *testing.T) {
	want := sampleModel()
	text, err := encodeManifest(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseManifest(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	if got.Size() != 7 {
		t.Errorf("size %d, want 7", got.Size())
	}
	sums := fmt.Sprintf("%s  x.gguf\n%s  y.gguf\n", Digest{1}.Hex(), Digest{2}.Hex())
	if got.Digest() != digestOf([]byte(sums)) {
		t.Error("the digest of several files is not that of sha256sum's lines")
	}
	got.Files = got.Files[:1]
	if got.Digest() != (Digest{1}) {
		t.Error("the digest of one file is not that file's")
	}
	known := strings.Replace(string(text), `"version": 1,`, `"version": 1, "later": [1, {"x": 2}],`, 1)
	if _, err := parseManifest([]byte(known)); err != nil {
		t.Errorf("a field of a later release: %v", err)
	}
}

func TestManifestRefused(t *testing.T) {
	text, err := encodeManifest(sampleModel())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, old, new string }{
		{"a higher version", `"version": 1`, `"version": 2`},
		{"no version", `"version": 1`, `"verse": 1`},
		{"no name", `"name": "hf.co/U/R:Q4_K_M"`, `"nome": "x"`},
		{"a name that leads out", "hf.co/U/R:Q4_K_M", "../x"},
		{"a file that leads out", "x.gguf", "../x.gguf"},
		{"a file with a path", "x.gguf", "a/x.gguf"},
		{"a hidden file", "x.gguf", ".x"},
		{"a file twice", `"y.gguf"`, `"X.GGUF"`},
		{"an unknown role", `"shard"`, `"program"`},
		{"a negative size", `"size": 7`, `"size": -7`},
		{"a size that overflows", `"size": 0`, `"size": 9223372036854775807`},
		{"a size too large", `"size": 7`, `"size": 9223372036854775808`},
		{"an upper-case digest", Digest{1}.String(), "sha256:" + strings.ToUpper(strings.Repeat("ab", 32))},
		{"a short digest", Digest{1}.String(), "sha256:00"},
		{"no digest", Digest{1}.String(), Digest{}.String()},
		{"a digest that leads out", Digest{1}.String(), "../../x"},
		{"a time that is none", "2026-11-24T", "yesterday"},
		{"cut", "}\n", ""},
		{"bytes behind", "\n}\n", "\n}\n{}"},
	} {
		bad := strings.Replace(string(text), c.old, c.new, 1)
		if bad == string(text) {
			t.Fatalf("%s: %q is not in the manifest", c.what, c.old)
		}
		if m, err := parseManifest([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %+v, %v, want ErrFormat", c.what, m, err)
		}
	}
	for _, bad := range []string{"", "null", "[]", "{}", `{"version": 1}`, strings.Repeat("[", 1<<20), strings.Repeat(" ", maxManifest+1)} {
		if m, err := parseManifest([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%.20q: %+v, %v, want ErrFormat", bad, m, err)
		}
	}
	m := sampleModel()
	m.Files = nil
	if _, err := encodeManifest(m); err == nil {
		t.Error("a model without files was written")
	}
	m.Files = make([]File, maxFiles+1)
	for i := range m.Files {
		m.Files[i] = File{RoleShard, fmt.Sprint("f", i), 1, Digest{1}}
	}
	if _, err := encodeManifest(m); err == nil {
		t.Error("a model with too many files was written")
	}
}

func FuzzParseManifest(f *testing.F) {
	text, err := encodeManifest(sampleModel())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.Replace(text, []byte(`"facts"`), []byte(`"variant": {"system": "x", "parameters": {"stop": ["y"], "seed": -1}}, "facts"`), 1))
	f.Add([]byte(`{"version": 1, "name": "x", "files": [{"role": "model", "name": "a", "size": 1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		again, err := encodeManifest(m)
		if err != nil {
			t.Fatalf("read from %q and cannot be written: %v", text, err)
		}
		if !json.Valid(again) {
			t.Fatalf("not JSON: %q", again)
		}
		for _, file := range m.Files {
			if !PlainName(file.Name) {
				t.Fatalf("file name %q", file.Name)
			}
		}
	})
}
