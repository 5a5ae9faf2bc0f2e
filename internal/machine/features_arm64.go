package machine

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// features returns the instruction sets that processor and system support. Those
// that x/sys does not know are looked up in the flags that the system lists.
func features(flags []string) []string {
	x := &cpu.ARM64
	list := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"asimd", x.HasASIMD},
		{"asimdhp", x.HasASIMDHP},
		{"asimddp", x.HasASIMDDP},
		{"i8mm", x.HasI8MM},
		{"bf16", slices.Contains(flags, "bf16")},
		{"sve", x.HasSVE},
		{"sve2", x.HasSVE2},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}
