package gguf

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// raw builds files, right and wrong ones, without the Writer.
type raw struct{ bytes.Buffer }

func (r *raw) u32(v ...uint32) *raw { return r.put(v) }
func (r *raw) u64(v ...uint64) *raw { return r.put(v) }

func (r *raw) put(v any) *raw {
	if err := binary.Write(r, binary.LittleEndian, v); err != nil {
		panic(err)
	}
	return r
}

func (r *raw) text(s string) *raw {
	r.u64(uint64(len(s)))
	r.WriteString(s)
	return r
}

// start begins a file of version 3.
func start(tensors, keys uint64) *raw {
	r := &raw{}
	r.WriteString(magic)
	return r.u32(3).u64(tensors, keys)
}

// key adds a pair whose value follows.
func (r *raw) key(name string, kind Kind) *raw { return r.text(name).u32(uint32(kind)) }

// tensor adds an entry of the directory; ne has the fastest axis first.
func (r *raw) tensor(name string, t Type, offset uint64, ne ...uint64) *raw {
	return r.text(name).u32(uint32(len(ne))).u64(ne...).u32(uint32(t)).u64(offset)
}

// fill pads to 32 and adds n bytes.
func (r *raw) fill(n int) []byte {
	r.Write(make([]byte, -r.Len()&31))
	for i := range n {
		r.WriteByte(byte(i))
	}
	return r.Bytes()
}

// small is a right file with something of everything.
func small() []byte {
	r := start(3, 6)
	r.key("general.architecture", String).text("llama")
	r.key("llama.block_count", Uint32).u32(2)
	r.key("tokens", Array).u32(uint32(String)).u64(3).text("a").text("").text("\xff\xfe")
	r.key("scores", Array).u32(uint32(Float32)).u64(2).put([]float32{1.5, -2})
	r.key("nested", Array).u32(uint32(Array)).u64(1).u32(uint32(Bool)).u64(2).put([]bool{true, false})
	r.key("general.alignment", Uint32).u32(32)
	r.tensor("norm", F32, 0, 5)
	r.tensor("q", Q4_0, 32, 64, 2)
	r.tensor("scalar", I8, 128)
	return r.fill(129)
}

func parse(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Parse("test.gguf", b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// wants checks that err is there and says each of parts.
func wants(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want it to contain %q", err, p)
		}
	}
}
