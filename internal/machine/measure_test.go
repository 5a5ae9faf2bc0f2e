package machine

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// quick is a measurement that takes some milliseconds.
func quick(impl kernel.Impl) Options {
	return Options{Impl: impl, Duration: time.Millisecond, Buffer: 8 << 20}
}

func TestDescribe(t *testing.T) {
	m := Describe()
	if m.Arch != runtime.GOARCH || m.OS != runtime.GOOS || m.PageSize != os.Getpagesize() {
		t.Errorf("got %s %s, pages of %d, want %s %s, %d", m.OS, m.Arch, m.PageSize, runtime.GOOS, runtime.GOARCH, os.Getpagesize())
	}
	if m.Threads < 1 || m.CPUs < m.Threads || m.Cores > m.Threads || m.FastCores > m.Cores {
		t.Errorf("got %d processors, %d threads, %d cores, %d fast ones", m.CPUs, m.Threads, m.Cores, m.FastCores)
	}
	if runtime.GOOS == "linux" && (m.CPU == "" || m.Kernel == "" || m.Cores < 1 || m.Memory < 1<<20 || m.MemoryAvailable < 1<<20) {
		t.Errorf("on Linux too much is unknown: %+v", m)
	}
	if m.Memory > 0 && m.MemoryAvailable > m.Memory {
		t.Errorf("got %d bytes available of %d", m.MemoryAvailable, m.Memory)
	}
	for _, impl := range kernel.Implementations() {
		needs := map[string][]string{"avx2": {"avx2", "fma", "f16c"}, "avx512": {"avx512f", "avx512bw", "avx512_vnni"}, "amx": {"avx512_vnni", "amx_tile", "amx_int8"}}[impl.String()]
		for _, f := range needs {
			if !slices.Contains(m.Features, f) {
				t.Errorf("the kernels have %s, but features are %q without %s", impl, m.Features, f)
			}
		}
	}
}

// The kernel of Linux knows the same of the processor.
func TestFeaturesAgreeWithLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lists instruction sets in /proc/cpuinfo")
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo: ", err)
	}
	flags := processorFlags(parseProcessors(string(text)))
	if !slices.Contains(flags, "sse2") && !slices.Contains(flags, "asimd") || slices.Contains(flags, "sse2") != (runtime.GOARCH == "amd64") {
		t.Skip("/proc/cpuinfo is that of another architecture, as under qemu-user")
	}
	got := features(flags)
	for _, f := range []string{
		"avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni", "avx512_bf16", "avx512_fp16",
		"amx_tile", "amx_int8", "amx_bf16", "asimddp", "i8mm", "bf16", "sve", "sve2",
	} {
		if has, want := slices.Contains(got, f), slices.Contains(flags, f); has != want {
			t.Errorf("feature %s: got %v, Linux says %v", f, has, want)
		}
	}
}

// The processor's own name is the one that Linux shows.
func TestBrand(t *testing.T) {
	name := Describe().CPU
	if b := brand(); b != "" && runtime.GOOS == "linux" && b != name {
		t.Errorf("brand: got %q, Linux says %q", b, name)
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(Limits{ReadGBps: 1, Int8GMACs: 2, F32GFLOPs: 3, Impl: "avx2", Threads: 4, ReadWay: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"read_gbps":1,"int8_gmacs":2,"f32_gflops":3}`; got != want {
		t.Errorf("limits: got %s, want %s", got, want)
	}
	b, err = json.Marshal(Machine{Arch: "amd64", OS: "linux", CPUs: 2, Threads: 1, Features: []string{}, PageSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"arch":"amd64","os":"linux","cpus":2,"threads":1,"features":[],"page_bytes":4096}`; got != want {
		t.Errorf("machine: got %s, want %s", got, want)
	}
}

func TestAvailableMemory(t *testing.T) {
	n, ok := AvailableMemory()
	if n < 0 || !ok && n != 0 || runtime.GOOS == "linux" && (!ok || n < 1<<20) {
		t.Errorf("got %d, %v", n, ok)
	}
}

func TestFreeDisk(t *testing.T) {
	dir := t.TempDir()
	n, err := FreeDisk(dir)
	if err != nil || n < 0 {
		t.Fatalf("free space of %s: got %d, %v", dir, n, err)
	}
	if _, err := FreeDisk(filepath.Join(dir, "not", "yet")); err != nil {
		t.Errorf("free space of a folder to be made: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FreeDisk(filepath.Join(file, "in")); err == nil {
		t.Error("free space of a folder inside a file: got no error")
	} else if !strings.Contains(err.Error(), file) {
		t.Errorf("free space of a folder inside a file: got %q without the name", err)
	}
}

func TestMeasure(t *testing.T) {
	for _, impl := range kernel.Implementations() {
		l, err := Measure(t.Context(), quick(impl))
		if err != nil {
			t.Errorf("measure %s: %v", impl, err)
			continue
		}
		for name, v := range map[string]float64{"read_gbps": l.ReadGBps, "int8_gmacs": l.Int8GMACs, "f32_gflops": l.F32GFLOPs} {
			// No thread does more than 10 TMAC/s or reads 10 TB/s.
			if !(v > 0) || v > 1e4*float64(l.Threads) {
				t.Errorf("measure %s: %s is %g with %d threads", impl, name, v, l.Threads)
			}
		}
		if l.Impl != impl.String() || l.Threads < 1 || l.ReadWay == "" || l.ReadBuffer < 1<<20 || l.ReadBuffer > 8<<20 {
			t.Errorf("measure %s: got %+v", impl, l)
		}
		if runtime.GOOS == "linux" && !(l.Undisturbed > 0 && l.Undisturbed <= 1) {
			t.Errorf("measure %s: the threads had processors for %g of the time", impl, l.Undisturbed)
		}
	}
}

// Every way of reading reads, whichever wins.
func TestReadWays(t *testing.T) {
	b := make([]byte, 4<<20)
	c := newCrew(1, nil)
	defer c.close()
	seen := 0
	for _, r := range append(readers(), portableReader) {
		for _, w := range r.ways() {
			seen++
			work, total := w.work([][]byte{b}), 0.0
			for range 3 * len(b) / readStep {
				n := work(0)
				if n <= 0 || math.Mod(n, 128) != 0 || n > readStep {
					t.Fatalf("%s: a step of %g bytes", w, n)
				}
				total += n
			}
			if total < float64(2*len(b)) {
				t.Errorf("%s: got %g bytes of three times %d", w, total, len(b))
			}
		}
	}
	if seen < 2 {
		t.Errorf("got %d ways of reading, want 2 or more", seen)
	}
}

// What a portable stream loads is what is there.
func TestPortableReadSums(t *testing.T) {
	b := make([]byte, 4*4096)
	want := uint64(0)
	for i := range words(&b[0], len(b)) {
		v := uint64(i)*0x9e3779b97f4a7c15 + 1
		words(&b[0], len(b))[i] = v
		want += v
	}
	read1Generic(&b[0], 0, len(b), 0)
	if got := sink.Load(); got != want {
		t.Errorf("one stream: got sum %#x, want %#x", got, want)
	}
	keep(0)
	read4Generic(&b[0], 4096, 4096, 0)
	if got := sink.Load(); got != want {
		t.Errorf("four streams: got sum %#x, want %#x", got, want)
	}
}

// Portable Go cannot beat vectors, whatever else the machine does meanwhile.
func TestPeaksAreOrdered(t *testing.T) {
	impls := kernel.Implementations()
	if len(impls) < 2 {
		t.Skip("this machine or build has portable Go alone")
	}
	c := newCrew(1, pinOrder())
	defer c.close()
	rates := func(impl kernel.Impl) (i, f float64) {
		p, ok := peakOf(impl)
		if !ok {
			t.Fatalf("no loop for %s", impl)
		}
		i, _ = c.best(t.Context(), 5, 2*time.Millisecond, p.int8)
		f, _ = c.best(t.Context(), 5, 2*time.Millisecond, p.f32)
		return i, f
	}
	i, f := rates(kernel.Portable)
	for _, impl := range impls[1:] {
		vi, vf := rates(impl)
		if vi < 2*i || vf < 2*f {
			t.Errorf("%s: %.3g MAC/s, %.3g FLOP/s; portable Go %.3g, %.3g: want at least twice that", impl, vi, vf, i, f)
		}
	}
}

func TestMeasureErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want error
	}{
		{"no such implementation", Options{Impl: 200}, ErrNoPeak},
		{"negative threads", Options{Threads: -1}, ErrOption},
		{"negative duration", Options{Duration: -1}, ErrOption},
		{"a long run", Options{Duration: maxDuration + 1}, ErrOption},
		{"negative buffer", Options{Buffer: -1}, ErrOption},
		{"a small buffer", Options{Buffer: minPiece - 1}, ErrOption},
		{"a buffer larger than memory", Options{Buffer: math.MaxInt64}, tensor.ErrNoMemory},
	} {
		l, err := Measure(t.Context(), c.o)
		if !errors.Is(err, c.want) || l != (Limits{}) {
			t.Errorf("%s: got %+v, %v, want %v", c.name, l, err, c.want)
		} else if !strings.HasPrefix(err.Error(), "machine: measure: ") {
			t.Errorf("%s: got %q without who says it", c.name, err)
		}
	}
}

func TestBufferSize(t *testing.T) {
	for _, c := range []struct {
		name              string
		want              int64
		threads           int
		caches, available int64
		size              int64
		err               error
	}{
		{"plenty", 0, 2, 0, 64 * gib, gib, nil},
		{"large caches", 0, 2, 480 * mib, 64 * gib, 1920 * mib, nil},
		{"very large caches", 0, 2, 2 * gib, 64 * gib, 4 * gib, nil},
		{"little", 0, 2, 32 * mib, 512 * mib, 256 * mib, nil},
		{"unknown", 0, 2, 480 * mib, -1, 256 * mib, nil},
		{"unknown, many threads", 0, 300, 0, -1, 300 * mib, nil},
		{"hardly any", 0, 2, 0, 3 * mib, 0, tensor.ErrNoMemory},
		{"none", 0, 2, 0, 0, 0, tensor.ErrNoMemory},
		{"as asked", 8 * mib, 2, 480 * mib, 64 * gib, 8 * mib, nil},
		{"as asked, unknown", 300 * mib, 2, 0, -1, 300 * mib, nil},
		{"asked too much", 8 * mib, 2, 0, 15 * mib, 0, tensor.ErrNoMemory},
		{"asked too much for addresses", math.MaxInt64, 2, 0, -1, 0, tensor.ErrNoMemory},
		{"asked too little", mib, 2, 0, gib, 0, ErrOption},
	} {
		if c.size > math.MaxInt/4 {
			continue // not on a 32-bit machine
		}
		size, err := bufferSize(c.want, c.threads, c.caches, c.available)
		if size != c.size || !errors.Is(err, c.err) {
			t.Errorf("%s: got %d, %v, want %d, %v", c.name, size, err, c.size, c.err)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		threads int
		m       Machine
		want    int
	}{
		{0, Machine{Threads: 8, Cores: 4}, 4},
		{0, Machine{Threads: 8}, 8},
		{0, Machine{}, 1},
		{6, Machine{Threads: 8, Cores: 4}, 6},
		{99, Machine{Threads: 8, Cores: 4}, 8},
	} {
		o := Options{Threads: c.threads}
		if _, err := o.complete(&c.m); err != nil || o.Threads != c.want || o.Duration != defaultDuration {
			t.Errorf("%d threads on %+v: got %d, runs of %s, %v, want %d, %s", c.threads, c.m, o.Threads, o.Duration, err, c.want, defaultDuration)
		}
	}
}

func TestSustained(t *testing.T) {
	for _, c := range []struct {
		quota   float64
		threads int
		want    float64
	}{{0, 4, 1}, {8, 4, 1}, {1.5, 2, 0.75}, {0.5, 1, 0.5}} {
		if got := sustained(c.quota, c.threads); got != c.want {
			t.Errorf("quota %g, %d threads: got %g, want %g", c.quota, c.threads, got, c.want)
		}
	}
	l := Limits{ReadGBps: 1, Int8GMACs: 2, F32GFLOPs: 3}
	if l.scale(0.5); l != (Limits{ReadGBps: 0.5, Int8GMACs: 1, F32GFLOPs: 1.5}) {
		t.Errorf("half: got %+v", l)
	}
}

func TestMeasureCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, quick(kernel.Portable)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: got %v, want %v", err, context.Canceled)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := Measure(ctx, Options{Duration: maxDuration, Buffer: 8 << 20}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("canceled while a run of %s goes on: got %v, want %v", maxDuration, err, context.DeadlineExceeded)
	}
}

// Touching ends with its time, and the pieces stay of one length.
func TestTouch(t *testing.T) {
	c := newCrew(2, nil)
	defer c.close()
	pieces := split(make([]byte, 6<<20), 2)
	if got := touch(t.Context(), c, pieces, time.Now().Add(time.Hour)); !reflect.DeepEqual(got, pieces) {
		t.Errorf("in time: got pieces of %d and %d bytes, want %d", len(got[0]), len(got[1]), len(pieces[0]))
	}
	for i, p := range pieces {
		for at := 64; at < len(p); at += 64 {
			if words(&p[at], 8)[0] == 0 {
				t.Fatalf("piece %d: the line at %d was not written", i, at)
			}
		}
	}
	got := touch(t.Context(), c, pieces, time.Now().Add(-time.Second))
	if len(got[0]) != 1<<20 || len(got[1]) != 1<<20 {
		t.Errorf("too late: got pieces of %d and %d bytes, want the first step of %d", len(got[0]), len(got[1]), 1<<20)
	}
}

// The threads of a crew run at once: each waits for the other inside its call.
func TestCrewRunsTogether(t *testing.T) {
	c := newCrew(2, nil)
	defer c.close()
	met := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	for range 3 {
		c.run(func(thread int) {
			if thread == 0 {
				met[0] <- struct{}{}
				<-met[1]
			} else {
				<-met[0]
				met[1] <- struct{}{}
			}
		})
	}
}

func TestRate(t *testing.T) {
	c := newCrew(2, nil)
	defer c.close()
	got, err := c.rate(t.Context(), 20*time.Millisecond, func(int) float64 {
		time.Sleep(time.Millisecond)
		return 1
	})
	if err != nil || got < 1 || got > 2000 {
		t.Errorf("two threads with a sleep of 1 ms a piece: got %g pieces a second, %v, want at most 2000", got, err)
	}
	if _, err := c.best(t.Context(), 2, time.Millisecond, func(int) float64 { return 1 }); err != nil {
		t.Error(err)
	}
}
