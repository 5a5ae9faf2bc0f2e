package convert

import (
	"errors"
	"math"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// MXFP4 (OCP Microscaling 1.0, §5.3): codes of four bits, and a power of two for 32 of them.

// Numbers that share a power of two, and the bytes of their codes.
const (
	mxfp4Numbers = 32
	mxfp4Codes   = mxfp4Numbers / 2
)

// errNoPower is the error for the one power of two that is none.
var errNoPower = errors.New("a power of two that is no number")

// decodeFourBits writes a row that begins at a block as numbers: byte j of a block has element
// 2j in its low half.
//
//	dst [cols]   codes [.., cols/32, 16]   powers [.., cols/32]
func decodeFourBits(dst []float32, codes, powers []byte, block int) {
	for ; len(dst) > 0; dst, block = dst[mxfp4Numbers:], block+1 {
		power := float32(math.Ldexp(1, int(powers[block])-127))
		if powers[block] == 0xff {
			power = float32(math.NaN())
		}
		for i := range mxfp4Numbers {
			dst[i] = quant.E2M1ToF32(codes[block*mxfp4Codes+i/2]>>(4*(i%2))&15) * power
		}
	}
}

// packFourBits writes a row that begins at a block as GGUF files have it: the power, then 16
// bytes of which byte j has element j in its low half and element 16+j in the other.
//
//	dst [cols/32, 17]   codes [.., cols/32, 16]   powers [.., cols/32]
func packFourBits(dst, codes, powers []byte, block int) error {
	size := tensor.MXFP4.BlockBytes()
	for ; len(dst) > 0; dst, block = dst[size:], block+1 {
		if powers[block] == 0xff {
			return errNoPower
		}
		quant.PutMXFP4(dst[:size], powers[block], codes[block*mxfp4Codes:])
	}
	return nil
}
