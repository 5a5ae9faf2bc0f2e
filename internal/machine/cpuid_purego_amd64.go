//go:build purego

package machine

import "slices"

// beyond tells of what x/sys does not, from the flags that Linux lists.
func beyond(flags []string) (fp16, tiles bool) {
	return slices.Contains(flags, "avx512_fp16"), slices.Contains(flags, "amx_tile")
}
