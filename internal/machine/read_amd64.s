//go:build amd64 && !purego

#include "textflag.h"

// Each routine reads n bytes of one, two or four streams, the first at p, the
// next stride bytes behind it, 128 bytes of each in turn, and asks for what lies
// ahead bytes further on. n is a positive multiple of 128. What is loaded is not
// used: a load that has been issued is carried out.

// Two lines of the stream at P.
#define AHEAD(P) \
	PREFETCHT0 (P)(DX*1)   \
	PREFETCHT0 64(P)(DX*1)

#define LINES512(P) \
	AHEAD(P)           \
	VMOVUPS (P), Z0    \
	VMOVUPS 64(P), Z1  \
	ADDQ    $128, P

#define LINES256(P) \
	AHEAD(P)           \
	VMOVUPS (P), Y0    \
	VMOVUPS 32(P), Y1  \
	VMOVUPS 64(P), Y2  \
	VMOVUPS 96(P), Y3  \
	ADDQ    $128, P

#define ARGUMENTS \
	MOVQ p+0(FP), SI      \
	MOVQ stride+8(FP), BX \
	MOVQ n+16(FP), CX     \
	MOVQ ahead+24(FP), DX

#define STREAMS2 LEAQ (SI)(BX*1), DI

#define STREAMS4 \
	STREAMS2            \
	LEAQ (SI)(BX*2), R8 \
	LEAQ (DI)(BX*2), R9

// func read1AVX512(p *byte, stride, n, ahead int)
TEXT ·read1AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS

loop:
	LINES512(SI)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET

// func read2AVX512(p *byte, stride, n, ahead int)
TEXT ·read2AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	STREAMS2

loop:
	LINES512(SI)
	LINES512(DI)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET

// func read4AVX512(p *byte, stride, n, ahead int)
TEXT ·read4AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	STREAMS4

loop:
	LINES512(SI)
	LINES512(DI)
	LINES512(R8)
	LINES512(R9)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET

// func read1AVX2(p *byte, stride, n, ahead int)
TEXT ·read1AVX2(SB), NOSPLIT, $0-32
	ARGUMENTS

loop:
	LINES256(SI)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET

// func read2AVX2(p *byte, stride, n, ahead int)
TEXT ·read2AVX2(SB), NOSPLIT, $0-32
	ARGUMENTS
	STREAMS2

loop:
	LINES256(SI)
	LINES256(DI)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET

// func read4AVX2(p *byte, stride, n, ahead int)
TEXT ·read4AVX2(SB), NOSPLIT, $0-32
	ARGUMENTS
	STREAMS4

loop:
	LINES256(SI)
	LINES256(DI)
	LINES256(R8)
	LINES256(R9)
	SUBQ $128, CX
	JNE  loop
	VZEROUPPER
	RET
