package safetensors

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
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
	allocated := spend(t, what, func() { f, err = Parse("hostile.safetensors", b) })
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
	f.Metadata()
	for _, t := range f.Tensors() {
		b, _ := f.Bytes(t)
		for _, x := range b {
			_ = x
		}
	}
}

func headerSize(b []byte) int { return 8 + int(b[0]) + int(b[1])<<8 + int(b[2])<<16 }

// TestEveryTruncation cuts a good file at every length.
func TestEveryTruncation(t *testing.T) {
	b := small()
	for n := range b {
		if f := within(t, fmt.Sprintf("cut to %d bytes", n), b[:n:n], headerSize(b)); f != nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
}

// flips are the values that a byte is changed to: each bit, all bits, the ends.
func flips(b byte) []byte {
	list := []byte{0, 0xff, ^b, '"', '{', '}', ',', ' ', '0', '9'}
	for bit := range 8 {
		list = append(list, b^1<<bit)
	}
	return list
}

// TestEveryFlip changes every byte of a header in many ways.
func TestEveryFlip(t *testing.T) {
	good := small()
	b := append([]byte(nil), good...)
	for i := range headerSize(good) {
		for _, with := range flips(good[i]) {
			b[i] = with
			touch(within(t, fmt.Sprintf("byte %d is %#02x", i, with), b, headerSize(good)))
		}
		b[i] = good[i]
	}
}

// TestFlipsOfACheckpoint changes bytes of a large header in front of much data:
// the length, and others at random. The data could be taken for spaces.
func TestFlipsOfACheckpoint(t *testing.T) {
	good := checkpoint(1000, 16<<20)
	for i := headerSize(good); i < len(good); i++ {
		good[i] = ' '
	}
	rng := rand.New(rand.NewPCG(1, 2))
	places := append(rng.Perm(headerSize(good))[:60], 0, 1, 2, 3, 4, 5, 6, 7, 8)
	b := append([]byte(nil), good...)
	for _, i := range places {
		for _, with := range flips(good[i]) {
			b[i] = with
			header := headerSize(good)
			if i < 8 {
				header = max(header, min(headerSize(b), len(b))) // the spaces are header then
			}
			within(t, fmt.Sprintf("byte %d is %#02x", i, with), b, header)
		}
		b[i] = good[i]
	}
}

// TestDenseHeaders are right headers that hold as much as their bytes allow.
func TestDenseHeaders(t *testing.T) {
	const n = 20_000
	var tensors, axes, metadata, escapes strings.Builder
	metadata.WriteString(`,"__metadata__":{`)
	for i := range n {
		fmt.Fprintf(&tensors, `,"%x":{"dtype":"","shape":[],"data_offsets":[0,0]}`, i)
		fmt.Fprintf(&axes, `,"%x":{"dtype":"","shape":[%s0],"data_offsets":[0,0]}`, i, strings.Repeat("0,", maxDims-1))
		fmt.Fprintf(&metadata, `"%x":"",`, i)
		fmt.Fprintf(&escapes, `,"\n%x":{"dtype":"","shape":[],"data_offsets":[0,0]}`, i)
	}
	for what, s := range map[string]string{
		"tensors": tensors.String(), "axes": axes.String(), "metadata": strings.TrimSuffix(metadata.String(), ",") + "}", "escapes": escapes.String(),
	} {
		b := file("{"+s[1:]+"}", 0)
		if f := within(t, what, b, len(b)); f == nil {
			t.Errorf("%s: refused", what)
		}
	}
}
