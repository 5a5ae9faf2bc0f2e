package main

import (
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/golden"
)

// A model of hundreds of gigabytes is refused in little time and memory: its weights
// are not touched.
func TestHugeModelIsRefusedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r1.gguf")
	if err := r1Shape.write(path); err != nil {
		t.Skipf("no file with holes here: %v; have TMPDIR on a file system that makes them", err)
	}
	if fit.MemoryLimit() == 0 {
		t.Skip("this system does not say how much memory is free; run on Linux")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := golden.CPUTime()
	n, err := needsAt(path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = n.Check("")
	took := golden.CPUTime() - began
	runtime.ReadMemStats(&after)
	var room *fit.Error
	if !errors.As(err, &room) || exitCode(err) != exitNoRoom {
		t.Errorf("a model of %d bytes with %d free: got %v, want a roomError", n.Weights, n.Room, err)
	}
	if took > 5*time.Second {
		t.Errorf("it took %s of a processor", took)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 { // of tens of thousands of matrices
		t.Errorf("it took %d bytes of memory", grown)
	}
}

// needsAt returns what the model at a path needs.
func needsAt(path string, o *blitz.Options, context int) (*fit.Needs, error) {
	files, err := blitz.OpenFiles(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return fit.Of(files, o, context)
}

// Where show says that a context fits, the engine takes it, and where not, it refuses.
func TestNeedsAreThoseOfTheEngine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.gguf")
	if err := smallLatentShape.write(path); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"absorbed", "expanded"} {
		m, err := blitz.Open(path, &blitz.Options{MLA: form})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for _, kind := range []string{"q8", "f16", "bf16", "f32"} {
			for _, context := range []int{1, 256, 257, 512} {
				n, err := needsAt(path, &blitz.Options{MLA: form}, context)
				if err != nil {
					t.Fatal(err)
				}
				bytes := n.Cache(kind).Bytes
				for _, limit := range []int64{bytes, bytes - 1} {
					e, err := blitz.NewEngine(m, &blitz.EngineOptions{Context: context, Cache: kind, MemoryLimit: limit})
					if err == nil {
						e.Close()
					}
					if fits := limit == bytes; fits != (err == nil) || err != nil && exitCode(err) != exitNoRoom {
						t.Errorf("%s, cache %s of %d: needs say %d bytes, the engine with %d: %v", form, kind, context, bytes, limit, err)
					}
				}
			}
		}
	}
}

func TestCheckNeeds(t *testing.T) {
	const mib = 1 << 20
	n := fit.Needs{Name: "m.gguf", Weights: 100 * mib, Context: 1000, ModelContext: 4000, Room: 150 * mib, Caches: []fit.Cache{
		{Kind: "f32", Bytes: 60 * mib, Total: 160 * mib, Longest: 800},
		{Kind: "q8", Bytes: 20 * mib, Total: 120 * mib, Fits: true, Longest: 2000},
	}}
	if err := n.Check("q8"); err != nil {
		t.Errorf("a cache that fits: %v", err)
	}
	hint := func(err error) (string, string) {
		t.Helper()
		if exitCode(err) != exitNoRoom {
			t.Errorf("exit code %d of %v, want %d", exitCode(err), err, exitNoRoom)
		}
		return explain(err)
	}
	message, tip := hint(n.Check(""))
	if want := "m.gguf: the weights take 100.0 MiB of memory and the cache (f32) of 1000 positions 60.0 MiB, there are 150.0 MiB: not enough memory"; message != want {
		t.Errorf("got %s\nwant %s", message, want)
	}
	if tip != "--cache q8 fits" {
		t.Errorf("hint %q, want the cache that fits", tip)
	}
	n.Caches = n.Caches[:1]
	if _, tip = hint(n.Check("")); tip != "--ctx 800 fits" {
		t.Errorf("hint %q, want the context that fits", tip)
	}
	n.Caches[0].Longest = 0
	if _, tip = hint(n.Check("")); tip != fault.HintSmaller {
		t.Errorf("hint %q, want a smaller model", tip)
	}
	n.Room = 99 * mib
	message, _ = hint(n.Check(""))
	if want := "m.gguf: the weights take 100.0 MiB of memory, there are 99.0 MiB: not enough memory"; message != want {
		t.Errorf("got %s\nwant %s", message, want)
	}
	n.Room = 0
	n.Caches[0].Fits = true
	if err := n.Check(""); err != nil {
		t.Errorf("where memory is unknown: %v", err)
	}
	if fits, longest := fitText(&n, &n.Caches[0]); fits != "unknown" || longest != "unknown" {
		t.Errorf("where memory is unknown, %q and %q fit", fits, longest)
	}
	n.Room, n.Experts = 80*mib, 60*mib
	c := fit.Cache{Kind: "q8", ExpertMemory: 15 * mib, LongestOnDisk: 900}
	if fits, longest := fitText(&n, &c); fits != "with 25 % of the experts in memory" || longest != "900, experts on the disk" {
		t.Errorf("with experts on the disk %q and %q fit", fits, longest)
	}
}

func TestFormatMemory(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := fit.FormatMemory(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
