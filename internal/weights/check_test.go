package weights

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestCheck finds a NaN or an infinity in the row block that reads it, and in no
// other one; turned, with the first.
func TestCheck(t *testing.T) {
	const rows, cols = 40, 256
	for _, c := range []struct {
		t    tensor.DType
		code byte // in every byte of the stored element or block
		bad  bool
	}{
		{tensor.F32, 0xff, true},
		{tensor.F32, 0x41, false},
		{tensor.F16, 0x7c, true},
		{tensor.BF16, 0xff, true},
		{tensor.F8E4M3, 0x7f, true},
		{tensor.F8E4M3, 0x7e, false},
		{tensor.F8E5M2, 0xfc, true},
		{tensor.Q8_0, 0xff, true},
		{tensor.Q4_K, 0x7c, true},
		{tensor.Q6_K, 0x7d, true},
		{tensor.Q6_K, 0x3c, false},
		{tensor.IQ2_XXS, 0xff, true},
		{tensor.TQ1_0, 0xff, true},
		{tensor.MXFP4, 0xff, true},
		{tensor.NVFP4, 0x7f, true},
	} {
		size := c.t.RowBytes(cols)
		data := make([]byte, rows*size)
		at := 20*size + size/c.t.BlockBytes()/2*c.t.BlockBytes()
		for i := range c.t.BlockBytes() {
			data[at+i] = c.code
		}
		m, err := New("test", c.t, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		src := Source{Type: c.t, Data: data, Factor: 1}
		for b := range m.Blocks() {
			err := Check(&m, src, b, b+1)
			if want := c.bad && b == 1; errors.Is(err, ErrNotFinite) != want {
				t.Errorf("%s of bytes %#x: row block %d gives %v, want an error: %v", c.t, c.code, b, err, want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "row 20, column ") {
				t.Errorf("%s: %v, want row 20 named", c.t, err)
			}
		}
		src.Turned = true
		turned := kernel.NewFloatMatrix(cols, rows, tensor.F32, nil)
		for b := range turned.Blocks() {
			if err := Check(&turned, src, b, b+1); errors.Is(err, ErrNotFinite) != (c.bad && b == 0) {
				t.Errorf("%s of bytes %#x turned: row block %d gives %v", c.t, c.code, b, err)
			}
		}
	}
}
