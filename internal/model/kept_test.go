package model

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/packed"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// mixtures are the golden models that have experts.
var mixtures = []string{"deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "deepseek-v3-mtp", "deepseek-v32", "glm4-moe-lite", "kimi-k2", "qwen3-moe"}

// needsOf surveys a model.
func needsOf(t *testing.T, path string, o Options) *Needs {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	n, err := Survey(files, o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeptBits: a model whose experts are not all in memory has the bits of one that has
// them, with as few as can be and with more, in any batch, chunking and thread count.
func TestKeptBits(t *testing.T) {
	for _, name := range mixtures {
		model, _ := loadExpectation(t, name)
		types := []tensor.DType{tensor.F32}
		if name == "deepseek-v3" { // whose quantised experts are more than what is read at once
			types = append(types, tensor.Q8_0)
		}
		for _, dt := range types {
			t.Run(name+" "+dt.String(), func(t *testing.T) {
				holdKept(t, writeGGUF(t, model, dt), Options{MTP: model.Config.NextN > 0})
			})
		}
	}
	model, _ := loadExpectation(t, "deepseek-v3-fp8")
	c, err := model.FP8(false)
	t.Run("deepseek-v3-fp8", func(t *testing.T) { holdKept(t, writeCheckpoint(t, c, err), Options{}) })
}

func holdKept(t *testing.T, path string, o Options) {
	whole1 := openKnown(t, path, itsOwn, o)
	n := needsOf(t, path, o)
	if n.ExpertBytes <= 0 || n.ExpertBytes >= n.WeightBytes || n.LeastExperts <= 0 || n.LeastExperts >= n.ExpertBytes {
		t.Fatalf("of %d bytes %d are experts, of which %d have to have room", n.WeightBytes, n.ExpertBytes, n.LeastExperts)
	}
	o.Images = newImages(t)
	sequences, kind := mixedLengths(whole1.Config.VocabSize, 18, 5, 30), whole1.DefaultCache()
	want := newRunner(t, whole1, kind, 2).run(t, sequences, whole)
	for _, bound := range boundsOf(n) {
		o.ExpertMemory = bound
		m := openKnown(t, path, itsOwn, o)
		if m.WeightBytes() != n.WeightBytes-n.ExpertBytes+bound || m.Mapped() != 0 || m.IsUnkept() {
			t.Errorf("the weights take %d bytes, %d of them mapped, want %d", m.WeightBytes(), m.Mapped(), n.WeightBytes-n.ExpertBytes+bound)
		}
		for _, threads := range []int{1, 3} {
			for what, p := range map[string]plan{"whole": whole, "pieces": pieces(7), "tail": tail(4), "mixed": mixed(uint64(threads), true)} {
				r := newRunner(t, m, kind, threads)
				got := r.run(t, sequences, p)
				if err := r.step.Err(); err != nil {
					t.Fatal(err)
				}
				if err := sameBits(got.logits, want.logits); err != nil {
					t.Errorf("%d bytes of experts, %d threads, %s: %v", bound, threads, what, err)
				}
				if m.drafts() {
					if err := sameBits(got.drafts, want.drafts); err != nil {
						t.Errorf("%d bytes of experts, %d threads, %s: drafts: %v", bound, threads, what, err)
					}
				}
			}
		}
		s, memory, ok := m.Experts()
		if !ok || memory > bound || s.Reads == 0 || s.Hits == 0 && bound > n.LeastExperts || s.Reads < s.Needed-s.Hits-s.Late || s.ReadBytes == 0 {
			t.Errorf("%d bytes of experts: counts are %+v", bound, s)
		}
	}
}

// boundsOf returns some bounds of a model's experts, which they do not fit.
func boundsOf(n *Needs) []int64 {
	return []int64{n.LeastExperts, (n.LeastExperts + n.ExpertBytes) / 2}
}

// keptModel returns the path of a model with experts, and options that leave most of them on
// the disk.
func keptModel(t *testing.T) (path string, o Options) {
	t.Helper()
	model, _ := loadExpectation(t, "deepseek-v3")
	path = writeGGUF(t, model, tensor.F32)
	return path, Options{Images: newImages(t), ExpertMemory: needsOf(t, path, Options{}).LeastExperts}
}

// imageOf returns the one image of a folder.
func imageOf(t *testing.T, o Options) string {
	t.Helper()
	images, err := filepath.Glob(filepath.Join(o.Images.Store.Folder(), "*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%v, %v: want an image", images, err)
	}
	return images[0]
}

// TestKeptImage: an image serves a model whether all its experts are in memory or not, and
// is the same whichever wrote it.
func TestKeptImage(t *testing.T) {
	path, few := keptModel(t)
	all := Options{Images: few.Images}
	openKnown(t, path, itsOwn, few)
	written, err := os.ReadFile(imageOf(t, few))
	if err != nil {
		t.Fatal(err)
	}
	if m := openKnown(t, path, itsOwn, all); m.Mapped() == 0 {
		t.Error("with all in memory it is packed anew")
	}
	few.Images = newImages(t)
	all.Images = few.Images
	keep(t, openKnown(t, path, itsOwn, all))
	kept, err := os.ReadFile(imageOf(t, few))
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(kept) {
		t.Error("the two images differ")
	}
	before, err := os.Stat(imageOf(t, few))
	if err != nil {
		t.Fatal(err)
	}
	openKnown(t, path, itsOwn, few)
	if after, err := os.Stat(imageOf(t, few)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the image was written anew: %v", err)
	}
	m := openKnown(t, path, itsOwn, Options{ExpertMemory: 1 << 40})
	if _, _, ok := m.Experts(); ok {
		t.Error("experts that fit are left on the disk")
	}
}

// TestKeptRefused: a bound that is too small, and experts that have no place on the disk.
func TestKeptRefused(t *testing.T) {
	path, o := keptModel(t)
	least := o.ExpertMemory
	o.ExpertMemory = 1 << 10
	_, err := openKnownErr(path, itsOwn, o)
	if !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "0 MiB") || !strings.Contains(err.Error(), fmt.Sprintf("%d MiB", (least+1<<20-1)>>20)) {
		t.Errorf("a KiB for experts: got %v, want ErrNoRoom with both numbers", err)
	}
	o.ExpertMemory, o.Images = least, nil
	if _, err := openKnownErr(path, itsOwn, o); !errors.Is(err, ErrNoImage) {
		t.Errorf("no place for an image: got %v, want ErrNoImage", err)
	}
	o.Images = &Images{Store: packed.New(packed.Options{Folder: filepath.Join(t.TempDir(), "images"), Limit: 1 << 10})}
	if _, err := openKnownErr(path, itsOwn, o); !errors.Is(err, packed.ErrFull) {
		t.Errorf("no room for an image: got %v, want ErrFull", err)
	}
	path, o = keptModel(t)
	o.MemoryLimit = 1 << 10
	if _, err := openKnownErr(path, itsOwn, o); !errors.Is(err, ErrNoRoom) {
		t.Errorf("no room for what is no expert: got %v, want ErrNoRoom", err)
	}
	mine := errors.New("mine")
	path, o = keptModel(t)
	o.Interrupted = func() error { return mine }
	if _, err := openKnownErr(path, itsOwn, o); !errors.Is(err, mine) {
		t.Errorf("interrupted: got %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(o.Images.Store.Folder(), "*")); len(names) != 0 {
		t.Errorf("%v are left", names)
	}
}

// TestKeptFailure: what cannot be read is told by the step that needed it, with the file, the
// layer and the expert; once it is there again the same step has the bits that it should.
func TestKeptFailure(t *testing.T) {
	path, o := keptModel(t)
	m := openKnown(t, path, itsOwn, o)
	image := imageOf(t, o)
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(image, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, m, m.DefaultCache(), 2)
	sequences := mixedLengths(m.Config.VocabSize, 20)
	want := r.run(t, sequences, whole)
	size := int64(len(b))
	fails := func(what string, want error) {
		t.Helper()
		err := r.forward(t, sequences[0])
		if !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
		for _, word := range []string{".packed", "layer ", "expert "} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", what, err, word)
			}
		}
	}
	if err := os.Truncate(image, size/4); err != nil {
		t.Fatal(err)
	}
	fails("cut", io.ErrUnexpectedEOF)
	if err := os.WriteFile(image, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.forward(t, sequences[0]); err != nil {
		t.Fatalf("whole again: %v", err)
	}
	if err := sameBits(r.run(t, sequences, whole).logits, want.logits); err != nil {
		t.Errorf("whole again: %v", err)
	}
	if err := os.WriteFile(image, append(b[:size/4:size/4], make([]byte, size-size/4)...), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("damaged", packed.ErrDamaged)
	if _, err := os.Stat(image); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged image: %v, want none", err)
	}
}

// TestKeptDamaged: an image that is damaged in what is no expert is written anew, and that is
// said.
func TestKeptDamaged(t *testing.T) {
	path, o := keptModel(t)
	openKnown(t, path, itsOwn, o)
	image := imageOf(t, o)
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(image, 0o600); err != nil {
		t.Fatal(err)
	}
	b[len(b)-int(needsOf(t, path, o).WeightBytes)] ^= 1 // the first byte of the weights
	if err := os.WriteFile(image, b, 0o600); err != nil {
		t.Fatal(err)
	}
	m := openKnown(t, path, itsOwn, o)
	if said := strings.Join(m.Config.Assumed, "\n"); !strings.Contains(said, "damaged") {
		t.Errorf("said is %q, want that its packed weights were damaged", said)
	}
	if m := openKnown(t, path, itsOwn, o); strings.Contains(strings.Join(m.Config.Assumed, "\n"), "damaged") {
		t.Error("it is damaged still")
	}
}

// forward computes the last hidden states of some tokens, and returns what went wrong.
func (r *runner) forward(t *testing.T, ids []int32) error {
	t.Helper()
	seq := r.cache.Private()
	defer seq.Free()
	if err := seq.Reserve(len(ids)); err != nil {
		t.Fatal(err)
	}
	r.m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Tokens: ids, Logits: 1}}})
	return r.step.Err()
}

// TestKeptForeseen: what the next layer's router makes of this layer's input is asked for
// ahead, and some of it is right.
func TestKeptForeseen(t *testing.T) {
	path, o := keptModel(t)
	n := needsOf(t, path, Options{})
	o.ExpertMemory = n.LeastExperts + n.ExpertBytes/4
	m := openKnown(t, path, itsOwn, o)
	r := newRunner(t, m, kernel.CacheF32, 1)
	r.run(t, mixedLengths(m.Config.VocabSize, 40), pieces(1))
	s, _, _ := m.Experts()
	if s.Guessed == 0 || s.Confirmed == 0 {
		t.Errorf("counts are %+v, want guesses, some of them right", s)
	}
	r.step.Record = func(Operation) {}
	r.run(t, mixedLengths(m.Config.VocabSize, 20), pieces(1))
	if again, _, _ := m.Experts(); again.Guessed != s.Guessed {
		t.Errorf("%d guesses where operations are recorded, want none", again.Guessed-s.Guessed)
	}
}

// TestKeptTogether: two steps at once use what one cache has.
func TestKeptTogether(t *testing.T) {
	path, o := keptModel(t)
	m := openKnown(t, path, itsOwn, o)
	all := openKnown(t, path, itsOwn, Options{})
	sequences := mixedLengths(m.Config.VocabSize, 25, 9)
	want := newRunner(t, all, kernel.CacheF32, 1).run(t, sequences, whole)
	done := make(chan error)
	for i := range 3 {
		r := newRunner(t, m, kernel.CacheF32, 1)
		go func() {
			got := r.run(t, sequences, pieces(1+3*i))
			done <- errors.Join(r.step.Err(), sameBits(got.logits, want.logits))
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
