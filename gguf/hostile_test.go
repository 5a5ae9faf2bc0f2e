package gguf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
)

// budget is the processor time that reading a file may take: far more than the longest
// header needs, far less than work that grows with the square of one.
const budget = 10 * time.Second

// cost runs Parse and returns the bytes that it allocated in all, which is at
// least what it held at any time.
func cost(t *testing.T, what string, b []byte) (*File, uint64, error) {
	t.Helper()
	var f *File
	var err error
	allocated := spend(t, what, func() { f, err = Parse("hostile.gguf", b) })
	return f, allocated, err
}

// spend runs read and returns the bytes that it allocated.
func spend(t *testing.T, what string, read func()) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := golden.CPUTime()
	read()
	if took := golden.CPUTime() - start; took > budget {
		t.Errorf("%s: took %v of a processor, want at most %v", what, took, budget)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// within checks that reading b allocates at most eight times the header and 1 MiB,
// and that a refusal is a format error.
func within(t *testing.T, what string, b []byte, header int) *File {
	t.Helper()
	f, got, err := cost(t, what, b)
	if limit := uint64(8*header + 1<<20); got > limit {
		t.Errorf("%s: allocated %d bytes for a header of %d, want at most %d", what, got, header, limit)
	}
	if err != nil && !errors.Is(err, ErrFormat) {
		t.Errorf("%s: %v is no ErrFormat", what, err)
	}
	return f
}

// touch reads all that a File has.
func touch(f *File) {
	if f == nil {
		return
	}
	for _, kv := range f.KeyValues() {
		_ = kv.Value.String()
		_ = accessors(kv.Value)
	}
	for _, t := range f.Tensors() {
		for _, b := range f.Bytes(t) {
			_ = b
		}
	}
}

// TestEveryTruncation cuts a good file at every length. What is cut off a tensor
// must be noticed.
func TestEveryTruncation(t *testing.T) {
	b := small()
	header := parse(t, b).first.end
	for n := range b {
		f := within(t, fmt.Sprintf("cut to %d bytes", n), b[:n:n], header)
		if f != nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
}

// TestEveryFlip changes every byte of a header in many ways.
func TestEveryFlip(t *testing.T) {
	good := small()
	header := parse(t, good).first.end
	b := append([]byte(nil), good...)
	for i := range header {
		for _, with := range flips(good[i]) {
			b[i] = with
			touch(within(t, fmt.Sprintf("byte %d is %#02x", i, with), b, header))
		}
		b[i] = good[i]
	}
}

// flips are the values that a byte is changed to: each bit, all bits, the ends.
func flips(b byte) []byte {
	list := []byte{0, 0xff, ^b}
	for bit := range 8 {
		list = append(list, b^1<<bit)
	}
	return list
}

// TestFlipsOfAVocabulary changes bytes of a large header in front of much data:
// all of the counts at the front, others at random.
func TestFlipsOfAVocabulary(t *testing.T) {
	good := append(vocabulary(2000), make([]byte, 16<<20)...)
	header := parse(t, good).first.end
	rng := rand.New(rand.NewPCG(1, 2))
	places := rng.Perm(header)[:300]
	for i := range 200 {
		places = append(places, i)
	}
	b := append([]byte(nil), good...)
	for _, i := range places {
		for _, with := range flips(good[i]) {
			b[i] = with
			within(t, fmt.Sprintf("byte %d is %#02x", i, with), b, header)
		}
		b[i] = good[i]
	}
}

// TestDenseHeaders are right headers that hold as much as their bytes allow.
func TestDenseHeaders(t *testing.T) {
	const n = 60_000
	keys := start(0, n)
	for i := range n {
		keys.key(fmt.Sprintf("%x", i), Uint8).put(uint8(1))
	}
	tensors := start(n, 0)
	for i := range n {
		tensors.tensor(fmt.Sprintf("%x", i), F32, 0, 0)
	}
	axes := start(n, 0)
	for i := range n {
		axes.tensor(fmt.Sprintf("%x", i), F32, 0, 0, 0, 0, 0)
	}
	texts := start(0, 1).key("a", Array).u32(uint32(String)).u64(n)
	arrays := start(0, 1).key("a", Array).u32(uint32(Array)).u64(n)
	for range n {
		texts.text("")
		arrays.u32(0).u64(0)
	}
	for what, r := range map[string]*raw{"keys": keys, "tensors": tensors, "axes": axes, "texts": texts, "arrays": arrays} {
		if f := within(t, what, r.Bytes(), r.Len()); f == nil {
			t.Errorf("%s: refused", what)
		}
	}
}

// TestHugeSparseFile has a count that runs into a GiB of zeros.
func TestHugeSparseFile(t *testing.T) {
	if testing.Short() {
		t.Skip("walks through 128 MiB; run without -short")
	}
	path := filepath.Join(t.TempDir(), "sparse.gguf")
	for what, r := range map[string]*raw{
		"texts":   start(0, 1).key("a", Array).u32(uint32(String)).u64(maxHeader / 16),
		"arrays":  start(0, 1).key("a", Array).u32(uint32(Array)).u64(maxHeader / 16),
		"bytes":   start(0, 2).key("a", Array).u32(uint32(Uint8)).u64(maxHeader - 100),
		"bools":   start(0, 2).key("a", Array).u32(uint32(Bool)).u64(maxHeader - 100),
		"tensors": start(maxTensors, 0),
		"keys":    start(0, maxKeys),
	} {
		if err := os.WriteFile(path, r.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<30); err != nil {
			t.Skipf("no sparse file of 1 GiB here: %v", err)
		}
		var err error
		got := spend(t, what, func() {
			var f *File
			if f, err = Open(path); err == nil {
				err = f.Close()
			}
		})
		if err != nil && got > 1<<20 {
			t.Errorf("%s: allocated %d bytes to refuse it, want less than 1 MiB", what, got)
		}
	}
}
