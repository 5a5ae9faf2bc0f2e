package gguf

import "testing"

// TestType holds numbers and sizes against GGML's: ggml.h (enum ggml_type) and the
// static assertions of ggml-common.h.
func TestType(t *testing.T) {
	for _, c := range []struct {
		number      Type
		name        string
		block, size int
	}{
		{0, "F32", 1, 4},
		{1, "F16", 1, 2},
		{2, "Q4_0", 32, 2 + 16},
		{3, "Q4_1", 32, 4 + 16},
		{6, "Q5_0", 32, 2 + 4 + 16},
		{7, "Q5_1", 32, 4 + 4 + 16},
		{8, "Q8_0", 32, 2 + 32},
		{9, "Q8_1", 32, 4 + 32},
		{10, "Q2_K", 256, 4 + 16 + 64},
		{11, "Q3_K", 256, 2 + 64 + 32 + 12},
		{12, "Q4_K", 256, 4 + 12 + 128},
		{13, "Q5_K", 256, 4 + 12 + 128 + 32},
		{14, "Q6_K", 256, 2 + 16 + 192},
		{15, "Q8_K", 256, 4 + 256 + 32},
		{16, "IQ2_XXS", 256, 2 + 64},
		{17, "IQ2_XS", 256, 2 + 64 + 8},
		{18, "IQ3_XXS", 256, 2 + 96},
		{19, "IQ1_S", 256, 2 + 32 + 16},
		{20, "IQ4_NL", 32, 2 + 16},
		{21, "IQ3_S", 256, 2 + 13*8 + 4},
		{22, "IQ2_S", 256, 2 + 64 + 16},
		{23, "IQ4_XS", 256, 2 + 2 + 4 + 128},
		{24, "I8", 1, 1},
		{25, "I16", 1, 2},
		{26, "I32", 1, 4},
		{27, "I64", 1, 8},
		{28, "F64", 1, 8},
		{29, "IQ1_M", 256, 32 + 16 + 8},
		{30, "BF16", 1, 2},
		{34, "TQ1_0", 256, 2 + 4 + 48},
		{35, "TQ2_0", 256, 2 + 64},
		{39, "MXFP4", 32, 1 + 16},
		{40, "NVFP4", 64, 4 + 32},
		{41, "Q1_0", 128, 2 + 16},
		{42, "Q2_0", 64, 2 + 16},
	} {
		if got := c.number.String(); got != c.name {
			t.Errorf("type %d: name %s, want %s", uint32(c.number), got, c.name)
		}
		if c.number.Block() != c.block || c.number.BlockBytes() != c.size {
			t.Errorf("%s: block %d in %d bytes, want %d in %d", c.name, c.number.Block(), c.number.BlockBytes(), c.block, c.size)
		}
		if got := c.number.RowBytes(3 * c.block); got != 3*c.size {
			t.Errorf("%s: three blocks take %d bytes, want %d", c.name, got, 3*c.size)
		}
		if got, ok := ParseType(c.name); got != c.number || !ok {
			t.Errorf("ParseType(%s) = %d, %v, want %d", c.name, uint32(got), ok, uint32(c.number))
		}
	}
	for _, c := range []struct {
		number Type
		name   string
	}{{4, "Q4_2"}, {5, "Q4_3"}, {31, "Q4_0_4_4"}, {38, "IQ4_NL_8_8"}, {43, "type 43"}, {9999, "type 9999"}, {1<<32 - 1, "type 4294967295"}} {
		if c.number.Known() || c.number.Block() != 0 || c.number.BlockBytes() != 0 || c.number.RowBytes(256) != 0 || c.number.String() != c.name {
			t.Errorf("type %d: %s, known %v, block %d, want %s and unknown", uint32(c.number), c.number, c.number.Known(), c.number.Block(), c.name)
		}
	}
	for _, name := range []string{"", "q4_0", "Q4_2", "type 4"} {
		if got, ok := ParseType(name); ok {
			t.Errorf("ParseType(%q) = %s, want none", name, got)
		}
	}
}
