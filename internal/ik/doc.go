// Package ik writes tensors of ik_llama.cpp's GGUF files as the blocks of package tensor's
// types: files have the factor of a row once, before its blocks, and the names that end in
// _R4 and _R8 have four or eight rows interleaved. No number changes.
//
// What files hold is as github.com/ikawrakow/ik_llama.cpp has it at commit 8337e4c (15 August
// 2026): blocks in ggml-common.h, and what the dequantize_row functions of iqk_quantize.cpp
// make of them.
package ik
