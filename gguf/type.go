package gguf

import "fmt"

// Type is the type of a tensor's elements, by GGML's number (enum ggml_type).
type Type uint32

// GGML's types. Numbers that are missing were withdrawn or never given.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

// types holds for each number its name, the elements of a block and the bytes of
// a block of one row. A withdrawn type has a name and no block.
var types = [...]struct {
	name         string
	block, bytes int
	meta         int // bytes of a row before its blocks
	together     int // rows that are interleaved
}{
	F32:     {"F32", 1, 4, 0, 1},
	F16:     {"F16", 1, 2, 0, 1},
	Q4_0:    {"Q4_0", 32, 18, 0, 1},
	Q4_1:    {"Q4_1", 32, 20, 0, 1},
	4:       {"Q4_2", 0, 0, 0, 1},
	5:       {"Q4_3", 0, 0, 0, 1},
	Q5_0:    {"Q5_0", 32, 22, 0, 1},
	Q5_1:    {"Q5_1", 32, 24, 0, 1},
	Q8_0:    {"Q8_0", 32, 34, 0, 1},
	Q8_1:    {"Q8_1", 32, 36, 0, 1},
	Q2_K:    {"Q2_K", 256, 84, 0, 1},
	Q3_K:    {"Q3_K", 256, 110, 0, 1},
	Q4_K:    {"Q4_K", 256, 144, 0, 1},
	Q5_K:    {"Q5_K", 256, 176, 0, 1},
	Q6_K:    {"Q6_K", 256, 210, 0, 1},
	Q8_K:    {"Q8_K", 256, 292, 0, 1},
	IQ2_XXS: {"IQ2_XXS", 256, 66, 0, 1},
	IQ2_XS:  {"IQ2_XS", 256, 74, 0, 1},
	IQ3_XXS: {"IQ3_XXS", 256, 98, 0, 1},
	IQ1_S:   {"IQ1_S", 256, 50, 0, 1},
	IQ4_NL:  {"IQ4_NL", 32, 18, 0, 1},
	IQ3_S:   {"IQ3_S", 256, 110, 0, 1},
	IQ2_S:   {"IQ2_S", 256, 82, 0, 1},
	IQ4_XS:  {"IQ4_XS", 256, 136, 0, 1},
	I8:      {"I8", 1, 1, 0, 1},
	I16:     {"I16", 1, 2, 0, 1},
	I32:     {"I32", 1, 4, 0, 1},
	I64:     {"I64", 1, 8, 0, 1},
	F64:     {"F64", 1, 8, 0, 1},
	IQ1_M:   {"IQ1_M", 256, 56, 0, 1},
	BF16:    {"BF16", 1, 2, 0, 1},
	31:      {"Q4_0_4_4", 0, 0, 0, 1},
	32:      {"Q4_0_4_8", 0, 0, 0, 1},
	33:      {"Q4_0_8_8", 0, 0, 0, 1},
	TQ1_0:   {"TQ1_0", 256, 54, 0, 1},
	TQ2_0:   {"TQ2_0", 256, 66, 0, 1},
	36:      {"IQ4_NL_4_4", 0, 0, 0, 1},
	37:      {"IQ4_NL_4_8", 0, 0, 0, 1},
	38:      {"IQ4_NL_8_8", 0, 0, 0, 1},
	MXFP4:   {"MXFP4", 32, 17, 0, 1},
	NVFP4:   {"NVFP4", 64, 36, 0, 1},
	Q1_0:    {"Q1_0", 128, 18, 0, 1},
	Q2_0:    {"Q2_0", 64, 18, 0, 1},

	// ik_llama.cpp's (github.com/ikawrakow/ik_llama.cpp, ggml.h at commit 8337e4c). Those that
	// other engines have under its numbers, and of activations, are left out.
	133: {"Q6_0", 32, 26, 0, 1},
	137: {"IQ2_K", 256, 76, 0, 1},
	138: {"IQ3_K", 256, 110, 0, 1},
	139: {"IQ4_K", 256, 144, 0, 1},
	140: {"IQ5_K", 256, 176, 0, 1},
	141: {"IQ6_K", 256, 212, 0, 1},
	144: {"IQ4_KS", 256, 136, 4, 1},
	145: {"IQ2_KS", 256, 70, 2, 1},
	146: {"IQ4_KSS", 256, 128, 4, 1},
	152: {"IQ5_KS", 256, 168, 4, 1},
	153: {"IQ2_KT", 256, 68, 4, 1},
	154: {"IQ3_KT", 256, 100, 4, 1},
	155: {"IQ4_KT", 256, 128, 4, 1},
	156: {"IQ3_KS", 256, 102, 2, 1},
	157: {"IQ2_KL", 256, 86, 2, 1},
	158: {"IQ1_KT", 256, 56, 4, 1},
	202: {"Q4_0_R8", 32, 18, 0, 8},
	206: {"Q5_0_R4", 32, 22, 0, 4},
	208: {"Q8_0_R8", 32, 34, 0, 8},
	210: {"Q2_K_R4", 256, 84, 0, 4},
	211: {"Q3_K_R4", 256, 110, 0, 4},
	212: {"Q4_K_R4", 256, 144, 0, 4},
	213: {"Q5_K_R4", 256, 176, 0, 4},
	214: {"Q6_K_R4", 256, 210, 0, 4},
	216: {"IQ2_XXS_R4", 256, 66, 0, 4},
	217: {"IQ2_XS_R4", 256, 74, 0, 4},
	218: {"IQ3_XXS_R4", 256, 98, 0, 4},
	219: {"IQ1_S_R4", 256, 48, 2, 4},
	220: {"IQ4_NL_R4", 32, 18, 0, 4},
	221: {"IQ3_S_R4", 256, 110, 0, 4},
	222: {"IQ2_S_R4", 256, 82, 0, 4},
	223: {"IQ4_XS_R8", 256, 136, 0, 8},
	233: {"Q6_0_R4", 32, 26, 0, 4},
	337: {"IQ2_K_R4", 256, 76, 0, 4},
	338: {"IQ3_K_R4", 256, 110, 0, 4},
	339: {"IQ4_K_R4", 256, 144, 0, 4},
	340: {"IQ5_K_R4", 256, 176, 0, 4},
	344: {"IQ4_KS_R4", 256, 136, 4, 4},
	352: {"IQ5_KS_R4", 256, 168, 4, 4},
	353: {"MXFP4_R8", 32, 17, 0, 8},
}

// ParseType returns the type of that name, such as "Q4_K"; false for a name that
// no type in use has.
func ParseType(name string) (Type, bool) {
	for t := range types {
		if types[t].name == name && types[t].block > 0 {
			return Type(t), true
		}
	}
	return 0, false
}

// Known says whether t is a type in use, one whose size is known.
func (t Type) Known() bool { return t.Block() > 0 }

// String returns GGML's name of t, "type 99" for a number that has none.
func (t Type) String() string {
	if int64(t) < int64(len(types)) && types[t].name != "" {
		return types[t].name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Block returns how many elements a block of t holds: 1 for plain types, 0 for
// an unknown one.
func (t Type) Block() int {
	if int64(t) < int64(len(types)) {
		return types[t].block
	}
	return 0
}

// BlockBytes returns the bytes of a block of t, 0 for an unknown type.
func (t Type) BlockBytes() int {
	if int64(t) < int64(len(types)) {
		return types[t].bytes
	}
	return 0
}

// RowBytes returns the bytes of a row of n elements of t, n being a multiple of Block; 0
// for an unknown type. Some types have a factor before the blocks of each row.
func (t Type) RowBytes(n int) int {
	if !t.Known() {
		return 0
	}
	return types[t].meta + n/t.Block()*t.BlockBytes()
}

// Together returns how many rows of t lie interleaved: a tensor has a multiple of so many.
func (t Type) Together() int {
	if !t.Known() {
		return 1
	}
	return types[t].together
}
