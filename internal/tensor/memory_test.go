package tensor

import (
	"errors"
	"math"
	"testing"
	"unsafe"
)

func TestAllocate(t *testing.T) {
	for _, n := range []int{0, 1, 63, 4096, 5 << 20} {
		m, err := Allocate(n)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		b := m.Bytes()
		if len(b) != n {
			t.Fatalf("got %d bytes, want %d", len(b), n)
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("%d bytes: byte %d is %d, want 0", n, i, b[i])
			}
			b[i] = 1
		}
		if n > 0 && uintptr(unsafe.Pointer(&b[0]))%64 != 0 {
			t.Errorf("%d bytes do not start at a multiple of 64", n)
		}
		m.Free()
		if m.Bytes() != nil {
			t.Errorf("%d bytes are still there after Free", n)
		}
		m.Free() // twice is harmless
	}
	if _, err := Allocate(math.MaxInt64 / 2); !errors.Is(err, ErrNoMemory) {
		t.Errorf("a size that no machine has: got %v, want ErrNoMemory", err)
	}
}

func TestResize(t *testing.T) {
	s := make([]int32, 3, 8)
	for _, n := range []int{0, 8, 9} {
		got := Resize(s, n)
		if len(got) != n {
			t.Errorf("got %d elements, want %d", len(got), n)
		}
		if same := unsafe.SliceData(got) == unsafe.SliceData(s); same != (n <= cap(s)) {
			t.Errorf("%d elements in room for %d: the same memory: %v", n, cap(s), same)
		}
	}
}

func TestAligned(t *testing.T) {
	for n := range 200 {
		b := Aligned(n)
		if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%alignment != 0 {
			t.Fatalf("%d bytes: got %d with room for %d at %p", n, len(b), cap(b), unsafe.SliceData(b))
		}
	}
}

func TestDTypes(t *testing.T) {
	for d := Invalid + 1; d < numDTypes; d++ {
		got, ok := ParseDType(d.String())
		if !ok || got != d {
			t.Errorf("ParseDType(%q) = %v, %v", d.String(), got, ok)
		}
		if d.Block() < 1 || d.BlockBytes() < 1 || d.RowBytes(2*d.Block()) != 2*d.BlockBytes() {
			t.Errorf("%s has blocks of %d elements in %d bytes", d, d.Block(), d.BlockBytes())
		}
		if d.IsFloat() && d.IsQuantised() {
			t.Errorf("%s is both float and quantised", d)
		}
	}
	for _, name := range []string{"", "invalid", "q4_K", "Q4", "F8"} {
		if d, ok := ParseDType(name); ok {
			t.Errorf("ParseDType(%q) = %v, want none", name, d)
		}
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true},
		{[]int{3, 4}, 12, true},
		{[]int{0, math.MaxInt}, 0, true},
		{[]int{-1}, 0, false},
		{[]int{math.MaxInt, 2}, 0, false},
		{[]int{1 << 32, 1 << 32}, 0, false},
	} {
		n, ok := Elements(c.shape)
		if n != c.n || ok != c.ok {
			t.Errorf("Elements(%v) = %d, %v, want %d, %v", c.shape, n, ok, c.n, c.ok)
		}
	}
}
