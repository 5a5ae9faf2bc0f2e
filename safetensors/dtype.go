package safetensors

// DType is the type of a tensor's elements, as headers spell it. A header may
// name a type that is none of those below: its tensors are listed, and refused
// when their bytes are asked for.
type DType string

// The types that are read, all little-endian.
const (
	F64     DType = "F64"
	F32     DType = "F32"
	F16     DType = "F16"
	BF16    DType = "BF16"
	F8_E4M3 DType = "F8_E4M3"
	F8_E5M2 DType = "F8_E5M2"
	F8_E8M0 DType = "F8_E8M0"
	I64     DType = "I64"
	I32     DType = "I32"
	I16     DType = "I16"
	I8      DType = "I8"
	U64     DType = "U64"
	U32     DType = "U32"
	U16     DType = "U16"
	U8      DType = "U8"
	Bool    DType = "BOOL"
)

// Size returns the bytes of an element, 0 for a type that is not read.
func (t DType) Size() int {
	switch t {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case F16, BF16, I16, U16:
		return 2
	case F8_E4M3, F8_E5M2, F8_E8M0, I8, U8, Bool:
		return 1
	}
	return 0
}

// Known says whether t is a type that is read.
func (t DType) Known() bool { return t.Size() > 0 }
