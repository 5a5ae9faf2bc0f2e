package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/safetensors"
)

// tinyGGUF returns a GGUF with a few tensors of n × 32 random floats, another
// for every seed.
func tinyGGUF(tb testing.TB, seed uint64, n int) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gguf.NewWriter(&b)
	puts := []error{
		w.Put("general.architecture", gguf.ValueOf("llama")),
		w.Put("general.name", gguf.ValueOf("Tiny\x1b[31m Good")),
		w.Put("general.license", gguf.ValueOf("mit")),
		w.Put("llama.context_length", gguf.ValueOf(uint32(512))),
		w.Declare("a.weight", gguf.F32, n, 32),
		w.Declare("b.weight", gguf.F16, 4, 32),
		w.WriteTensor("a.weight", randomBytes(seed, n*32*4)),
		w.WriteTensor("b.weight", randomBytes(seed+1, 4*32*2)),
		w.Close(),
	}
	for i, err := range puts {
		if err != nil {
			tb.Fatalf("step %d: %v", i, err)
		}
	}
	return b.Bytes()
}

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b) // does not fail
	return b
}

// tinyFolder writes a published folder with safetensors to dir.
func tinyFolder(tb testing.TB, dir string) {
	tb.Helper()
	write(tb, filepath.Join(dir, "config.json"), []byte(`{"model_type": "qwen3", "text_config": {"max_position_embeddings": 4096}, "max_position_embeddings": 1}`))
	write(tb, filepath.Join(dir, "tokenizer.json"), []byte(`{"model": {"type": "BPE"}}`))
	write(tb, filepath.Join(dir, "chat_template.jinja"), []byte("{{ messages }}"))
	write(tb, filepath.Join(dir, "modeling_tiny.py"), []byte("import os"))
	write(tb, filepath.Join(dir, "pytorch_model.bin"), []byte("pickle"))
	w, err := safetensors.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		tb.Fatal(err)
	}
	steps := []error{
		w.Declare("x.weight", safetensors.BF16, 8, 4), w.Declare("x.weight_scale_inv", safetensors.F32, 2),
		w.WriteTensor("x.weight", make([]byte, 64)), w.WriteTensor("x.weight_scale_inv", make([]byte, 8)), w.Close(),
	}
	for i, err := range steps {
		if err != nil {
			tb.Fatalf("step %d: %v", i, err)
		}
	}
}

func write(tb testing.TB, path string, b []byte) string {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func digestOf(b []byte) Digest { return sha256.Sum256(b) }

func newStore(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(filepath.Join(tb.TempDir(), "home"))
	if err != nil {
		tb.Fatal(err)
	}
	s.pause = 10 * time.Millisecond
	return s
}

// entry is a member of a synthetic wheel.
type entry struct {
	name    string
	content []byte
}

// wheelBytes makes a wheel of a package, with METADATA and a RECORD of all
// members.
func wheelBytes(tb testing.TB, name, version string, requires []string, entries ...entry) []byte {
	tb.Helper()
	dist := strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info/"
	metadata := "Metadata-Version: 2.4\nName: " + name + "\nVersion: " + version + "\n"
	for _, r := range requires {
		metadata += "Requires-Dist: " + r + "\n"
	}
	metadata += "\nRequires-Dist: not-a-field==1\n"
	entries = append(slices.Clone(entries), entry{dist + "METADATA", []byte(metadata)}, entry{dist + "WHEEL", []byte("Wheel-Version: 1.0\n")})
	record := ""
	for _, e := range entries {
		sum := sha256.Sum256(e.content)
		record += fmt.Sprintf("%s,sha256=%s,%d\n", e.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(e.content))
	}
	return zipBytes(tb, append(entries, entry{dist + "RECORD", []byte(record + dist + "RECORD,,\n")})...)
}

func zipBytes(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e.name)
		if err == nil {
			_, err = w.Write(e.content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// wheelFile is the file name of a wheel.
func wheelFile(name, version string) string {
	return strings.ReplaceAll(name, "-", "_") + "-" + version + "-py3-none-any.whl"
}

// importTiny imports a tiny GGUF under a name.
func importTiny(tb testing.TB, s *Store, name string, seed uint64) *Model {
	tb.Helper()
	path := write(tb, filepath.Join(tb.TempDir(), "tiny.gguf"), tinyGGUF(tb, seed, 8))
	m, err := s.Import(context.Background(), path, name, nil)
	if err != nil {
		tb.Fatalf("import %s: %v", name, err)
	}
	return m
}

// files lists the regular files below dir, in order, with "/" between.
func files(tb testing.TB, dir string) (names []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path) // path is below dir
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// checkStore wants every stored model to be whole to the last byte, and
// nothing in the store that no model needs.
func checkStore(tb testing.TB, s *Store) {
	tb.Helper()
	models, err := s.List()
	if err != nil {
		tb.Fatalf("list: %v", err)
	}
	want := make(map[string]bool)
	for _, m := range models {
		if err := s.Verify(context.Background(), m, nil); err != nil {
			tb.Errorf("verify: %v", err)
		}
		if _, err := s.Path(m); err != nil {
			tb.Errorf("path: %v", err)
		}
		want["manifests/"+m.Name.Key().Hex()+".json"] = true
		for _, f := range m.Files {
			want["blobs/"+f.Digest.Hex()[:2]+"/"+f.Digest.Hex()] = true
			want["blobs/"+f.Digest.Hex()[:2]+"/"+f.Digest.Hex()+linkSuffix] = true // if it is one
			want["snapshots/"+m.listing().Hex()+"/"+f.Name] = true
		}
	}
	for _, f := range files(tb, s.dir) {
		if !want[f] && !strings.HasPrefix(f, "staging/") && !strings.HasPrefix(f, "locks/") {
			tb.Errorf("%s is in the store, and no model needs it", f)
		}
	}
}

func base64Of(d Digest) string { return base64.RawURLEncoding.EncodeToString(d[:]) }
