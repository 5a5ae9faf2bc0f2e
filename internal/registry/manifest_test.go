package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestParseManifest(t *testing.T) {
	text := `{"schemaVersion":2,"mediaType":"` + TypeManifest + `","artifactType":"x/y","config":{"mediaType":"c/d","digest":"` + digestA + `","size":3},
		"layers":[{"mediaType":"Application/X; charset=utf-8","digest":"` + digestB + `","size":5,"annotations":{"org.cncf.model.filepath":"a/b.gguf"}},
		{"mediaType":"e/f","digest":"sha256-` + strings.ToUpper(digestA[7:]) + `","size":0}],"more":[[1]]}`
	m, err := ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.ArtifactType != "x/y" || m.Config.Size != 3 || m.Config.MediaType != "c/d" || len(m.Layers) != 2 || m.Size() != 5 {
		t.Errorf("got %+v", m)
	}
	if l := m.Layers[0]; l.MediaType != "application/x" || FormatDigest(l.Digest) != digestB || l.Annotations["org.cncf.model.filepath"] != "a/b.gguf" {
		t.Errorf("first layer %+v", l)
	}
	if got := FormatDigest(m.Layers[1].Digest); got != digestA {
		t.Errorf("second layer %s, want %s", got, digestA)
	}
}

func TestParseIndex(t *testing.T) {
	for _, kind := range []string{`"mediaType":"` + TypeIndex + `",`, `"mediaType":"` + TypeDockerIndex + `",`, ""} {
		m, err := ParseManifest([]byte(`{"schemaVersion":2,` + kind + `"manifests":[{"mediaType":"` + TypeManifest + `","digest":"` + digestA + `","size":9,"platform":{"os":"unknown"}}]}`))
		if err != nil || len(m.Manifests) != 1 || FormatDigest(m.Manifests[0].Digest) != digestA {
			t.Errorf("%s: got %+v, %v", kind, m, err)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	config := `"config":{"mediaType":"c/d","digest":"` + digestA + `","size":3}`
	layer := func(digest, size string) string {
		return `{"schemaVersion":2,` + config + `,"layers":[{"digest":"` + digest + `","size":` + size + `}]}`
	}
	million := strings.Builder{}
	million.WriteString(`{"schemaVersion":2,` + config + `,"layers":[`)
	for i := range maxDescriptors + 1 {
		if i > 0 {
			million.WriteByte(',')
		}
		fmt.Fprintf(&million, `{"digest":"%s","size":1}`, digestA)
	}
	million.WriteString("]}")
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "a page": "<html>", "a list": "[]", "deep": strings.Repeat("[", 100_000), "deep inside": `{"schemaVersion":2,"layers":` + strings.Repeat("[", 100_000),
		"schema 1": `{"schemaVersion":1,"fsLayers":[]}`, "no config": `{"schemaVersion":2,"layers":[]}`, "an index of nothing": `{"schemaVersion":2,"manifests":[]}`,
		"a negative size": layer(digestA, "-1"), "a size in words": layer(digestA, `"12"`), "a size of a fraction": layer(digestA, "1.5"), "a huge size": layer(digestA, "1e30"), "no size": layer(digestA, "null"),
		"another algorithm": layer("md5:d41d8cd98f00b204e9800998ecf8427e", "1"), "a path": layer("sha256:../../../../tmp/x", "1"), "short": layer("sha256:00", "1"),
		"no digits": layer("sha256:"+strings.Repeat("z", 64), "1"), "no algorithm": layer(digestA[7:], "1"), "longer": layer(digestA+"aa", "1"),
		"layers that are none": `{"schemaVersion":2,` + config + `,"layers":{}}`, "a layer that is none": `{"schemaVersion":2,` + config + `,"layers":[null]}`,
		"too many": million.String(), "too long": `{"schemaVersion":2,"x":"` + strings.Repeat("x", MaxManifest) + `"}`,
		"sizes that overflow": `{"schemaVersion":2,` + config + `,"layers":[{"digest":"` + digestA + `","size":9223372036854775807},{"digest":"` + digestA + `","size":2}]}`,
	} {
		if m, err := ParseManifest([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, %v, want ErrFormat", name, m, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"` + TypeManifest + `","config":{"digest":"` + digestA + `","size":3},"layers":[{"digest":"` + digestB + `","size":5,"annotations":{"a":"b"}}]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"` + digestA + `","size":9}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v, want ErrFormat", err)
			}
			return
		}
		if m.Size() < 0 || len(m.Layers) > maxDescriptors || len(m.Manifests) > 0 == (m.Config.Digest != [32]byte{}) && len(m.Manifests) > 0 {
			t.Errorf("%+v", m)
		}
	})
}
