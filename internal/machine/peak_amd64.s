//go:build amd64 && !purego

#include "textflag.h"

// Loops without memory: independent chains of the instruction that limits a
// kernel, enough of them to hide its latency on all of a processor's units.

// 0x0f in every byte of W, 0x7f in every byte of Q: the largest of a weight of
// four bits and of an activation.
#define OPERANDS(W, Q) \
	MOVL         $0x0f0f0f0f, R8 \
	VMOVD        R8, X14         \
	VPBROADCASTD X14, W          \
	MOVL         $0x7f7f7f7f, R8 \
	VMOVD        R8, X15         \
	VPBROADCASTD X15, Q

// 1 in every lane of A, 2^-20 in every lane of B.
#define FACTORS(A, B) \
	MOVL         $0x3f800000, R8 \
	VMOVD        R8, X14         \
	VPBROADCASTD X14, A          \
	MOVL         $0x35800000, R8 \
	VMOVD        R8, X15         \
	VPBROADCASTD X15, B

#define DOT4(A, B, C, D) \
	VPDPBUSD Z30, Z31, A \
	VPDPBUSD Z30, Z31, B \
	VPDPBUSD Z30, Z31, C \
	VPDPBUSD Z30, Z31, D

// func int8AVX512(n int)
// runs n times 24 dot steps of 64 products each.
TEXT ·int8AVX512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	OPERANDS(Z31, Z30)

loop:
	DOT4(Z0, Z1, Z2, Z3)
	DOT4(Z4, Z5, Z6, Z7)
	DOT4(Z8, Z9, Z10, Z11)
	DOT4(Z12, Z13, Z14, Z15)
	DOT4(Z16, Z17, Z18, Z19)
	DOT4(Z20, Z21, Z22, Z23)
	SUBQ $1, CX
	JNE  loop
	VZEROUPPER
	RET

#define FMA4(A, B, C, D, X, Y) \
	VFMADD231PS X, Y, A \
	VFMADD231PS X, Y, B \
	VFMADD231PS X, Y, C \
	VFMADD231PS X, Y, D

// func f32AVX512(n int)
// runs n times 24 fused multiply-adds of 16 lanes.
TEXT ·f32AVX512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	FACTORS(Z31, Z30)

loop:
	FMA4(Z0, Z1, Z2, Z3, Z30, Z31)
	FMA4(Z4, Z5, Z6, Z7, Z30, Z31)
	FMA4(Z8, Z9, Z10, Z11, Z30, Z31)
	FMA4(Z12, Z13, Z14, Z15, Z30, Z31)
	FMA4(Z16, Z17, Z18, Z19, Z30, Z31)
	FMA4(Z20, Z21, Z22, Z23, Z30, Z31)
	SUBQ $1, CX
	JNE  loop
	VZEROUPPER
	RET

#define PAIR4(A, B, C, D) \
	VPMADDUBSW Y15, Y14, A \
	VPMADDUBSW Y15, Y14, B \
	VPMADDUBSW Y15, Y14, C \
	VPMADDUBSW Y15, Y14, D

#define STEP \
	PAIR4(Y8, Y9, Y10, Y11) \
	VPADDW Y8, Y4, Y4       \
	VPADDW Y9, Y5, Y5       \
	VPADDW Y10, Y6, Y6      \
	VPADDW Y11, Y7, Y7

// func int8AVX2(n int)
// runs n times eight dot steps of 32 products each in four chains. Weights of
// four bits let eight steps be added in 16 bits, before they are widened: that
// is the most that these instructions can do.
TEXT ·int8AVX2(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	OPERANDS(Y14, Y15)
	VPCMPEQW Y13, Y13, Y13
	VPSRLW   $15, Y13, Y13 // ones

loop:
	PAIR4(Y4, Y5, Y6, Y7)
	STEP
	STEP
	STEP
	STEP
	STEP
	STEP
	STEP
	VPMADDWD Y13, Y4, Y4
	VPMADDWD Y13, Y5, Y5
	VPMADDWD Y13, Y6, Y6
	VPMADDWD Y13, Y7, Y7
	VPADDD   Y4, Y0, Y0
	VPADDD   Y5, Y1, Y1
	VPADDD   Y6, Y2, Y2
	VPADDD   Y7, Y3, Y3
	SUBQ     $1, CX
	JNE      loop
	VZEROUPPER
	RET

// func f32AVX2(n int)
// runs n times twelve fused multiply-adds of 8 lanes.
TEXT ·f32AVX2(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	FACTORS(Y14, Y15)

loop:
	FMA4(Y0, Y1, Y2, Y3, Y15, Y14)
	FMA4(Y4, Y5, Y6, Y7, Y15, Y14)
	FMA4(Y8, Y9, Y10, Y11, Y15, Y14)
	SUBQ $1, CX
	JNE  loop
	VZEROUPPER
	RET
