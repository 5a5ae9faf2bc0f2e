package model

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/packed"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// newImages returns an empty folder of images, that takes some of a few bytes.
func newImages(t *testing.T) *Images {
	t.Helper()
	return &Images{Store: packed.New(packed.Options{Folder: filepath.Join(t.TempDir(), "images"), Limit: 1 << 40})}
}

// What openKnown takes the digest of a model for.
const (
	itsOwn  = iota // as the store knows it
	another        // as if its file had been damaged since
)

// openKnown opens the model at a path whose digest is known.
func openKnown(t *testing.T, path string, digest byte, o Options) *Model {
	t.Helper()
	m, err := openKnownErr(path, digest, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func openKnownErr(path string, digest byte, o Options) (*Model, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if digest == another {
		files.Know([]checkpoint.Resource{{Name: ".", Digest: checkpoint.Digest{digest}}})
	} else if _, _, err := files.Root(context.Background(), ""); err != nil {
		return nil, err
	}
	return Open(files, o)
}

// keep writes the image of a model that was packed.
func keep(t *testing.T, m *Model) {
	t.Helper()
	if !m.IsUnkept() || m.Mapped() != 0 {
		t.Fatal("the model was not packed anew")
	}
	if err := m.Keep(t.Context(), packed.Watch{}); err != nil {
		t.Fatal(err)
	}
}

// writeGGUF writes a golden model as GGUF.
func writeGGUF(t *testing.T, model *tiny.Model, dt tensor.DType) string {
	t.Helper()
	g, err := model.GGUF(dt, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImageBits: a model whose weights are mapped from an image has the bits of one that
// was packed, in every family, on every implementation.
func TestImageBits(t *testing.T) {
	for _, name := range goldenModels {
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			o := Options{Latent: form, MTP: model.Config.NextN > 0}
			types := []tensor.DType{tensor.BF16, tensor.Q8_0}
			if name == "gemma3" {
				types = types[:1] // as no checkpoint has blocks
			}
			for _, dt := range types {
				t.Run(name+" "+form.String()+" "+dt.String(), func(t *testing.T) {
					if name == "gemma3" { // has no GGUF form
						c, err := model.Checkpoint(dt)
						holdImage(t, writeCheckpoint(t, c, err), o)
						return
					}
					holdImage(t, writeGGUF(t, model, dt), o)
				})
			}
		}
	}
	model, _ := loadExpectation(t, "deepseek-v3-fp8")
	c, err := model.FP8(false)
	t.Run("deepseek-v3-fp8", func(t *testing.T) { holdImage(t, writeCheckpoint(t, c, err), Options{}) })
}

// writeCheckpoint writes a golden model as safetensors.
func writeCheckpoint(t *testing.T, c *tiny.Checkpoint, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := c.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	return folder
}

func holdImage(t *testing.T, path string, o Options) {
	o.Images = newImages(t)
	anew := openKnown(t, path, itsOwn, o)
	keep(t, anew)
	mapped := openKnown(t, path, itsOwn, o)
	if mapped.Mapped() != anew.WeightBytes() || mapped.IsUnkept() || mapped.WeightBytes() != anew.WeightBytes() {
		t.Fatalf("%d bytes are mapped, want %d", mapped.Mapped(), anew.WeightBytes())
	}
	if !bytes.Equal(mapped.image.Bytes(), anew.memory.Bytes()) {
		t.Error("the image is not what was packed")
	}
	defer kernel.UseImpl(kernel.Current())
	sequences, kind := mixedLengths(anew.Config.VocabSize, 18, 5), anew.DefaultCache()
	for _, impl := range kernel.Implementations() {
		kernel.UseImpl(impl)
		want := newRunner(t, anew, kind, 2).run(t, sequences, whole)
		got := newRunner(t, mapped, kind, 2).run(t, sequences, whole)
		if err := sameBits(got.logits, want.logits); err != nil {
			t.Errorf("on %s: %v", impl, err)
		}
		if anew.drafts() {
			if err := sameBits(got.drafts, want.drafts); err != nil {
				t.Errorf("on %s: drafts: %v", impl, err)
			}
		}
	}
}

// TestImageOfAnother: an image serves the model, and the parts of it, that it was made of.
func TestImageOfAnother(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3-mtp")
	o := Options{Images: newImages(t)}
	path := writeGGUF(t, model, tensor.Q8_0)
	keep(t, openKnown(t, path, itsOwn, o))
	for what, open := range map[string]func() *Model{
		"another digest":  func() *Model { return openKnown(t, path, another, o) },
		"with its module": func() *Model { return openKnown(t, path, itsOwn, Options{Images: o.Images, MTP: true}) },
		"of another form": func() *Model { return openKnown(t, path, itsOwn, Options{Images: o.Images, Latent: Expanded}) },
		"of another type": func() *Model { return openKnown(t, writeGGUF(t, model, tensor.F32), itsOwn, o) },
		"too small to be kept": func() *Model {
			return openKnown(t, path, itsOwn, Options{Images: &Images{o.Images.Store, "", 1 << 40}})
		},
		"without what is kept":    func() *Model { return openKnown(t, path, itsOwn, Options{}) },
		"whose digest is unknown": func() *Model { return open(t, path, o) },
	} {
		if m := open(); m.Mapped() != 0 {
			t.Errorf("a model %s is mapped", what)
		}
	}
	if m := openKnown(t, path, itsOwn, o); m.Mapped() == 0 {
		t.Error("the same model is not mapped")
	}
}

// TestImageDamaged: a damaged image is packed anew, and written anew.
func TestImageDamaged(t *testing.T) {
	model, _ := loadExpectation(t, "llama")
	o := Options{Images: newImages(t)}
	path := writeGGUF(t, model, tensor.Q8_0)
	anew := openKnown(t, path, itsOwn, o)
	keep(t, anew)
	images, err := filepath.Glob(filepath.Join(o.Images.Store.Folder(), "*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%v, %v: want an image", images, err)
	}
	b, err := os.ReadFile(images[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-100] ^= 1
	if err := os.Chmod(images[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(images[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	again := openKnown(t, path, itsOwn, o)
	if !bytes.Equal(again.memory.Bytes(), anew.memory.Bytes()) {
		t.Error("it is not packed as before")
	}
	if said := strings.Join(again.Config.Assumed, "\n"); !strings.Contains(said, "damaged") || strings.Contains(strings.Join(anew.Config.Assumed, "\n"), "damaged") {
		t.Errorf("said is %q, want that its packed weights were damaged", said)
	}
	keep(t, again)
	if m := openKnown(t, path, itsOwn, o); m.Mapped() == 0 {
		t.Error("the new image is not mapped")
	}
}

// TestImageOfDamagedFile: a file that does not hold what the store says makes no image.
func TestImageOfDamagedFile(t *testing.T) {
	model, _ := loadExpectation(t, "llama")
	o := Options{Images: newImages(t)}
	m := openKnown(t, writeGGUF(t, model, tensor.Q8_0), another, o)
	if err := m.Keep(t.Context(), packed.Watch{}); !errors.Is(err, checkpoint.ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	if n, _, err := o.Images.Store.Bytes(); n != 0 || err != nil {
		t.Errorf("%d images, %v, want none", n, err)
	}
}

// TestImageInterrupted ends mapping and keeping.
func TestImageInterrupted(t *testing.T) {
	model, _ := loadExpectation(t, "llama")
	o := Options{Images: newImages(t)}
	path := writeGGUF(t, model, tensor.Q8_0)
	m := openKnown(t, path, itsOwn, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Keep(ctx, packed.Watch{}); !errors.Is(err, context.Canceled) {
		t.Errorf("keeping: %v, want context.Canceled", err)
	}
	keep(t, m)
	o.Interrupted = ctx.Err
	if _, err := openKnownErr(path, itsOwn, o); !errors.Is(err, context.Canceled) {
		t.Errorf("mapping: %v, want context.Canceled", err)
	}
}
