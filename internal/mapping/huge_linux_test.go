package mapping

import (
	"testing"
	"unsafe"
)

// TestOpenHugeAddress: only at such an address do huge pages of the file help.
func TestOpenHugeAddress(t *testing.T) {
	for _, size := range []int{1, 3*HugePage + 5} {
		f, err := OpenHuge(write(t, size))
		if err != nil {
			t.Fatal(err)
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(f.Bytes()))); at%HugePage != 0 {
			t.Errorf("%d bytes are mapped at %#x, want a multiple of %#x", size, at, HugePage)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
