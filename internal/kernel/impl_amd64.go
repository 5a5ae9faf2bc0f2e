//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

func hasImpl(i Impl) bool {
	x := &cpu.X86
	avx2 := x.HasAVX2 && x.HasFMA && x.HasF16C
	switch i {
	case AVX2:
		return avx2
	case AVX512:
		return avx2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512VNNI
	}
	return i == Portable
}
