package model

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// What Survey tells is what Open takes, and Open refuses what Survey says does not
// fit.
func TestSurvey(t *testing.T) {
	for _, name := range goldenModels {
		m, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		path := t.TempDir()
		if err := m.WriteSafetensors(path); err != nil {
			t.Fatal(err)
		}
		files, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer files.Close()
		n, err := Survey(files, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := openPath(path, Options{MemoryLimit: n.WeightBytes - 1}); !errors.Is(err, ErrNoRoom) {
			t.Errorf("%s: with room for %d of %d bytes Open gives %v, want ErrNoRoom", name, n.WeightBytes-1, n.WeightBytes, err)
		}
		open, err := openPath(path, Options{MemoryLimit: n.WeightBytes})
		if err != nil {
			t.Fatalf("%s: with room for %d bytes: %v", name, n.WeightBytes, err)
		}
		defer open.Close()
		if got := open.WeightBytes(); n.WeightBytes != got {
			t.Errorf("%s: Survey says %d bytes of weights, Open takes %d", name, n.WeightBytes, got)
		}
		if n.DefaultCache() != open.DefaultCache() {
			t.Errorf("%s: Survey says cache %s, Open %s", name, n.DefaultCache(), open.DefaultCache())
		}
		checkPositions(t, name, n, open)
	}
}

// checkPositions checks that the longest context that fits is the longest one.
func checkPositions(t *testing.T, name string, n *Needs, open *Model) {
	t.Helper()
	const step = 512
	for _, kind := range []kernel.CacheKind{kernel.CacheF32, kernel.CacheQ8} {
		whole := n.Config.MaxPositionEmbeddings
		c, err := kvcache.New(open.CacheLayers(kind), 1<<60)
		if err != nil {
			t.Fatal(err)
		}
		most, err := n.CacheBytes(kind, whole, step)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.Bytes(whole, step); most != want {
			t.Errorf("%s: cache %s of %d positions: %d bytes, want %d", name, kind, whole, most, want)
		}
		for _, room := range []int{0, most / 3, most - 1, most, 2 * most} {
			got, err := n.Positions(kind, int64(room), step)
			if err != nil {
				t.Fatal(err)
			}
			if got > 0 && c.Bytes(got, step) > room {
				t.Errorf("%s: cache %s: %d positions take %d bytes, there are %d", name, kind, got, c.Bytes(got, step), room)
			}
			if got < whole && c.Bytes(got+1, step) <= room {
				t.Errorf("%s: cache %s: %d positions for %d bytes, %d would fit", name, kind, got, room, got+1)
			}
		}
	}
}
