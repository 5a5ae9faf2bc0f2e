package hub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestDefaultPlaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other places for these folders; run on Linux or macOS")
	}
	ollama := []string{"/h/.ollama/models"}
	if runtime.GOOS == "linux" {
		ollama = append(ollama, "/usr/share/ollama/.ollama/models")
	}
	for _, c := range []struct {
		env  map[string]string
		want Places
	}{
		{map[string]string{"HOME": "/h"}, Places{
			"/h/.cache/huggingface/hub", ollama,
			[]string{"/h/.lmstudio/models", "/h/.cache/lm-studio/models"},
			[]string{"/h/.cache/modelscope", "/h/.cache/modelscope/hub"},
			"/h/.cache/llama.cpp",
		}},
		{map[string]string{"HF_HOME": "/hf", "OLLAMA_MODELS": "/o", "MODELSCOPE_CACHE": "/m", "LLAMA_CACHE": "/l"}, Places{"/hf/hub", []string{"/o"}, nil, []string{"/m", "/m/hub"}, "/l"}},
		{map[string]string{"HF_HOME": "/hf", "HF_HUB_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Places{HuggingFace: "/c", LlamaCpp: "/x/llama.cpp"}},
		{map[string]string{"XDG_CACHE_HOME": "/x"}, Places{HuggingFace: "/x/huggingface/hub", LlamaCpp: "/x/llama.cpp"}},
		{nil, Places{}},
	} {
		got := DefaultPlaces(func(name string) string { return c.env[name] })
		if got.HuggingFace != c.want.HuggingFace || !slices.Equal(got.Ollama, c.want.Ollama) || got.LlamaCpp != c.want.LlamaCpp ||
			!slices.Equal(got.LMStudio, c.want.LMStudio) || !slices.Equal(got.ModelScope, c.want.ModelScope) {
			t.Errorf("%v: got %+v, want %+v", c.env, got, c.want)
		}
	}
}

// places returns the folders of other programs under a new folder.
func places(t *testing.T) Places {
	dir := t.TempDir()
	return Places{
		HuggingFace: filepath.Join(dir, "hf"), Ollama: []string{filepath.Join(dir, "ollama")}, LMStudio: []string{filepath.Join(dir, "lm")},
		ModelScope: []string{filepath.Join(dir, "ms"), filepath.Join(dir, "ms", "hub")}, LlamaCpp: filepath.Join(dir, "llama.cpp"),
	}
}

func TestTakeFound(t *testing.T) {
	data := randomBytes(7, 5000)
	w := wanted{"Some/Repo-1.5B", "Q8_0/model.gguf", int64(len(data)), digestOf(data)}
	digits := w.digest.Hex()
	for name, at := range map[string]func(p Places) string{
		"a blob of huggingface_hub": func(p Places) string { return filepath.Join(p.HuggingFace, "models--Some--Repo-1.5B/blobs", digits) },
		"one of another repository": func(p Places) string { return filepath.Join(p.HuggingFace, "models--Other--Name/blobs", digits) },
		"a snapshot": func(p Places) string {
			return filepath.Join(p.HuggingFace, "models--Some--Repo-1.5B/snapshots/abc/Q8_0/model.gguf")
		},
		"Ollama":                        func(p Places) string { return filepath.Join(p.Ollama[0], "blobs/sha256-"+digits) },
		"LM Studio":                     func(p Places) string { return filepath.Join(p.LMStudio[0], "Some/Repo-1.5B/model.gguf") },
		"LM Studio, another repository": func(p Places) string { return filepath.Join(p.LMStudio[0], "A/B/model.gguf") },
		"ModelScope, new": func(p Places) string {
			return filepath.Join(p.ModelScope[0], "models/Some--Repo-1.5B/snapshots/master/Q8_0/model.gguf")
		},
		"ModelScope, old": func(p Places) string {
			return filepath.Join(p.ModelScope[1], "models/Some/Repo-1___5B/Q8_0/model.gguf")
		},
		"ModelScope, oldest":                 func(p Places) string { return filepath.Join(p.ModelScope[1], "Some/Repo-1___5B/Q8_0/model.gguf") },
		"llama.cpp before it shared a cache": func(p Places) string { return filepath.Join(p.LlamaCpp, "Some_Repo-1.5B_Q8_0_model.gguf") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.Places = places(t)
			to := filepath.Join(t.TempDir(), "staged")
			if _, ok, err := s.takeFound(t.Context(), w, to, nil); ok || err != nil {
				t.Fatalf("from nothing: %v, %v", ok, err)
			}
			path := at(s.Places)
			for _, wrong := range [][]byte{data[:len(data)-1], append(bytes.Clone(data[:len(data)-1]), data[len(data)-1]^1)} {
				write(t, path, wrong)
				if _, ok, err := s.takeFound(t.Context(), w, to, nil); ok || err != nil {
					t.Fatalf("from %d wrong bytes: %v, %v", len(wrong), ok, err)
				}
				if there, _ := exists(to); there {
					t.Fatal("wrong bytes stay")
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			write(t, path, data)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			f, ok, err := s.takeFound(t.Context(), w, to, nil)
			if !ok || err != nil || f.Digest != w.digest || f.Size != w.size || f.path != to {
				t.Fatalf("%+v, %v, %v", f, ok, err)
			}
			if st, err := os.Lstat(to); err != nil || !st.Mode().IsRegular() {
				t.Errorf("what was taken is %v, %v, want a file", st, err)
			}
			if !bytes.Equal(read(t, path), data) {
				t.Error("the other program's file has other bytes")
			}
			if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) || after.Mode() != before.Mode() {
				t.Errorf("the other program's file was changed: %v", err)
			}
			if err := os.RemoveAll(filepath.Dir(path)); err != nil { // as the other program may
				t.Fatal(err)
			}
			if !bytes.Equal(read(t, to), data) {
				t.Error("what was taken went with the other program's file")
			}
		})
	}
}

// The names in a cache of huggingface_hub are links to blobs, and those may be
// links themselves; a link to nothing, a folder and a pipe are none to take.
func TestTakeFoundBehindLinks(t *testing.T) {
	data := randomBytes(8, 300)
	w := wanted{"A/B", "m.gguf", int64(len(data)), digestOf(data)}
	s := newStore(t)
	s.Places = places(t)
	repo := filepath.Join(s.Places.HuggingFace, "models--A--B")
	shared := write(t, filepath.Join(s.Places.HuggingFace, "blobs/ab/xethash"), data)
	for _, dir := range []string{"blobs", "snapshots/c1", "snapshots/c0"} {
		if err := os.MkdirAll(filepath.Join(repo, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(repo, at)); err != nil {
			t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
		}
	}
	link("../../../nowhere", "snapshots/c0/m.gguf")
	link(shared, "blobs/"+w.digest.Hex())
	link("../../blobs/"+w.digest.Hex(), "snapshots/c1/m.gguf")
	if err := os.MkdirAll(filepath.Join(s.Places.Ollama[0], "blobs", "sha256-"+w.digest.Hex()), 0o755); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "staged")
	if f, ok, err := s.takeFound(t.Context(), w, to, nil); !ok || err != nil || f.Digest != w.digest {
		t.Fatalf("%+v, %v, %v", f, ok, err)
	}
	if st, err := os.Lstat(to); err != nil || !st.Mode().IsRegular() {
		t.Errorf("what was taken is %v, %v, want a file", st, err)
	}
}

func TestTakeFoundEnds(t *testing.T) {
	data := randomBytes(9, 300)
	s := newStore(t)
	s.Places = places(t)
	write(t, filepath.Join(s.Places.Ollama[0], "blobs", "sha256-"+digestOf(data).Hex()), data)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := s.takeFound(ctx, wanted{"", "m.gguf", 300, digestOf(data)}, filepath.Join(t.TempDir(), "x"), nil); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v, want the end", ok, err)
	}
}

// Nothing outside the places is looked at, whatever a listing says.
func TestCandidatesStayInside(t *testing.T) {
	data := []byte("outside")
	p := places(t)
	write(t, filepath.Join(filepath.Dir(p.Ollama[0]), "outside.gguf"), data)
	for _, dir := range []string{filepath.Join(p.HuggingFace, "models--A--B/snapshots/x"), filepath.Join(p.LMStudio[0], "A/B")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"../outside.gguf", "../../../../../outside.gguf", filepath.Join(filepath.Dir(p.Ollama[0]), "outside.gguf"), `..\outside.gguf`, ""} {
		for _, repository := range []string{"A/B", "../..", "A/../..", ""} {
			if got := p.candidates(wanted{repository, path, int64(len(data)), digestOf(data)}); got != nil {
				t.Errorf("%s of %q: %v", path, repository, got)
			}
		}
	}
	if got := p.candidates(wanted{"A/B", "outside.gguf", int64(len(data)), Digest{}}); got != nil {
		t.Errorf("without a digest: %v", got)
	}
}

// A file that was linked from another program, and whose pull was ended then, is
// taken anew: it keeps its mode, and what the store has to know of a hard link.
func TestFoundAfterAnEnd(t *testing.T) {
	f := newFakeRegistry(t)
	weights := tinyGGUF(t, 5, 16)
	f.publish("library/tiny", "latest", "application/vnd.docker.container.image.v1+json", "{}", layer{kind: ollamaLayer + "model", data: weights})
	s := f.storeFor(t)
	s.disk.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	s.Places = places(t)
	theirs := write(t, filepath.Join(s.Places.Ollama[0], "blobs", "sha256-"+digestOf(weights).Hex()), weights)
	before, err := os.Stat(theirs)
	if err != nil {
		t.Fatal(err)
	}
	staged := filepath.Join(s.stagingPath(Name{"tiny", DefaultTag}), "model", "tiny.gguf")
	if err := os.MkdirAll(filepath.Dir(staged), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(theirs, staged); err != nil {
		t.Skipf("no hard links here: %v; set TMPDIR to a folder of a file system that has them", err)
	}
	m, _, err := pullFrom(t, s, "ollama:tiny")
	if err != nil || f.sent[digestOf(weights)] != 0 {
		t.Fatalf("%v, fetched %d times", err, f.sent[digestOf(weights)])
	}
	if after, err := os.Stat(theirs); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the other program's file has mode %v, had %v (%v)", after.Mode(), before.Mode(), err)
	}
	if there, _ := exists(s.linkPath(m.Files[0].Digest)); !there {
		t.Error("the store does not know that its blob is a hard link")
	}
	checkStore(t, s)
}
