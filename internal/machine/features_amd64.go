package machine

import "golang.org/x/sys/cpu"

// features returns the instruction sets that processor and system support; flags
// are those that Linux lists.
func features(flags []string) []string {
	x := &cpu.X86
	fp16, tiles := beyond(flags)
	list := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", x.HasAVX2},
		{"fma", x.HasFMA && x.HasAVX},
		{"f16c", x.HasF16C && x.HasAVX},
		{"avx_vnni", x.HasAVXVNNI},
		{"avx512f", x.HasAVX512F},
		{"avx512bw", x.HasAVX512BW},
		{"avx512vl", x.HasAVX512VL},
		{"avx512dq", x.HasAVX512DQ},
		{"avx512_vnni", x.HasAVX512VNNI},
		{"avx512_bf16", x.HasAVX512BF16},
		{"avx512_fp16", x.HasAVX512F && fp16},
		{"amx_tile", x.HasAMXTile && tiles},
		{"amx_int8", x.HasAMXInt8 && tiles},
		{"amx_bf16", x.HasAMXBF16 && tiles},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}
