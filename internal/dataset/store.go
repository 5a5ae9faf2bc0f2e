package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/safetensors"
)

// storeVersion is part of every key: another way to make samples needs another one.
const storeVersion = 2

// Key returns what the samples of files depend on, as one digest: the bytes of the files
// and their names, what reads them (tokens names tokenizer and template), and settings.
func Key(ctx context.Context, paths []string, tokens string, o Options, validation float64) (string, error) {
	h := sha256.New()
	head, err := json.Marshal([]any{storeVersion, tokens, o, validation})
	if err != nil {
		return "", err
	}
	h.Write(append(head, '\n'))
	err = Digested(paths, func(path string) error {
		digest, err := digestOf(ctx, path)
		fmt.Fprintf(h, "%q %x\n", path, digest)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// reading ends with its context.
type reading struct {
	ctx context.Context
	io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func digestOf(ctx context.Context, path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is no regular file: %w", message.Clean(path), ErrFormat)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, reading{ctx, f})
	return h.Sum(nil), err
}

// ErrOtherKey: a stored set was made of other files, by another model or other settings.
var ErrOtherKey = errors.New("samples of other examples or settings")

// stored is what stands in the metadata of a stored set.
type stored struct {
	Files  []string `json:"files"`
	Counts Counts   `json:"counts"`
}

// Save writes a set to a file, under its key.
func (s *Set) Save(path string) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	text, err := json.Marshal(stored{s.Files, s.Counts})
	if err != nil {
		return err
	}
	if err := errors.Join(w.Put("key", s.Key), w.Put("set", string(text))); err != nil {
		return err
	}
	parts := map[string]*Samples{"train": &s.Train, "validation": &s.Validation}
	for _, name := range []string{"train", "validation"} {
		p := parts[name]
		if err := errors.Join(
			w.Declare(name+".ends", safetensors.I64, p.Len()), w.Declare(name+".origin", safetensors.I32, p.Len(), 2),
			w.Declare(name+".ids", safetensors.I32, len(p.IDs)), w.Declare(name+".learned", safetensors.Bool, len(p.IDs)),
			w.Declare(name+".roles", safetensors.U8, len(p.Roles)),
		); err != nil {
			return err
		}
	}
	for _, name := range []string{"train", "validation"} {
		p := parts[name]
		ends := make([]int64, p.Len())
		for i, n := range p.Ends {
			ends[i] = int64(n)
		}
		for _, x := range []struct {
			name   string
			values any
		}{{"ends", ends}, {"origin", p.Origin}, {"ids", p.IDs}, {"learned", p.Learned}, {"roles", p.Roles}} {
			b, err := binary.Append(nil, binary.LittleEndian, x.values)
			if err != nil {
				return err
			}
			if err := w.WriteTensor(name+"."+x.name, b); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// Stored reads a set that was saved under a key. The error wraps fs.ErrNotExist,
// ErrOtherKey, or ErrFormat for a file that is damaged.
func Stored(path, key string) (*Set, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", message.Clean(path), fmt.Sprintf(format, args...), ErrFormat)
	}
	if got := f.Metadata()["key"]; got != key {
		return nil, fmt.Errorf("%s: %w", message.Clean(path), ErrOtherKey)
	}
	var head stored
	if err := json.Unmarshal([]byte(f.Metadata()["set"]), &head); err != nil {
		return nil, refuse("counts: %v", err)
	}
	s := &Set{Files: head.Files, Counts: head.Counts, Key: key}
	err = f.Guard(func() error {
		for name, p := range map[string]*Samples{"train": &s.Train, "validation": &s.Validation} {
			if err := p.read(f, name, len(s.Files)); err != nil {
				return refuse("%v", err)
			}
		}
		return nil
	})
	return s, err
}

// read takes samples from a file, and checks that they hold together.
func (s *Samples) read(f *safetensors.File, name string, files int) error {
	tensor := func(part string, t safetensors.DType) ([]byte, error) {
		x, ok := f.Tensor(name + "." + part)
		if !ok || x.DType != t {
			return nil, fmt.Errorf("tensor %s.%s: is missing, or of another type than %s", name, part, t)
		}
		return f.Bytes(x)
	}
	ends, err := tensor("ends", safetensors.I64)
	if err != nil {
		return err
	}
	origin, err := tensor("origin", safetensors.I32)
	if err != nil {
		return err
	}
	ids, err := tensor("ids", safetensors.I32)
	if err != nil {
		return err
	}
	learned, err := tensor("learned", safetensors.Bool)
	if err != nil {
		return err
	}
	roles, err := tensor("roles", safetensors.U8)
	if err != nil {
		return err
	}
	n, tokens := len(ends)/8, len(ids)/4
	if len(origin) != 8*n || len(learned) != tokens {
		return fmt.Errorf("%s: %d samples with %d origins, %d tokens with %d marks", name, n, len(origin)/8, tokens, len(learned))
	}
	s.IDs, s.Learned, s.Origin = make([]int32, tokens), make([]bool, tokens), make([]Place, n)
	for i := range s.IDs {
		s.IDs[i], s.Learned[i] = int32(binary.LittleEndian.Uint32(ids[4*i:])), learned[i] != 0
	}
	last := 0
	for i := range n {
		end := binary.LittleEndian.Uint64(ends[8*i:])
		p := Place{int32(binary.LittleEndian.Uint32(origin[8*i:])), int32(binary.LittleEndian.Uint32(origin[8*i+4:]))}
		if end > uint64(tokens) || int(end) < last+2 || p.File < 0 || int(p.File) >= files {
			return fmt.Errorf("%s: sample %d ends at %d of %d and is of file %d of %d", name, i, end, tokens, p.File, files)
		}
		last = int(end)
		s.Ends, s.Origin[i] = append(s.Ends, last), p
	}
	for _, r := range roles {
		s.Roles = append(s.Roles, Role(r))
	}
	if !s.paired() {
		return fmt.Errorf("%s: %d samples with %d roles, which are not those of preferences", name, n, len(roles))
	}
	if last != tokens {
		return fmt.Errorf("%s: %d tokens behind the last sample", name, tokens-last)
	}
	return nil
}
