package gguf

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestWrongHeaders has one file for each thing that a header is refused for.
func TestWrongHeaders(t *testing.T) {
	good := small()
	at := func(i int, with ...byte) []byte {
		b := append([]byte(nil), good...)
		copy(b[i:], with)
		return b
	}
	key := func(kind Kind) *raw { return start(0, 1).key("a.b", kind) }
	bomb := start(0, 1).key("a.b", Array)
	for range 100_000 {
		bomb.u32(uint32(Array)).u64(1)
	}
	tensor := func(typ Type, ne ...uint64) []byte { return start(1, 0).tensor("t.x", typ, 0, ne...).fill(64) }
	dims := func(n uint32) []byte {
		return start(1, 0).text("t.x").u32(n).u64(make([]uint64, min(n, 10))...).u32(0).u64(0).fill(0)
	}
	two := func(a, b string, offset uint64) []byte {
		return start(2, 0).tensor(a, F32, 0, 3).tensor(b, F32, offset, 3).fill(64)
	}
	alignment := func(v Value) []byte {
		r := start(0, 1).key(keyAlignment, v.kind)
		r.Write(v.appendTo(nil))
		return r.Bytes()
	}
	for _, c := range []struct {
		name  string
		b     []byte
		wants []string
	}{
		{"empty", nil, []string{"0 bytes are no GGUF file"}},
		{"text", []byte("this is no model\n"), []string{`begins with "this", want "GGUF"`}},
		{"old", []byte("tjgg\x03\x00\x00\x00"), []string{"GGML file from before GGUF"}},
		{"pointer", []byte("version https://git-lfs.example/spec/v1\noid sha256:"), []string{"Git LFS pointer"}},
		{"magic only", []byte("GGUF"), []string{"wants 4 bytes at byte 4, the file ends at byte 4"}},
		{"version 0", at(4, 0, 0, 0, 0), []string{"version 0 is not supported, want 2 or 3"}},
		{"version 1", at(4, 1), []string{"version 1 is not supported, want 2 or 3"}},
		{"version 4", at(4, 4), []string{"version 4 is not supported"}},
		{"big-endian", at(4, 0, 0, 0, 3), []string{"big-endian GGUF is not supported (version 3)"}},
		{"tensors", start(1<<60, 0).Bytes(), []string{"1152921504606846976 tensors, want at most"}},
		{"keys", start(0, 1<<60).Bytes(), []string{"1152921504606846976 metadata keys, want at most"}},
		{"key missing", start(0, 2).key("a", Bool).put(true).Bytes(), []string{"key number 1", "the file ends at byte"}},
		{"key cut", start(0, 1).u64(9).Bytes(), []string{"key number 0", "wants 9 bytes at byte 32, the file ends at byte 32"}},
		{"key without name", start(0, 1).key("", Bool).put(true).Bytes(), []string{"key number 0: has no name"}},
		{"long key", start(0, 1).key(strings.Repeat("k", maxName+1), Bool).put(true).Bytes(), []string{"key number 0: string of 65536 bytes, want at most 65535"}},
		{"key twice", start(0, 2).key("a.b", Bool).put(true).key("a.b", Bool).put(true).Bytes(), []string{"key a.b: is there twice"}},
		{"kind", key(13).Bytes(), []string{"key a.b: kind 13 is unknown"}},
		{"huge kind", start(0, 1).text("a.b").u32(math.MaxUint32).Bytes(), []string{"key a.b: kind 4294967295 is unknown"}},
		{"no value", key(Uint64).u32(1).Bytes(), []string{"key a.b", "wants 8 bytes at byte 39, the file ends at byte 43"}},
		{"bool 2", key(Bool).put(byte(2)).Bytes(), []string{"key a.b: bool 0 is 2, want 0 or 1"}},
		{"string", key(String).u64(4).put(byte('a')).Bytes(), []string{"key a.b", "wants 4 bytes"}},
		{"long string", key(String).u64(math.MaxUint64).Bytes(), []string{"key a.b", "string of 18446744073709551615 bytes, want at most"}},
		{"array kind", key(Array).u32(99).u64(1).Bytes(), []string{"key a.b: array of kind 99, which is unknown"}},
		{"array count", key(Array).u32(uint32(Uint64)).u64(1 << 40).Bytes(), []string{"key a.b", "wants 8796093022208 bytes"}},
		{"array overflow", key(Array).u32(uint32(Uint64)).u64(1 << 61).Bytes(), []string{"key a.b", "array of 2305843009213693952 elements"}},
		{"array of strings", key(Array).u32(uint32(String)).u64(3).text("a").Bytes(), []string{"key a.b", "wants 24 bytes"}},
		{"array of bools", key(Array).u32(uint32(Bool)).u64(2).put([]byte{1, 7}).Bytes(), []string{"key a.b: bool 1 is 7"}},
		{"nested", bomb.Bytes(), []string{"key a.b: arrays nested deeper than 4"}},
		{"alignment kind", alignment(ValueOf("32")), []string{"key general.alignment: string, want an unsigned integer"}},
		{"alignment -8", alignment(ValueOf(int32(-8))), []string{"key general.alignment: int32, want an unsigned integer"}},
		{"alignment 0", alignment(ValueOf(uint32(0))), []string{"key general.alignment: 0, want a power of two"}},
		{"alignment 24", alignment(ValueOf(uint32(24))), []string{"key general.alignment: 24, want a power of two"}},
		{"alignment 2^31", alignment(ValueOf(uint32(1 << 31))), []string{"key general.alignment: 2147483648, want a power of two up to 16777216"}},
		{"tensor missing", start(2, 0).tensor("t", F32, 0, 1).Bytes(), []string{"tensor number 1", "the file ends"}},
		{"tensor without name", start(1, 0).tensor("", F32, 0, 1).fill(4), []string{"tensor number 0: has no name"}},
		{"tensor twice", two("t.x", "t.x", 32), []string{"tensor t.x: is there twice"}},
		{"five dimensions", dims(5), []string{"tensor t.x: 5 dimensions, want at most 4"}},
		{"many dimensions", dims(math.MaxUint32), []string{"tensor t.x: 4294967295 dimensions"}},
		{"unknown type", tensor(9999, 16), []string{"tensor t.x: type 9999 is unknown"}},
		{"withdrawn type", tensor(31, 16), []string{"tensor t.x: type 31 (Q4_0_4_4) was withdrawn"}},
		{"block", tensor(Q4_K, 128), []string{"tensor t.x: rows of 128 elements, want a multiple of 256 for Q4_K"}},
		{"scalar block", tensor(Q4_0), []string{"tensor t.x: rows of 1 elements, want a multiple of 32 for Q4_0"}},
		{"huge", tensor(F32, 1<<62, 1<<62), []string{"tensor t.x: shape [4611686018427387904 4611686018427387904] is too large"}},
		{"huge dimension", tensor(F32, 1<<63), []string{"tensor t.x: shape [9223372036854775808] is too large"}},
		{"huge bytes", tensor(F64, 1<<62), []string{"tensor t.x: shape [4611686018427387904] is too large"}},
		{"huge and empty", tensor(F32, 1<<62, 1<<62, 0), []string{"tensor t.x: shape [0 4611686018427387904 4611686018427387904] is too large"}},
		{"beyond", tensor(F32, 1<<20), []string{"tensor t.x: bytes 64 to 4194368, the file ends at byte 128"}},
		{"nearly all there is", tensor(I8, math.MaxInt-32), []string{fmt.Sprintf("tensor t.x: bytes 64 to %d, the file ends at byte 128", uint64(math.MaxInt)+32)}},
		{"offset", start(1, 0).tensor("t.x", F32, 32, 3).fill(64), []string{"tensor t.x: offset 32, want 0"}},
		{"overlap", two("t.x", "t.y", 0), []string{"tensor t.y: offset 0, want 32, behind t.x: F32 ["}},
		{"hole", two("t.x", "t.y", 64), []string{"tensor t.y: offset 64, want 32"}},
		{"no bytes at all", start(1, 0).tensor("t.x", F32, 0, 1).Bytes(), []string{"tensor t.x: bytes 64 to 68, the file ends at byte 59"}},
		{"unprintable name", start(1, 0).tensor("t\n\x1b[31m\xff", 99, 0).fill(0), []string{`tensor "t\n\x1b[31m\xff": type 99`}},
		{"long name", start(1, 0).tensor(strings.Repeat("é", 200), 99, 0).fill(0), []string{"tensor " + strings.Repeat("é", 40) + "…: type 99"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("wrong.gguf", c.b)
			wants(t, err, append(c.wants, "gguf: wrong.gguf: ")...)
			var e *Error
			if !errors.Is(err, ErrFormat) || !errors.As(err, &e) || e.File != "wrong.gguf" {
				t.Errorf("%#v: want an *Error that wraps ErrFormat", err)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q is not one clean line", err)
			}
		})
	}
}

// TestHeaderLimit is a string array that runs on past the longest header.
func TestHeaderLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 130 MiB; run without -short")
	}
	b := make([]byte, maxHeader+1<<20)
	copy(b, start(0, 1).key("a.b", Array).u32(uint32(String)).u64(maxHeader/8).Bytes())
	_, err := Parse("long.gguf", b)
	wants(t, err, "key a.b: the header is longer than 128 MiB")
}

// TestLimitsAreReached has as many keys and tensors as are accepted, then one more.
func TestLimitsAreReached(t *testing.T) {
	if testing.Short() {
		t.Skip("makes files of 20 MiB; run without -short")
	}
	for _, more := range []uint64{0, 1} {
		r := start(0, maxKeys+more)
		for i := range maxKeys + more {
			r.key(fmt.Sprint(i), Uint8).put(uint8(i))
		}
		f, err := Parse("keys.gguf", r.Bytes())
		if more == 0 && (err != nil || len(f.KeyValues()) != maxKeys) || more == 1 && err == nil {
			t.Errorf("%d keys: %v", maxKeys+more, err)
		}
		r = start(maxTensors+more, 0)
		for i := range maxTensors + more {
			r.tensor(fmt.Sprint(i), F32, 0, 0)
		}
		f, err = Parse("tensors.gguf", r.Bytes())
		if more == 0 && (err != nil || len(f.Tensors()) != maxTensors) || more == 1 && err == nil {
			t.Errorf("%d tensors: %v", maxTensors+more, err)
		}
	}
}

// TestAlignments reads the same tensor behind every alignment that is accepted.
func TestAlignments(t *testing.T) {
	for a := uint64(1); a <= 4096; a *= 2 {
		r := start(2, 1).key(keyAlignment, Uint64).u64(a)
		r.tensor("t.x", I8, 0, 3).tensor("t.y", I8, max(a, 3+a-1)&^(a-1), 1)
		begin := (uint64(r.Len()) + a - 1) &^ (a - 1)
		next := begin + (3+a-1)&^(a-1)
		r.Write(make([]byte, next+1-uint64(r.Len())))
		b := r.Bytes()
		b[begin], b[next] = 7, 9
		f := parse(t, b)
		x, y := f.Bytes(f.Tensors()[0]), f.Bytes(f.Tensors()[1])
		if f.Alignment() != int(a) || x[0] != 7 || y[0] != 9 {
			t.Errorf("alignment %d: got %d, bytes %d %d, want 7 9", a, f.Alignment(), x[0], y[0])
		}
	}
}

// TestMissing counts what is missing behind the last tensor.
func TestMissing(t *testing.T) {
	for size, want := range map[int]int{1: 31, 2: 30, 31: 1, 32: 0, 40: 0} {
		f := parse(t, start(1, 0).tensor("a", I8, 0, 1).fill(size))
		if got := f.Missing(); len(got) != 1 || got[0] != want {
			t.Errorf("a tensor of 1 byte in %d: %v missing, want %d", size, got, want)
		}
	}
	if got := parse(t, start(0, 0).Bytes()).Missing(); got[0] != 0 {
		t.Errorf("without tensors: %v missing, want none", got)
	}
}
