package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/safetensors"
)

// The names of a folder of states. What it has beside them is left alone.
const (
	manifestName = "run.json"
	lockName     = "lock"
	statePrefix  = "state-"
	tensorSuffix = ".safetensors"
)

// Folder is where a run keeps its states, so that it goes on from the last one to the same
// bits. A state is written under a name of its own, then the manifest that names it, with
// its digest, gets its place: a run that is killed at any moment leaves one or the other.
type Folder struct {
	path     string
	lock     *os.File
	manifest manifest
}

// manifest says what the folder holds.
type manifest struct {
	Format   int               `json:"format"`
	Identity string            `json:"identity"` // of the run: settings, batches, weights that it began with
	Step     int               `json:"step"`
	State    string            `json:"state"`
	Files    map[string]string `json:"files"` // SHA-256 by name
	Notes    json.RawMessage   `json:"notes"` // the run's own
	Digest   string            `json:"digest"`
}

// manifestFormat is the version of the folder's form.
const manifestFormat = 1

// digest returns the digest of a manifest without its own.
func (m manifest) digest() string {
	m.Digest = ""
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return hexDigest(b)
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// OpenFolder opens the folder of a run, and makes it where there is none. The error wraps
// ErrState where what it holds was changed, ErrSettings where that is of another run or one
// that is under way.
func OpenFolder(path, identity string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, err
	}
	f := &Folder{path: path}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	f.lock = lock
	if err := filelock.Try(lock); errors.Is(err, filelock.ErrLocked) {
		f.Close()
		return nil, fmt.Errorf("train: %s: another run is writing there: %w", path, ErrSettings)
	}
	if err := f.open(identity); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close gives the folder to other runs.
func (f *Folder) Close() { _ = f.lock.Close() }

// wrong returns an error about a file of the folder.
func (f *Folder) wrong(name, what string) error {
	return fmt.Errorf("train: %s: %s: %w", filepath.Join(f.path, name), what, ErrState)
}

// maxManifest bounds the manifest, which has a few numbers a step.
const maxManifest = 1 << 28

func (f *Folder) open(identity string) error {
	b, err := readBounded(filepath.Join(f.path, manifestName), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		f.manifest = manifest{Format: manifestFormat, Identity: identity, Files: map[string]string{}}
		return nil
	}
	if err != nil {
		return err
	}
	m := &f.manifest
	if err := strictJSON(b, m); err != nil || m.Format != manifestFormat || m.digest() != m.Digest || m.Files[m.State] == "" {
		return f.wrong(manifestName, "is not as it was written")
	}
	if m.Identity != identity {
		return fmt.Errorf("train: %s: holds a run of other settings, batches or weights: take another folder: %w", f.path, ErrSettings)
	}
	for name, want := range m.Files {
		got, err := f.sum(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && got != want {
			return f.wrong(name, "is gone or was changed")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("train: %s: more than %d bytes: %w", path, most, ErrState)
	}
	return b, err
}

// sum returns the SHA-256 of a file of the folder.
func (f *Folder) sum(name string) (string, error) {
	if name != filepath.Base(name) {
		return "", f.wrong(manifestName, "names "+name)
	}
	file, err := os.Open(filepath.Join(f.path, name))
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Step returns how many steps the last state is behind; 0 where there is none.
func (f *Folder) Step() int { return f.manifest.Step }

// Notes reads what the last state was saved with.
func (f *Folder) Notes(v any) error {
	if f.manifest.Step == 0 {
		return nil
	}
	if err := json.Unmarshal(f.manifest.Notes, v); err != nil {
		return f.wrong(manifestName, "its notes: "+err.Error())
	}
	return nil
}

// write writes a file of the folder, whole or not at all, and returns its digest.
func (f *Folder) write(name string, fill func(w io.Writer) error) (string, error) {
	file, err := newfile.Create(filepath.Join(f.path, name))
	if err != nil {
		return "", err
	}
	defer file.Discard()
	h := sha256.New()
	if err := fill(io.MultiWriter(file, h)); err != nil {
		return "", err
	}
	if err := file.Finish(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), file.Place()
}

// Keep writes the trainer's weights as they are to a file that stays in the folder, and
// counts from the next Save on.
func (f *Folder) Keep(name string, t *Trainer) error {
	sum, err := f.write(name+tensorSuffix, func(w io.Writer) error { return writeAll(safetensors.NewWriter(w), t.weightOutputs()) })
	if err == nil {
		f.manifest.Files[name+tensorSuffix] = sum
	}
	return err
}

// Kept reads the weights that Keep wrote, in the order of the trainer's.
func (f *Folder) Kept(name string, t *Trainer) ([][]float32, error) {
	if f.manifest.Files[name+tensorSuffix] == "" {
		return nil, f.wrong(name+tensorSuffix, "is missing")
	}
	values := make([][]float32, len(t.weights))
	for i, w := range t.weights {
		values[i] = make([]float32, w.Len())
	}
	return values, f.read(name+tensorSuffix, func(r *stateReader) {
		r.tensors("", t.weights, func(i int) []float32 { return values[i] })
	})
}

// Save writes the trainer's state, with notes of the run's own, and removes the one before.
func (f *Folder) Save(t *Trainer, notes any) error {
	raw, err := json.Marshal(notes)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s%d%s", statePrefix, t.done, tensorSuffix)
	sum, err := f.write(name, func(w io.Writer) error { return writeAll(safetensors.NewWriter(w), t.stateOutputs()) })
	if err != nil {
		return err
	}
	m := f.manifest
	m.Files = map[string]string{name: sum}
	for other, sum := range f.manifest.Files {
		if !strings.HasPrefix(other, statePrefix) {
			m.Files[other] = sum
		}
	}
	m.Step, m.State, m.Notes = t.done, name, raw
	m.Digest = m.digest()
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := f.write(manifestName, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	f.manifest = m
	f.tidy()
	return nil
}

// tidy removes states that the manifest does not name, and what killed runs left half
// written. What cannot be removed stays.
func (f *Folder) tidy() {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := e.Name()
		state := strings.HasPrefix(name, statePrefix) && strings.HasSuffix(name, tensorSuffix)
		partial := strings.HasSuffix(name, ".partial") && (strings.HasPrefix(name, statePrefix) || strings.HasPrefix(name, manifestName))
		if state && f.manifest.Files[name] == "" || partial {
			_ = os.Remove(filepath.Join(f.path, name))
		}
	}
}

// Restore brings the trainer to the last state, if there is one.
func (f *Folder) Restore(t *Trainer) error {
	if f.manifest.Step == 0 {
		return nil
	}
	t.begin()
	trained := make([]*model.Weight, len(t.gradients.All))
	for i, g := range t.gradients.All {
		trained[i] = g.Weight
	}
	err := f.read(f.manifest.State, func(r *stateReader) {
		r.tensors("", t.weights, func(i int) []float32 { return t.weights[i].Values() })
		r.tensors(meanPrefix, trained, func(i int) []float32 { return t.moments[i].m })
		r.tensors(squarePrefix, trained, func(i int) []float32 { return t.moments[i].v })
	})
	if err != nil {
		return err
	}
	t.done = f.manifest.Step
	return nil
}

// What stands before the names of tensors of moments.
const (
	meanPrefix   = "mean."
	squarePrefix = "square."
)

// weightOutputs are the weights, as they are in memory.
func (t *Trainer) weightOutputs() []output {
	return outputsOf("", t.weights, func(i int) []float32 { return t.weights[i].Values() })
}

// stateOutputs are weights and moments.
func (t *Trainer) stateOutputs() []output {
	trained := make([]*model.Weight, len(t.gradients.All))
	for i, g := range t.gradients.All {
		trained[i] = g.Weight
	}
	return slices.Concat(t.weightOutputs(),
		outputsOf(meanPrefix, trained, func(i int) []float32 { return t.moments[i].m }),
		outputsOf(squarePrefix, trained, func(i int) []float32 { return t.moments[i].v }))
}

// outputsOf returns the tensors of weights, with numbers that lie as theirs do.
func outputsOf(prefix string, weights []*model.Weight, numbers func(i int) []float32) (list []output) {
	place := map[*model.Weight]int{}
	for i, w := range weights {
		place[w] = i
	}
	for _, x := range Tensors(weights) {
		list = append(list, output{prefix + x.Name, safetensors.F32, x.Shape, func() []byte {
			return x.Values(func(w *model.Weight) []float32 { return numbers(place[w]) })
		}})
	}
	return list
}

// read reads a file of the folder, whose digest was looked at.
func (f *Folder) read(name string, fill func(r *stateReader)) error {
	file, err := safetensors.Open(filepath.Join(f.path, name))
	if err != nil {
		return f.wrong(name, err.Error())
	}
	defer file.Close()
	r := &stateReader{file: file}
	if err := file.Guard(func() error { fill(r); return r.err }); err != nil {
		return f.wrong(name, err.Error())
	}
	return nil
}

// stateReader keeps the first error.
type stateReader struct {
	file *safetensors.File
	err  error
}

// tensors reads the tensors of weights into numbers that lie as theirs do.
func (r *stateReader) tensors(prefix string, weights []*model.Weight, numbers func(i int) []float32) {
	place := map[*model.Weight]int{}
	for i, w := range weights {
		place[w] = i
	}
	for _, x := range Tensors(weights) {
		t, ok := r.file.Tensor(prefix + x.Name)
		if r.err != nil {
			return
		}
		if !ok || t.DType != safetensors.F32 || !slices.Equal(t.Shape, x.Shape) {
			r.err = fmt.Errorf("tensor %s is missing or of another shape", prefix+x.Name)
			return
		}
		b, err := r.file.Bytes(t)
		if err != nil {
			r.err = err
			return
		}
		values := decodeFloats(b)
		for _, w := range x.parts {
			w.Pack(numbers(place[w]), values)
		}
	}
}

// Identity returns a digest of what a run is: parts, in order, and the weights that it
// begins with.
func (t *Trainer) Identity(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d\n", len(p))
		h.Write(p)
	}
	for _, o := range t.weightOutputs() {
		fmt.Fprintf(h, "%s %v\n", o.name, o.shape)
		_, _ = io.Copy(h, bytes.NewReader(o.bytes()))
	}
	return hex.EncodeToString(h.Sum(nil))
}
