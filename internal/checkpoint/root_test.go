package checkpoint

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// plain returns a checkpoint of files that need be no model's.
func plain(folder string, alone bool, weights ...string) *Checkpoint {
	c := &Checkpoint{path: folder, folder: folder, alone: alone, files: Files{Kind: GGUF, Weights: weights}}
	c.root.turn = make(chan struct{}, 1)
	return c
}

// TestRootVectors compares with roots that an independent program computed.
func TestRootVectors(t *testing.T) {
	f, err := os.Open("testdata/roots.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	n := 0
	for lines.Scan() {
		var v struct {
			Name, Model string
			Files       map[string]string
			Want        struct {
				Root  string
				Files int
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(t.TempDir(), "m")
		for name, text := range v.Files {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			write(t, folder, filepath.FromSlash(name), string(b))
		}
		c := plain(folder, false)
		if v.Model != "m" {
			var weights []string
			for name := range v.Files {
				weights = append(weights, name)
			}
			c = plain(folder, true, weights...)
		}
		root, resources, err := c.Root(t.Context(), "")
		if err != nil || root.String() != v.Want.Root || len(resources) != v.Want.Files {
			t.Errorf("%s: %s of %d files, %v, want %s of %d", v.Name, root, len(resources), err, v.Want.Root, v.Want.Files)
		}
		if v.Want.Files == 1 && resources[0].Name != "." {
			t.Errorf("%s: one file is called %q, want a dot", v.Name, resources[0].Name)
		}
		n++
	}
	if err := lines.Err(); err != nil || n != 3 {
		t.Errorf("%d vectors, %v, want 3", n, err)
	}
}

func TestRootRefuses(t *testing.T) {
	linked := t.TempDir()
	write(t, linked, "a", "x")
	if err := os.Symlink("a", filepath.Join(linked, "b")); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	hidden := t.TempDir()
	write(t, hidden, ".git/x", "x")
	write(t, hidden, ".gitignore", "x")
	for folder, want := range map[string]error{linked: ErrLink, t.TempDir(): ErrEmpty, hidden: ErrEmpty} {
		if _, _, err := plain(folder, false).Root(t.Context(), ""); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", folder, err, want)
		}
	}
	if _, _, err := plain(linked, true, "b").Root(t.Context(), ""); !errors.Is(err, ErrLink) {
		t.Errorf("a link alone: %v, want ErrLink", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := plain(linked, true, "a")
	if _, _, err := c.Root(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := c.Root(t.Context(), ""); err != nil {
		t.Errorf("after one that was cancelled: %v", err)
	}
}

// TestRootOfParts: of a model of several files, whichever was named, all count.
func TestRootOfParts(t *testing.T) {
	folder := t.TempDir()
	const shard = "model-00001-of-00001.safetensors"
	writeSafetensors(t, filepath.Join(folder, shard))
	write(t, folder, indexName, map[string]any{"weight_map": map[string]string{"a": shard}})
	for _, name := range []string{"", shard, indexName} {
		_, resources, err := mustOpen(t, filepath.Join(folder, name)).Root(t.Context(), "")
		if err != nil || len(resources) != 2 || resources[0].Name != shard || resources[1].Name != indexName {
			t.Errorf("of %q: %v, %v, want both files", name, resources, err)
		}
	}
	single := filepath.Join(t.TempDir(), "x.safetensors")
	writeSafetensors(t, single)
	write(t, filepath.Dir(single), "other", "x")
	if _, resources, err := mustOpen(t, single).Root(t.Context(), ""); err != nil || len(resources) != 1 || resources[0].Name != "." {
		t.Errorf("of one file: %v, %v, want it alone", resources, err)
	}
}

// TestRootOfWhatIsOpen: a file that was replaced while it is open has no root.
func TestRootOfWhatIsOpen(t *testing.T) {
	path := writeGGUF(t, filepath.Join(t.TempDir(), "m.gguf"), nil, nil)
	c := mustOpen(t, path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Skipf("a file that is open cannot be removed here: %v", err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Root(t.Context(), ""); !errors.Is(err, ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
	if _, _, err := mustOpen(t, path).Root(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// TestRootTogether asks for a root from many goroutines: all get the same one, and one
// who gives up does not keep the others from it.
func TestRootTogether(t *testing.T) {
	c := mustOpen(t, hugging(t))
	want, _, err := mustOpen(t, c.Path()).Root(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if i%4 == 0 {
				if _, _, err := c.Root(gone, ""); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("one who gave up: %v", err)
				}
				return
			}
			if root, _, err := c.Root(t.Context(), ""); err != nil || root != want {
				t.Errorf("%s, %v, want %s", root, err, want)
			}
		})
	}
	all.Wait()
}

func TestKnow(t *testing.T) {
	c := plain(t.TempDir(), false)
	resources := []Resource{{"b", Digest{1}}, {"a", Digest{2}}}
	c.Know(resources)
	root, got, err := c.Root(t.Context(), "")
	if err != nil || root != Root([]Resource{{"a", Digest{2}}, {"b", Digest{1}}}) || len(got) != 2 {
		t.Errorf("%s of %v, %v", root, got, err)
	}
}

// TestReread: links count as what they point to, though the root refuses them, and what
// Know said must hold.
func TestReread(t *testing.T) {
	real, linked, memory := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, real, "a", "x")
	if err := os.Symlink(filepath.Join(real, "a"), filepath.Join(linked, "a")); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	want, _, err := plain(real, false).Root(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func(d time.Duration) { settled = d }(settled)
	settled = 0
	for _, folder := range []string{real, linked} {
		for _, alone := range []bool{false, true} {
			c := plain(folder, alone, "a")
			if got, err := c.Reread(t.Context(), memory); err != nil || got != want {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
			if _, known := identityAt(filepath.Join(folder, "a")); known {
				if got, ok := plain(folder, alone, "a").Remembered(memory); !ok || got != want {
					t.Errorf("remembered: %s, %v, want %s", got, ok, want)
				}
			}
			if _, _, err := c.Root(t.Context(), ""); (err == nil) != (folder == real) {
				t.Errorf("the root: %v", err)
			}
		}
	}
	c := plain(real, false)
	c.Know([]Resource{{"a", Digest{1}}})
	if _, err := c.Reread(t.Context(), memory); !errors.Is(err, ErrChanged) {
		t.Errorf("what is not as it is known: %v, want ErrChanged", err)
	}
	if err := os.Symlink("nowhere", filepath.Join(linked, "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := plain(linked, false).Reread(t.Context(), memory); !errors.Is(err, ErrLink) {
		t.Errorf("a link to nothing: %v, want ErrLink", err)
	}
}

// TestRemembered changes what is remembered, to see that it is believed, and then the
// file, to see that it is not.
func TestRemembered(t *testing.T) {
	folder, memory := t.TempDir(), filepath.Join(t.TempDir(), "deep", "cache")
	write(t, folder, "a", "x")
	f, err := os.Open(filepath.Join(folder, "a"))
	if err != nil {
		t.Fatal(err)
	}
	_, known := identity(f)
	f.Close()
	if !known {
		t.Skip("this system does not tell when a file last changed: nothing is remembered")
	}
	root := func() string {
		t.Helper()
		root, _, err := plain(folder, false).Root(t.Context(), memory)
		if err != nil {
			t.Fatal(err)
		}
		return root.String()
	}
	path := filepath.Join(memory, memoryName)
	want := root()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a file written just now is remembered: %v", err)
	}
	defer func(d time.Duration) { settled = d }(settled)
	settled = 0
	if got := root(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x
	if strings.Count(string(text), digest) != 1 || strings.Count(string(text), "\n") != 1 {
		t.Fatalf("remembered: %q, want the digest of x", text)
	}
	// Lines that are no such are passed over.
	other := "\n1 2 3\nx\n" + strings.Replace(string(text), digest, strings.Repeat("0", 64), 1) + "1 2 3 4 5 " + strings.ToUpper(digest) + "\n"
	if err := os.WriteFile(path, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if root() == want {
		t.Error("what is remembered is not used")
	}
	if d, ok := plain(folder, false).Remembered(memory); !ok || d.String() == want || d.String() != root() {
		t.Errorf("without reading: %s, %v, want what is remembered", d, ok)
	}
	if d, ok := plain(folder, false).Remembered(""); ok {
		t.Errorf("without a memory: %s", d)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "a"), old, old); err != nil {
		t.Fatal(err)
	}
	if d, ok := plain(folder, false).Remembered(memory); ok {
		t.Errorf("without reading, after a change: %s", d)
	}
	if got := root(); got != want {
		t.Errorf("after a change: %s, want %s", got, want)
	}
	if d, ok := plain(folder, false).Remembered(memory); !ok || d.String() != want {
		t.Errorf("without reading, once it was read: %s, %v, want %s", d, ok, want)
	}
	write(t, folder, "b", "y")
	if d, ok := plain(folder, false).Remembered(memory); ok {
		t.Errorf("without reading, beside a new file: %s", d)
	}
	if list := readMemory(path); len(list) != 2 || list[1].digest.String() != digest {
		t.Errorf("remembered: %v, want the old and the new one", list)
	}
}

// TestMemoryBounds keeps the newest of more digests than are remembered.
func TestMemoryBounds(t *testing.T) {
	m := openMemory(t.TempDir())
	for i := range maxRemembered + 10 {
		m.learn(fileKey{inode: uint64(i), size: 1}, Digest{byte(i)})
	}
	m.save()
	list := readMemory(m.path)
	if len(list) != maxRemembered || list[0].key.inode != 10 || list[len(list)-1].key.inode != maxRemembered+9 {
		t.Errorf("%d digests from %d to %d, want %d from 10 on", len(list), list[0].key.inode, list[len(list)-1].key.inode, maxRemembered)
	}
	if err := os.Truncate(m.path, maxMemory+1); err != nil {
		t.Fatal(err)
	}
	if list := readMemory(m.path); list != nil {
		t.Errorf("%d digests of a file that is too long", len(list))
	}
}
