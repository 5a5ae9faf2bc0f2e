package machine

import (
	"math"
	"strconv"
	"strings"
)

// maxBytes is more memory than there is; larger numbers mean something else.
const maxBytes = 1 << 60

// parseAmounts reads lines "Key: 123 kB" of /proc/meminfo and "key 123" of a
// control group's memory.stat; the amounts are in bytes.
func parseAmounts(text string) map[string]int64 {
	amounts := map[string]int64{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || n < 0 {
			continue
		}
		if len(f) > 2 && f[2] == "kB" {
			if n > maxBytes>>10 {
				continue
			}
			n <<= 10
		}
		if n > maxBytes {
			continue
		}
		amounts[strings.TrimSuffix(f[0], ":")] = n
	}
	return amounts
}

// memory returns what the machine has in all, the limit of a control group (0
// where there is none below it) and what is available (-1 where it is unknown).
func (r root) memory() (total, limit, available int64) {
	text, _ := r.text("proc/meminfo")
	amounts := parseAmounts(text)
	total = amounts["MemTotal"]
	available, ok := amounts["MemAvailable"]
	if !ok { // kernels before 3.14, and systems that imitate one
		free, known := amounts["MemFree"]
		available = free + amounts["Buffers"] + amounts["Cached"]
		if !known {
			available = -1
		}
	}
	// Under strict accounting more than the limit cannot be asked for.
	if mode, _ := r.number("proc/sys/vm/overcommit_memory"); mode == 2 && available >= 0 {
		if commit, ok := amounts["CommitLimit"]; ok {
			available = min(available, max(0, commit-amounts["Committed_AS"]))
		}
	}
	groupLimit, left := r.groupMemory()
	if left != math.MaxInt64 && (available < 0 || left < available) {
		available = left
	}
	if groupLimit < total || total == 0 && groupLimit != math.MaxInt64 {
		limit = groupLimit
	}
	return total, limit, available
}
