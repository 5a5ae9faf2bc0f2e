// Package tensor is the common coin of the engine: element types, and views of
// memory that say what is in it. There are no operations here; see kernel.
package tensor

import "fmt"

// DType is the type of a tensor's elements. Quantised types are named as GGML
// names them, small floats as safetensors does.
type DType uint8

// The types. Invalid is the zero value, so that a forgotten type is noticed.
const (
	Invalid DType = iota
	F64
	F32
	F16
	BF16
	F8E4M3
	F8E5M2
	F8E8M0
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	IQ1_S
	IQ1_M
	IQ4_NL
	IQ4_XS
	TQ1_0
	TQ2_0
	MXFP4
	NVFP4
	Q1_0
	Q2_0
	// ik_llama.cpp's. Blocks of those from IQ2_KS on begin with the factor that its files
	// have once a row, as float32.
	Q6_0
	IQ2_K
	IQ3_K
	IQ4_K
	IQ5_K
	IQ6_K
	IQ2_KS
	IQ2_KL
	IQ3_KS
	IQ4_KS
	IQ4_KSS
	IQ5_KS
	IQ1_KT
	IQ2_KT
	IQ3_KT
	IQ4_KT
	numDTypes
)

var dtypes = [numDTypes]struct {
	name  string
	block int // elements of a block
	bytes int // bytes of a block
}{
	Invalid: {"invalid", 0, 0},
	F64:     {"F64", 1, 8},
	F32:     {"F32", 1, 4},
	F16:     {"F16", 1, 2},
	BF16:    {"BF16", 1, 2},
	F8E4M3:  {"F8_E4M3", 1, 1},
	F8E5M2:  {"F8_E5M2", 1, 1},
	F8E8M0:  {"F8_E8M0", 1, 1},
	I64:     {"I64", 1, 8},
	I32:     {"I32", 1, 4},
	I16:     {"I16", 1, 2},
	I8:      {"I8", 1, 1},
	U64:     {"U64", 1, 8},
	U32:     {"U32", 1, 4},
	U16:     {"U16", 1, 2},
	U8:      {"U8", 1, 1},
	Bool:    {"BOOL", 1, 1},
	Q4_0:    {"Q4_0", 32, 18},
	Q4_1:    {"Q4_1", 32, 20},
	Q5_0:    {"Q5_0", 32, 22},
	Q5_1:    {"Q5_1", 32, 24},
	Q8_0:    {"Q8_0", 32, 34},
	Q2_K:    {"Q2_K", 256, 84},
	Q3_K:    {"Q3_K", 256, 110},
	Q4_K:    {"Q4_K", 256, 144},
	Q5_K:    {"Q5_K", 256, 176},
	Q6_K:    {"Q6_K", 256, 210},
	IQ2_XXS: {"IQ2_XXS", 256, 66},
	IQ2_XS:  {"IQ2_XS", 256, 74},
	IQ2_S:   {"IQ2_S", 256, 82},
	IQ3_XXS: {"IQ3_XXS", 256, 98},
	IQ3_S:   {"IQ3_S", 256, 110},
	IQ1_S:   {"IQ1_S", 256, 50},
	IQ1_M:   {"IQ1_M", 256, 56},
	IQ4_NL:  {"IQ4_NL", 32, 18},
	IQ4_XS:  {"IQ4_XS", 256, 136},
	TQ1_0:   {"TQ1_0", 256, 54},
	TQ2_0:   {"TQ2_0", 256, 66},
	MXFP4:   {"MXFP4", 32, 17},
	NVFP4:   {"NVFP4", 64, 36},
	Q1_0:    {"Q1_0", 128, 18},
	Q2_0:    {"Q2_0", 64, 18},
	Q6_0:    {"Q6_0", 32, 26},
	IQ2_K:   {"IQ2_K", 256, 76},
	IQ3_K:   {"IQ3_K", 256, 110},
	IQ4_K:   {"IQ4_K", 256, 144},
	IQ5_K:   {"IQ5_K", 256, 176},
	IQ6_K:   {"IQ6_K", 256, 212},
	IQ2_KS:  {"IQ2_KS", 256, 74},
	IQ2_KL:  {"IQ2_KL", 256, 90},
	IQ3_KS:  {"IQ3_KS", 256, 106},
	IQ4_KS:  {"IQ4_KS", 256, 140},
	IQ4_KSS: {"IQ4_KSS", 256, 132},
	IQ5_KS:  {"IQ5_KS", 256, 172},
	IQ1_KT:  {"IQ1_KT", 256, 60},
	IQ2_KT:  {"IQ2_KT", 256, 72},
	IQ3_KT:  {"IQ3_KT", 256, 104},
	IQ4_KT:  {"IQ4_KT", 256, 132},
}

// ParseDType returns the type of that name, such as "Q4_K" or "F8_E4M3";
// false for a name it does not know.
func ParseDType(name string) (DType, bool) {
	for t := Invalid + 1; t < numDTypes; t++ {
		if dtypes[t].name == name {
			return t, true
		}
	}
	return Invalid, false
}

func (t DType) String() string {
	if t < numDTypes {
		return dtypes[t].name
	}
	return fmt.Sprintf("DType(%d)", uint8(t))
}

// Block returns how many elements a block of t holds; 1 for plain types.
func (t DType) Block() int { return dtypes[t].block }

// BlockBytes returns the bytes of a block of t.
func (t DType) BlockBytes() int { return dtypes[t].bytes }

// RowBytes returns the bytes of n elements; n is a multiple of Block.
func (t DType) RowBytes(n int) int { return n / dtypes[t].block * dtypes[t].bytes }

// IsQuantised says whether t stores integers with scales by the block.
func (t DType) IsQuantised() bool { return t >= Q4_0 && t < numDTypes }

// IsFloat says whether t is a floating-point type that weights can have; CANON
// section 4 multiplies by these.
func (t DType) IsFloat() bool { return t >= F64 && t <= F8E5M2 }
