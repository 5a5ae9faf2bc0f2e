package checkpoint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Parts of a file that was cut, as some publishers do with what is beyond a limit of their
// host, are no files of their own, unlike the splits that GGUF knows.
var (
	cutCounted = regexp.MustCompile(`(?i)^((.+\.(?:gguf|safetensors))[.-]part)([0-9]+)(of)([0-9]{1,3})$`)    // m.gguf.part1of3
	cutOther   = regexp.MustCompile(`(?i)^(.+\.(?:gguf|safetensors))[.-](?:part_?[0-9]+|split-?[a-z0-9]+)$`) // m.gguf-split-a
)

// cutPart returns what a name is a part of, and what to do with it; "" for other names.
func cutPart(name string) string {
	if m := cutOther.FindStringSubmatch(name); m != nil {
		return fmt.Sprintf("%s is a part of %s, which was cut: join all its parts in their order to that", name, m[1])
	}
	m := cutCounted.FindStringSubmatch(name)
	if m == nil {
		return ""
	}
	before, whole, behind := m[1], m[2], m[4]+m[5]
	n, err := strconv.Atoi(m[5])
	if err != nil || n < 1 {
		return ""
	}
	var parts []string
	for i := 1; i <= n; i++ {
		switch {
		case i <= 3 || i == n:
			parts = append(parts, before+strconv.Itoa(i)+behind)
		case i == 4:
			parts = append(parts, "…")
		}
	}
	return fmt.Sprintf("%s is part %s of %d of %s, which was cut: join them, as with: cat %s > %s", name, m[3], n, whole, strings.Join(parts, " "), whole)
}
